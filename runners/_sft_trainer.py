"""What trainers of causal models and of encoder-decoders are given alike, and how they are run."""

from collections.abc import Sequence
from typing import Any

from runners import _checkpoints, _guards, _sft_arguments, _tune_encoder
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
    places = _sft_arguments.order([len(row.ids) for row in slices.train], recipe, plan.seed)
    return {
        "train_dataset": _dataset(slices.train).select(places),
        "eval_dataset": _dataset(slices.held_back) if slices.held_back else None,
        "callbacks": callbacks(plan, report, looks=bool(slices.held_back)),
    }


def callbacks(plan: Plan, report: Report, *, looks: bool, of_answers: bool = True) -> list[Any]:
    """Those that watch the loss, tell the news, and stop early where there are rows to look at."""
    from transformers import EarlyStoppingCallback

    found = [_guards.watch_loss(of_answers=of_answers), _tune_encoder.news_callback(plan, report)]
    if looks:
        found.append(EarlyStoppingCallback(early_stopping_patience=_sft_arguments.PATIENCE))
        found.append(_stopped_before())
    return found


def _dataset(rows: Sequence[Any]) -> Any:  # noqa: ANN401 - of datasets
    from datasets import Dataset

    return Dataset.from_list([{"input_ids": list(r.ids), "labels": r.labels} for r in rows])


def _stopped_before() -> Any:  # noqa: ANN401 - a TrainerCallback
    """A run that was killed after it had stopped early stops again, after one step without effect.

    The trainer makes that step in any case; then it goes back to the best checkpoint, as it did.
    """
    from transformers import TrainerCallback

    class StoppedBefore(TrainerCallback):
        over = False

        def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, control, more
            known = state.stateful_callbacks.get("EarlyStoppingCallback") or {}
            looks = known.get("attributes", {}).get("early_stopping_patience_counter", 0)
            self.over = looks >= _sft_arguments.PATIENCE

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, state, more
            if self.over:
                control.should_training_stop = True
                control.should_evaluate = control.should_save = False

    return StoppedBefore()


def train(plan: Plan, trainer: Any, report: Report) -> None:  # noqa: ANN401 - a Trainer
    """Train, from the last checkpoint where there is one."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)  # the news say it already
    last = _checkpoints.last(plan.folder)
    if last:
        report(Progress(message=f"going on from {last.name}"))
    trainer.train(resume_from_checkpoint=str(last) if last else None)


def stopped(plan: Plan, trainer: Any) -> bool:  # noqa: ANN401
    """Whether the time was used up before the end."""
    return plan.max_minutes is not None and trainer.state.global_step < trainer.state.max_steps


def keep_precision(model: Any) -> None:  # noqa: ANN401 - a transformers model, or PEFT's
    """Undo what TRL and bitsandbytes do to a model in four bits; any other stays as it is."""
    if not getattr(model, "is_loaded_in_4bit", False):
        return
    # TRL halves what learns beside four bits. A checkpoint is opened in full precision, so that
    # a run that was killed would go on as another one; and small steps would be lost.
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    # On a processor bitsandbytes repacks its weights at the first look at rows held back, which
    # rounds their scales anew: from there on it is another model than the one a kill reopens.
    for part in model.modules():
        if hasattr(part, "support_avx512bf16_for_cpu"):
            part.support_avx512bf16_for_cpu = False
