"""What trainers of causal models and of encoder-decoders are given alike, and how they are run."""

from collections.abc import Sequence
from typing import Any

from runners import _guards, _raw_text, _sft_arguments, _tune_encoder
from runners._sft_arguments import Recipe
from runners.base import Plan, Progress, Report


def parts(plan: Plan, slices: Any, recipe: Recipe, report: Report) -> dict[str, Any]:  # noqa: ANN401
    """Rows in the order in which they are seen, rows that are only looked at, and callbacks.

    Args:
        plan: Gives the seed and the time limit.
        slices: ``_sft_rows.Slices`` of rows that have ``ids`` and ``labels``.
        recipe: How to train.
        report: Told the loss as it goes.
    """
    from transformers import EarlyStoppingCallback

    places = _sft_arguments.order([len(row.ids) for row in slices.train], recipe, plan.seed)
    callbacks = [_finite_loss(), _tune_encoder.news_callback(plan, report)]
    if slices.held_back:
        callbacks.append(EarlyStoppingCallback(early_stopping_patience=_sft_arguments.PATIENCE))
    return {
        "train_dataset": _dataset(slices.train).select(places),
        "eval_dataset": _dataset(slices.held_back) if slices.held_back else None,
        "callbacks": callbacks,
    }


def _dataset(rows: Sequence[Any]) -> Any:  # noqa: ANN401 - of datasets
    from datasets import Dataset

    return Dataset.from_list([{"input_ids": list(r.ids), "labels": r.labels} for r in rows])


def _finite_loss() -> Any:  # noqa: ANN401 - a TrainerCallback
    from transformers import TrainerCallback

    class Finite(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, control
            for name in ("loss", "eval_loss"):
                if name in (more.get("logs") or {}):
                    _guards.finite(float(more["logs"][name]), state.global_step)

    return Finite()


def train(plan: Plan, trainer: Any, report: Report) -> None:  # noqa: ANN401 - a Trainer
    """Train, from the last checkpoint where there is one."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # the news say it already
    last = _raw_text.last_checkpoint(plan.folder / _raw_text.CHECKPOINTS)
    if last:
        report(Progress(message=f"going on from {last.name}"))
    trainer.train(resume_from_checkpoint=str(last) if last else None)


def stopped(plan: Plan, trainer: Any) -> bool:  # noqa: ANN401
    """Whether the time was used up before the end."""
    return plan.max_minutes is not None and trainer.state.global_step < trainer.state.max_steps
