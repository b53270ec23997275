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
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runners import (
    _causal_lm,
    _generation,
    _guards,
    _ladder,
    _preferences,
    _probe,
    _processes,
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
    rows = _preferences.to_imitate(rows, report)
    import transformers

    _processes.check(plan, recipe.batch)
    transformers.set_seed(plan.seed)  # before adapters are made, since they start at random
    _causal_lm.require_causal(plan.base_model)
    model, tokenizer = opened or _causal_lm.open_model(plan.base_model)
    window = _generation.window_of(model.config)
    most = min(window, recipe.max_tokens or window)
    slices = _sft_rows.prepare(plan, rows, tokenizer, most, report)
    _guards.words_fit(model, tokenizer, (row.ids for row in slices.train))
    work, held = _Work(plan, rows, tokenizer, adapt, report), [model]
    del model, opened  # should memory be too small for it, nothing here may keep it
    trainer, before, slices = _train(work, held, slices, recipe, began)
    stopped = _sft_trainer.stopped(plan, trainer)
    tuned = _learned(plan, trainer, adapt)
    if not stopped:  # the first step alone changes nothing: its rate is zero
        _guards.something_changed(before, tuned)
    _for_use(tuned)
    room = _generation.room_for(rows, tokenizer, window)
    writer = _generation.Writer(tuned.eval(), tokenizer, room)
    _check_ends(writer, slices, report, stopped=stopped)
    _generation.save(plan, room)
    return Tuned(tuned, tokenizer)


class _Work(NamedTuple):
    """What stays the same, on whichever rung it is trained."""

    plan: Plan
    rows: Sequence[Row]
    tokenizer: "PreTrainedTokenizerBase"
    adapt: Adapt
    report: Report


def _train(
    work: _Work,
    held: "list[PreTrainedModel]",
    slices: Slices,
    asked: Recipe,
    began: float,
) -> "tuple[SFTTrainer, dict[str, float], Slices]":
    """Train on the first rung that holds: the trainer, the weights' marks before, and the rows."""
    import transformers

    plan, rendered = work.plan, slices.train
    four_bits = getattr(held[0], "is_loaded_in_4bit", False)
    model = work.adapt(held.pop())
    recipe = _ladder.agreed(plan, _ladder.before(plan, model, rendered, asked))
    _ladder.tell(asked, recipe, rendered, work.report)
    first = True
    while True:
        if recipe.max_tokens != asked.max_tokens:
            most = recipe.max_tokens or 0
            slices = _sft_rows.prepare(plan, work.rows, work.tokenizer, most, work.report)
        try:
            return *_attempt(work, model, slices, recipe, began if first else None), slices
        except (RuntimeError, MemoryError) as error:
            if plan.processes > 1 or not _ladder.is_out_of_memory(error):
                raise
        del model
        first, before = False, recipe
        recipe = _ladder.lower(plan, rendered, recipe)
        _ladder.tell(before, recipe, rendered, work.report)
        _ladder.free_memory()
        transformers.set_seed(plan.seed)
        model = work.adapt(_causal_lm.open_model(plan.base_model, four_bits=four_bits)[0])


def _attempt(
    work: _Work,
    model: Any,  # noqa: ANN401 - a transformers model, or PEFT's around one
    slices: Slices,
    recipe: Recipe,
    began: float | None,
) -> "tuple[SFTTrainer, dict[str, float]]":
    """Train; only a first attempt is probed, since memory at its highest stays so afterwards."""
    trainer = _trainer(work.plan, model, work.tokenizer, slices, recipe, work.report)
    if began is not None:
        _forecast(work.plan, trainer, slices, recipe, began, work.report)
    before = _guards.fingerprint(trainer.model)  # type: ignore[arg-type]
    _sft_trainer.train(work.plan, trainer, work.report)
    return trainer, before


def _learned(plan: Plan, trainer: Any, adapt: Adapt) -> Any:  # noqa: ANN401
    """The trained model, whole and in the first process alone; the others end here."""
    from torch import cuda

    if not _processes.splits(plan, cuda=cuda.is_available()):
        _processes.leave(plan)
        return trainer.model
    weights = _processes.whole_weights(trainer)
    _processes.leave(plan)
    whole = adapt(_causal_lm.open_model(plan.base_model)[0])
    whole.load_state_dict(weights)
    return whole


def _for_use(model: Any) -> None:  # noqa: ANN401
    """Switch off what is of use in training alone: with it, a mixture of experts cannot write."""
    config = model.config.get_text_config()
    if getattr(config, "output_router_logits", False):
        config.output_router_logits = False


def _trainer(
    plan: Plan,
    model: Any,  # noqa: ANN401 - a transformers model, or PEFT's around one
    tokenizer: "PreTrainedTokenizerBase",
    slices: Slices,
    recipe: Recipe,
    report: Report,
) -> "SFTTrainer":
    from trl import SFTTrainer

    trainer = SFTTrainer(
        model=model,
        args=_sft_arguments.arguments(plan, slices, recipe),
        processing_class=tokenizer,
        **_sft_trainer.parts(plan, slices, recipe, report),
    )
    _sft_trainer.keep_precision(model)
    return trainer


def _forecast(
    plan: Plan,
    trainer: Any,  # noqa: ANN401 - an SFTTrainer, whose own types are few
    slices: Slices,
    recipe: Recipe,
    began: float,
    report: Report,
) -> None:
    """Probe the steps as they will be, and say what they will take."""
    from torch import cuda

    if not _probe.wanted() or _processes.splits(plan, cuda=cuda.is_available()):
        return  # a model that is split may not fit whole into one of the devices
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

    if recipe.checkpointing:
        _sft_arguments.recompute(trainer)
    lengths = [len(row.ids) for row in rows]
    work = _probe.Work(
        began=began,
        lengths=lengths,
        batch=micro,
        steps=_sft_arguments.steps_of(len(rows), recipe) * times,
        model=trainer.model,
        step=step,
        estimated_bytes=_forecasts.causal_bytes(
            trainer.model,
            max(lengths),
            micro,
            checkpointing=recipe.checkpointing,
            optimizer=recipe.optimizer,
        ),
        order=_sft_arguments.order(lengths, recipe, plan.seed),
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
