"""Supervised tuning of a causal model on rows of text: what every such approach shares.

The tokens and what is learned of them come from ``_render``; TRL's SFTTrainer gets them ready made,
so that the X-ray of a row is what is trained on. Part of the training rows is held back to stop
early and to keep the best checkpoint; the evaluation rows are never looked at.
"""

import contextlib
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runners import (
    _allocator,
    _causal_lm,
    _generation,
    _guards,
    _probe,
    _processes,
    _raw_text,
    _sft_arguments,
    _sft_rows,
    _sft_trainer,
)
from runners import _forecast as _forecasts
from runners._sft_arguments import Recipe
from runners._sft_rows import Slices
from runners.base import Plan, Progress, Report, Row

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl import SFTTrainer

_FILLED = 0.8
"""Of the memory that is free, what the arithmetic may fill: it knows the tensors, and no more."""
_ASKED = 8
"""Rows that are answered after training, to see whether answers end."""


class Tuned(NamedTuple):
    """A model that was trained, as its approach has changed it."""

    model: Any
    tokenizer: "PreTrainedTokenizerBase"


Adapt = Callable[["PreTrainedModel"], Any]
"""Chooses what of the model is trained, and gives back the model with that in it."""


def tune(
    plan: Plan,
    rows: Sequence[Row],
    recipe: Recipe,
    adapt: Adapt,
    report: Report,
    opened: "tuple[PreTrainedModel, PreTrainedTokenizerBase] | None" = None,
) -> Tuned:
    """Train on the rows; the caller writes what it changed of the model.

    Args:
        plan: Gives the base model, the seed, the time limit and the folder.
        rows: Training rows.
        recipe: How to train.
        adapt: Chooses what of the model is trained.
        report: Told the loss as it goes.
        opened: The model, where it is opened in a way of its own.

    Raises:
        DataError: No row is left to learn from, or a row shows a fault of the template.
        GuardError: It would learn nothing, or it has not.
        UserError: This machine has not the memory for it.
    """
    began = time.perf_counter()
    _allocator.keep_freed_memory()
    import transformers

    _processes.check(plan, recipe.batch)
    transformers.set_seed(plan.seed)  # before adapters are made, since they start at random
    _causal_lm.require_causal(plan.base_model)
    model, tokenizer = opened or _causal_lm.open_model(plan.base_model)
    slices = _sft_rows.prepare(plan, rows, tokenizer, _window(model, recipe), report)
    _guards.words_fit(model, tokenizer, (row.ids for row in slices.train))
    adapted = adapt(model)
    recipe = _fitting(adapted, max(len(row.ids) for row in slices.train), recipe, report)
    recipe = _processes.agreed(plan, recipe)
    trainer = _trainer(plan, adapted, tokenizer, slices, recipe, report)
    _forecast(plan, trainer, slices, recipe, began, report)
    before = _guards.fingerprint(trainer.model)  # type: ignore[arg-type]
    _sft_trainer.train(plan, trainer, report)
    stopped = _sft_trainer.stopped(plan, trainer)
    _processes.leave(plan)
    if not stopped:  # the first step alone changes nothing: its rate is zero
        _guards.something_changed(before, trainer.model)  # type: ignore[arg-type]
    tuned: Any = trainer.model
    _for_use(tuned)
    window = _generation.window_of(model.config)
    room = _generation.room_for(rows, tokenizer, window)
    _check_ends(
        _generation.Writer(tuned.eval(), tokenizer, room),
        slices,
        report,
        stopped=stopped,
    )
    _generation.save(plan, room)
    _raw_text.forget_checkpoints(plan)
    return Tuned(tuned, tokenizer)


def _fitting(model: Any, tokens: int, recipe: Recipe, report: Report) -> Recipe:  # noqa: ANN401
    """Fewer rows at once, where the memory is too small for all of a step; what is learned stays.

    Only where nobody chose, and the model is of a kind whose memory can be told beforehand.
    """
    if recipe.micro_batch:
        return recipe
    rows, most = recipe.batch, _probe.available_bytes() * _FILLED

    def needed(count: int) -> int:
        found = _forecasts.causal_bytes(model, tokens, count, checkpointing=recipe.checkpointing)
        return found or 0

    while rows > 1 and needed(rows) > most:
        rows = math.ceil(rows / 2)
    if rows == recipe.batch:
        return recipe
    text = f"{rows} of {recipe.batch} rows go through at once: {needed(recipe.batch) / 2**30:.1f}"
    report(Progress(message=f"{text} GiB would be needed for all", warning=True))
    return replace(recipe, micro_batch=rows)


def _for_use(model: Any) -> None:  # noqa: ANN401
    """Switch off what is of use in training alone: with it, a mixture of experts cannot write."""
    config = model.config.get_text_config()
    if getattr(config, "output_router_logits", False):
        config.output_router_logits = False


def _window(model: "PreTrainedModel", recipe: Recipe) -> int:
    window = _generation.window_of(model.config)
    return min(window, recipe.max_tokens or window)


def _trainer(
    plan: Plan,
    model: Any,  # noqa: ANN401 - a transformers model, or PEFT's around one
    tokenizer: "PreTrainedTokenizerBase",
    slices: Slices,
    recipe: Recipe,
    report: Report,
) -> "SFTTrainer":
    from trl import SFTTrainer

    return SFTTrainer(
        model=model,
        args=_sft_arguments.arguments(plan, slices, recipe),
        processing_class=tokenizer,
        **_sft_trainer.parts(plan, slices, recipe, report),
    )


def _forecast(
    plan: Plan,
    trainer: Any,  # noqa: ANN401 - an SFTTrainer, whose own types are few
    slices: Slices,
    recipe: Recipe,
    began: float,
    report: Report,
) -> None:
    """Probe the steps as they will be, and say what they will take."""
    if not _probe.wanted():
        return
    rows = slices.train
    micro = _sft_arguments.micro_batch(plan, recipe)
    times = math.ceil(recipe.batch / (micro * plan.processes))

    def step(places: Sequence[int]) -> "torch.Tensor":
        examples = [
            {"input_ids": list(rows[place].ids), "labels": rows[place].labels} for place in places
        ]
        inputs = trainer._prepare_inputs(trainer.data_collator(examples))
        with trainer.compute_loss_context_manager():
            loss: torch.Tensor = trainer.compute_loss(trainer.model, inputs)
        return loss

    lengths = [len(row.ids) for row in rows]
    work = _probe.Work(
        began=began,
        lengths=lengths,
        batch=micro,
        steps=_sft_arguments.steps_of(len(rows), recipe) * times,
        model=trainer.model,
        step=step,
        estimated_bytes=_forecasts.causal_bytes(
            trainer.model, max(lengths), micro, checkpointing=recipe.checkpointing
        ),
    )
    try:
        _probe.forecast(plan, work, report)
    finally:  # the probe's steps are not the run's
        trainer._metrics["train"].clear()
        trainer._total_train_tokens = 0


def _check_ends(
    writer: _generation.Writer, slices: Slices, report: Report, *, stopped: bool
) -> None:
    """Ask some rows, not learned from where there are such: a model that never stops is useless."""
    rows = [row for row in slices.rows_held_back or slices.rows if row.target or row.messages]
    chosen = random.Random(0).sample(rows, min(_ASKED, len(rows)))
    cut = [answer.cut for answer in writer.predict(chosen)]
    if not stopped:
        _guards.ends(cut)
    elif cut and all(cut):
        text = f"none of {len(cut)} answers ended by itself; training was stopped early"
        report(Progress(message=text, warning=True))


def reopen(folder: Path, put_on: "Callable[[PreTrainedModel], Any]") -> _generation.Writer:
    """Open the base model, put on it what was trained, and write with it."""
    known = _generation.about(folder)
    model, tokenizer = _causal_lm.open_model(known["base_model"])
    with contextlib.suppress(AttributeError):
        model.config.use_cache = True
    return _generation.Writer(put_on(model).eval(), tokenizer, known["max_new_tokens"])
