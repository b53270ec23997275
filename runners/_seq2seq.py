"""Supervised tuning of an encoder-decoder on pairs of texts, with transformers' Seq2SeqTrainer.

Part of the training rows is held back to stop early and to keep the best checkpoint; the evaluation
rows are never looked at. No arithmetic of memory is known for such models, so none is foretold.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rules.errors import DataError, UserError
from runners import (
    _generation,
    _guards,
    _seq2seq_writer,
    _sft_arguments,
    _sft_rows,
    _sft_trainer,
)
from runners._seq2seq_writer import Encoded, Seq2SeqWriter
from runners._sft_arguments import Recipe
from runners.base import Plan, Progress, Report, Row

_ASKED = 8
"""Rows that are answered after training, to see whether answers end."""


def tune(
    plan: Plan,
    rows: Sequence[Row],
    recipe: Recipe,
    adapt: Callable[[Any], Any],
    report: Report,
) -> Seq2SeqWriter:
    """Train on the rows; the caller writes what it changed of the model.

    Args:
        plan: Gives the base model, the seed, the time limit and the folder.
        rows: Training rows.
        recipe: How to train.
        adapt: Chooses what of the model is trained.
        report: Told the loss as it goes.

    Raises:
        DataError: No row is left to learn from, or a row has no answer.
        GuardError: It would learn nothing, or it has not.
        UserError: Several processes.
    """
    import transformers

    if plan.processes > 1:
        what = "encoder-decoders are trained in one process"
        fix = "leave --processes out, or take a causal model"
        raise UserError(what, where=f"--processes {plan.processes}", fix=fix)
    transformers.set_seed(plan.seed)  # before adapters are made, since they start at random
    model, tokenizer = _seq2seq_writer.open_model(plan.base_model)
    window = _seq2seq_writer.window_of(model, tokenizer)
    encoded = _encoded(rows, model, tokenizer, min(window, recipe.max_tokens or window), report)
    slices: Any = _sft_rows.slices(plan, list(rows), encoded)
    _guards.words_fit(model, tokenizer, (ids for row in encoded for ids in (row.ids, row.labels)))
    trainer = _trainer(plan, adapt(model), tokenizer, slices, recipe, report)
    before = _guards.fingerprint(trainer.model)
    _sft_trainer.train(plan, trainer, report)
    room = _seq2seq_writer.room_for(rows, tokenizer, window)
    writer = Seq2SeqWriter(trainer.model.eval(), tokenizer, room)
    # Of a run that was stopped nothing is asked: the first step alone changes nothing.
    if not _sft_trainer.stopped(plan, trainer):
        _guards.something_changed(before, trainer.model)
        asked = slices.rows_held_back or slices.rows
        chosen = random.Random(0).sample(asked, min(_ASKED, len(asked)))
        _guards.ends([answer.cut for answer in writer.predict(chosen)])
    _generation.save(plan, room)
    return writer


def _encoded(
    rows: Sequence[Row],
    model: Any,  # noqa: ANN401 - a transformers model
    tokenizer: Any,  # noqa: ANN401
    max_tokens: int,
    report: Report,
) -> list[Encoded]:
    if not rows:
        raise DataError("no rows to learn from", where="training rows", fix="add rows")
    found = _seq2seq_writer.encode(rows, model, tokenizer, max_tokens)
    cut = sum(row.cut for row in found)
    if cut:
        text = (
            f"end_cut: {cut:,} of {len(rows):,} rows are longer than {max_tokens:,} tokens and cut"
        )
        report(Progress(message=text, warning=True))
    tokens, learned = sum(len(row.ids) for row in found), sum(len(row.labels) for row in found)
    report(Progress(message=f"{tokens:,} tokens go in, {learned:,} are learned to come out"))
    return found


def _trainer(
    plan: Plan,
    model: Any,  # noqa: ANN401 - a transformers model, or PEFT's around one
    tokenizer: Any,  # noqa: ANN401
    slices: Any,  # noqa: ANN401 - Slices of Encoded
    recipe: Recipe,
    report: Report,
) -> Any:  # noqa: ANN401 - a Seq2SeqTrainer
    from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer

    return Seq2SeqTrainer(
        model=model,
        args=_arguments(plan, slices, recipe),
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=model),
        processing_class=tokenizer,
        **_sft_trainer.parts(plan, slices, recipe, report),
    )


def _arguments(plan: Plan, slices: Any, recipe: Recipe) -> Any:  # noqa: ANN401
    """Those of causal models, as far as this trainer knows them."""
    from transformers import Seq2SeqTrainingArguments

    known = _sft_arguments.arguments(plan, slices, recipe)
    names = [field.name for field in fields(Seq2SeqTrainingArguments) if field.init]
    chosen = {name: getattr(known, name) for name in names if hasattr(known, name)}
    return Seq2SeqTrainingArguments(**chosen)


def reopen(folder: Path, put_on: Callable[[Any], Any]) -> Seq2SeqWriter:
    """Open the base model, put on it what was trained, and write with it."""
    writer = _seq2seq_writer.load(folder)
    return Seq2SeqWriter(put_on(writer.model).eval(), writer.tokenizer, writer.max_new_tokens)
