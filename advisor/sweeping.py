"""A sweep on the training side of the split that ``run`` makes too, and what to type after it."""

import random
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from advisor import plan as plans
from advisor import training_side
from rules.errors import DataError
from runners import _data
from runners.base import DataFile, Report, Row
from runners.retrieval import files, sweep
from runners.retrieval.sweep import Grid, Swept

_KINDS = (
    *("prompt_completion", "instruction", "slots", "chat"),
    *("question_context", "question_documents"),
)
"""Rows that ask something whose answer can stand in a document."""
_FLAGS = ("input", "target", "id")
_SHARE = plans.Request.model_fields["evaluation_share"].default


def questions(request: plans.Request, runs: Path, most: int) -> tuple[list[Row], int]:
    """Questions to learn from, as many as wanted at most, and how many there are in all.

    Raises:
        DataError: The file cannot be used, is one to measure on, or asks nothing.
    """
    rows = _data.read_rows(_train(request, runs))
    if len(rows) <= most:
        return rows, len(rows)
    return random.Random(request.seed).sample(rows, most), len(rows)


def _train(request: plans.Request, runs: Path) -> DataFile:
    """The training side: of a split that is there, when one of its files is named, else of ours."""
    if known := training_side.named(request.data):
        return known.train
    kind = plans.data.read(request.data, request.columns).mapping.kind
    if kind not in _KINDS:
        says = plans.schemas()[kind].SAYS
        fix = "name the columns: --kind prompt_completion --input QUESTION --target ANSWER"
        what = f"these are {says}, and a sweep needs questions with their answers"
        raise DataError(what, where=str(request.data), fix=fix)
    return plans.freeze(request, runs).train


def require_apart(corpus: Path, data: Path) -> None:
    """Refuse questions that stand among the documents: each of them would find itself.

    Raises:
        DataError: The file lies in the folder.
    """
    inside = corpus.resolve() in data.resolve().parents or corpus.resolve() == data.resolve()
    if inside and data.suffix.lower() in files.KINDS:
        fix = "move it out of the folder of documents"
        raise DataError("the questions lie among the documents", where=str(data), fix=fix)


class Done(NamedTuple):
    """A sweep, and what it leads to."""

    swept: Swept
    rows: int
    """Of those to learn from; the questions were drawn from them."""
    commands: tuple[str, ...]
    """What to type next."""


def carry_out(
    corpus: Path, request: plans.Request, runs: Path, grid: Grid, *, most: int, report: Report
) -> Done:
    """Sweep, and say what to type with the setting that was picked.

    Raises:
        DataError: The documents or the questions cannot be used.
        SettingError: Nothing of the grid can be tried.
    """
    require_apart(corpus, request.data)
    rows, count = questions(request, runs, most)
    swept = sweep.sweep(corpus, rows, grid, report)
    answered = any(row.target or row.messages for row in rows)
    return Done(swept, count, commands(corpus, swept, flags(request) if answered else []))


def flags(request: plans.Request) -> list[str]:
    """What says the same rows, columns and split to ``run``."""
    said = ["--data", str(request.data)]
    if request.evaluation:
        said += ["--evaluation", str(request.evaluation)]
    if request.columns.kind:
        said += ["--kind", request.columns.kind]
    given = request.columns.given()
    for role, column in given.items():
        said += [f"--{role}", column] if role in _FLAGS else ["--role", f"{role}={column}"]
    if request.seed:
        said += ["--seed", str(request.seed)]
    if request.evaluation_share != _SHARE and not request.evaluation:
        said += ["--share", str(request.evaluation_share)]
    return said


def commands(corpus: Path, swept: Swept, flags: Sequence[str]) -> tuple[str, ...]:
    """What to type with the setting that was picked.

    Args:
        corpus: The documents.
        swept: What the sweep found.
        flags: The flags that name data, columns and split, for ``run``; empty where no row has an
            answer that it could be measured by.
    """
    picked = swept.picked
    place = f"index-{picked.tokens}"
    encoder = [] if swept.encoder == Grid().encoder else ["--encoder", swept.encoder]
    size = ["--chunk-tokens", str(picked.tokens), "--overlap", str(picked.overlap)]
    index = ["whichtune", "index", str(corpus), "--index", place, *size, *encoder]
    if flags:
        settings = [f"index={place}", f"mode={picked.mode}", f"top_k={picked.top_k}"]
        said = [part for text in settings for part in ("--setting", text)]
        then = ["whichtune", "run", *flags, "--approach", "rag", *said]
    else:
        asked = ["--mode", picked.mode, "--top-k", str(picked.top_k)]
        then = ["whichtune", "search", "your question", "--index", place, *asked]
    return shlex.join(index), shlex.join(then)
