"""TRL's trainers for judged answers, given our own tokens: DPO and IPO for pairs, KTO for thumbs.

The likelihoods under the reference are computed once before training where that is cheaper: when
all weights learn, since no second model has to be held then, and when a pair is seen more often
than once, since the reference never changes.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from runners import _forecast as _forecasts
from runners import _probe, _sft_arguments, _sft_trainer
from runners._policy import Opened
from runners._sft_arguments import Recipe
from runners._sft_rows import Slices
from runners.base import Plan, Report

if TYPE_CHECKING:
    import torch

Loss = Literal["sigmoid", "ipo"]


@dataclass(frozen=True)
class Aim:
    """What is learned of judged answers."""

    loss: Loss
    beta: float
    thumbs: bool
    """Answers were judged one by one."""


def trainer(
    plan: Plan, opened: Opened, slices: Slices, recipe: Recipe, aim: Aim, report: Report
) -> Any:  # noqa: ANN401 - a trainer of TRL
    """The trainer, with the rows in the order in which they are seen."""
    places = _sft_arguments.order([len(row.ids) for row in slices.train], recipe, plan.seed)
    _sft_trainer.keep_precision(opened.model)  # the reference may be asked before training begins
    common = _sft_arguments.common(plan, slices, recipe)
    parts: dict[str, Any] = {
        "model": opened.model,
        "processing_class": opened.tokenizer,
        "peft_config": opened.peft_config,
        "callbacks": _sft_trainer.callbacks(
            plan, report, looks=bool(slices.held_back), of_answers=False
        ),
    }
    whole = opened.peft_config is None and not hasattr(opened.model, "peft_config")
    chosen = {**common, "max_length": None, "beta": aim.beta}
    if aim.thumbs:
        chosen["precompute_ref_log_probs"] = whole
        found = _kto(slices, places, chosen, parts)
    else:
        chosen["precompute_ref_log_probs"] = whole or recipe.epochs > 1
        chosen["loss_type"] = [aim.loss]
        found = _dpo(slices, places, chosen, parts)
    _sft_trainer.keep_precision(found.model)
    return found


def _dpo(
    slices: Slices, places: Sequence[int], chosen: dict[str, Any], parts: dict[str, Any]
) -> Any:  # noqa: ANN401
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    class Ready(DPOTrainer):
        def _prepare_dataset(self, dataset: Any, *given: Any, **more: Any) -> Any:  # noqa: ANN401
            del given, more
            return dataset  # tokens already

    held = [row.as_pair() for row in slices.held_back]
    found = Ready(
        args=DPOConfig(**chosen),
        train_dataset=Dataset.from_list([row.as_pair() for row in slices.train]),
        eval_dataset=Dataset.from_list(held) if held else None,
        **parts,
    )
    # Each pair was asked of the reference once; the order holds all passes.
    found.train_dataset = found.train_dataset.select(places)
    return found


def _kto(
    slices: Slices, places: Sequence[int], chosen: dict[str, Any], parts: dict[str, Any]
) -> Any:  # noqa: ANN401
    from datasets import Dataset
    from trl import KTOConfig, KTOTrainer

    class Ready(KTOTrainer):
        def _prepare_dataset(self, dataset: Any, *given: Any, **more: Any) -> Any:  # noqa: ANN401
            del given, more
            return dataset  # tokens already

    # The lighter side weighs more, so that both are worth the same (Ethayarajh et al. 2024, arXiv
    # 2402.01306, equation 8).
    liked = max(1, sum(bool(row.liked) for row in slices.train))
    disliked = max(1, len(slices.train) - liked)
    chosen["desirable_weight"] = max(1.0, disliked / liked)
    chosen["undesirable_weight"] = max(1.0, liked / disliked)
    micro = chosen["per_device_train_batch_size"]
    ordered = [slices.train[place].as_thumb() for place in places]
    held = [row.as_thumb() for row in slices.held_back]
    return Ready(
        args=KTOConfig(**chosen),
        train_dataset=Dataset.from_list(_mismatched(ordered, micro)),
        eval_dataset=Dataset.from_list(_mismatched(held, micro)) if held else None,
        **parts,
    )


def _mismatched(rows: list[dict[str, Any]], batch: int) -> list[dict[str, Any]]:
    """Beside each answer that of a neighbour in its batch: KTO's estimate of the KL needs it."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        others = [part[-1], *part[:-1]]
        found += [
            {**row, "KL_completion_ids": other["completion_ids"]}
            for row, other in zip(part, others, strict=True)
        ]
    return found


def forecast(
    plan: Plan,
    trainer: Any,  # noqa: ANN401 - a trainer of TRL
    recipe: Recipe,
    began: float,
    report: Report,
) -> None:
    """Probe the steps as they will be, and say what they will take."""
    if not _probe.wanted():
        return
    rows = trainer.train_dataset
    micro = _sft_arguments.micro_batch(plan, recipe)
    names = [name for name in rows.column_names if name.endswith("_ids")]
    lengths = [sum(len(row[name]) for name in names) for row in rows]

    def step(places: Sequence[int]) -> "torch.Tensor":
        inputs = trainer._prepare_inputs(trainer.data_collator([rows[n] for n in places]))
        with trainer.compute_loss_context_manager():
            loss: torch.Tensor = trainer.compute_loss(trainer.model, inputs)
        return loss

    if recipe.checkpointing:
        _sft_arguments.recompute(trainer)
    work = _probe.Work(
        began=began,
        lengths=lengths,
        batch=micro,
        steps=len(rows) // micro or 1,
        model=trainer.model,
        step=step,
        estimated_bytes=_forecasts.causal_bytes(
            trainer.model,
            max(_whole(row) for row in rows),
            2 * micro,  # both answers of a pair go through at once
            checkpointing=recipe.checkpointing,
            optimizer=recipe.optimizer,
        ),
        order=range(len(rows)),
    )
    try:
        _probe.forecast(plan, work, report)
    finally:  # the probe's steps are not the run's
        trainer._metrics["train"].clear()
        trainer._total_train_tokens = 0


def _whole(row: dict[str, Any]) -> int:
    """Tokens of the longest text of a row."""
    answers = [len(row[name]) for name in row if name.endswith("_ids") and name != "prompt_ids"]
    return len(row["prompt_ids"]) + max(answers)


def epochs_for(rows: int, seen: int) -> tuple[int, str]:
    """Passes when nobody chose, and why."""
    epochs = max(1, min(5, math.ceil(seen / max(rows, 1))))
    return epochs, f"about {seen:,} rows are seen in all, each of {rows:,} 1 to 5 times"


def clock() -> float:
    """When a fit began."""
    return time.perf_counter()
