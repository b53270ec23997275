"""A set of rows being labelled: which were drawn, what was said of each, and what is left.

Two files are written after every answer, each whole or not at all: the rows that have an answer,
and beside them the session, which says where they come from and how they were drawn.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from advisor import draw
from advisor.examined import evenly
from advisor.pool import Mode, Pool
from advisor.writing import line
from rules.errors import DataError
from runners.base import Frozen, Report, silent

Answer = str | tuple[str, ...]


class Item(Frozen):
    """One drawn row, and what was said of it."""

    number: int
    """In the pool, counted from 0."""
    id: str
    known: str = ""
    """The label or answer it had in the file it comes from."""
    answer: Answer | None = None
    skipped: bool = False

    @property
    def open(self) -> bool:
        """Whether it has still to be asked."""
        return self.answer is None and not self.skipped


class Session(Frozen):
    """All that has to be known to go on, and to tell where the rows come from."""

    form: str = "whichtune.labelling/1"
    source: Path
    sha256: str
    """Of the file the rows come from."""
    mode: Mode
    drawn: str
    """How the rows were chosen, in words."""
    labels: tuple[str, ...]
    """Those that can be given, in the order of their numbers."""
    items: tuple[Item, ...]

    @property
    def answered(self) -> int:
        """Rows that have an answer."""
        return sum(item.answer is not None for item in self.items)

    @property
    def skipped(self) -> int:
        """Rows that were passed over."""
        return sum(item.skipped for item in self.items)

    @property
    def next(self) -> int | None:
        """The place of the first row that has still to be asked; ``None``: all are done."""
        return next((place for place, item in enumerate(self.items) if item.open), None)

    @property
    def agreed(self) -> tuple[int, int] | None:
        """Answers that are what the row had already, and how many could be; ``None`` if none."""
        both = [item for item in self.items if item.known and item.answer is not None]
        same = sum(item.known == said(item.answer or "") for item in both)
        return (same, len(both)) if both else None

    def given(self) -> dict[str, int]:
        """Rows of each label; empty where answers are in words."""
        counts = Counter(
            label
            for item in self.items
            for label in (item.answer if isinstance(item.answer, tuple) else (item.answer,))
        )
        return {label: counts[label] for label in self.labels} if self.mode != "answer" else {}

    def told(self, place: int, answer: Answer | None) -> "Session":
        """With an answer to one row; ``None`` passes it over."""
        change = {"answer": answer, "skipped": answer is None}
        return self._with(place, change)

    def untold(self) -> "Session":
        """Without the last thing that was said."""
        done = [place for place, item in enumerate(self.items) if not item.open]
        return self._with(done[-1], {"answer": None, "skipped": False}) if done else self

    def _with(self, place: int, change: dict[str, Any]) -> "Session":
        items = list(self.items)
        items[place] = items[place].model_copy(update=change)
        return self.model_copy(update={"items": tuple(items)})


def said(answer: Answer) -> str:
    """An answer as one text, to compare."""
    return answer if isinstance(answer, str) else ", ".join(answer)


def check(out: Path) -> None:
    """Make sure, before any work is done, that rows can be written there.

    Raises:
        DataError: They cannot.
    """
    if out.suffix.lower() != ".jsonl":
        fix = f"end its name in .jsonl: --out {out.with_suffix('.jsonl')}"
        raise DataError(f"labelled rows are JSON Lines, not {out.name!r}", where="--out", fix=fix)
    if not out.parent.is_dir():
        fix = f"make it first: mkdir -p '{out.parent}'"
        raise DataError(f"no such folder: {str(out.parent)!r}", where="--out", fix=fix)


def beside(out: Path) -> Path:
    """Where the session of a file of rows is kept."""
    return out.with_name(f"{out.stem}.session.json")


def begin(
    pool: Pool, labels: Sequence[str], wanted: int, seed: int, report: Report = silent
) -> Session:
    """Draw rows to be labelled.

    Args:
        pool: What there is to draw from.
        labels: Those that can be given; empty: those that rows have already.
        wanted: How many rows.
        seed: Decides which.
        report: Told of the embedding.

    Raises:
        DataError: There is nothing to draw from.
    """
    if not pool.texts:
        fix = "give a file with texts in it"
        raise DataError("no row to label", where=str(pool.table.path), fix=fix)
    numbers = _numbers(pool, max(draw.LARGEST, 5 * wanted), seed)
    texts, known, vectors = _seen(pool, numbers, report)
    found = draw.draw(texts, known, wanted, seed, vectors)
    chosen = [numbers[place] for place in found.places]
    return Session(
        source=pool.table.path.absolute(),
        sha256=pool.table.sha256,
        mode=pool.mode,
        drawn=f"{found.how}, of {_told_of(len(numbers), len(pool.texts))}",
        labels=tuple(labels or pool.labels),
        items=tuple(Item(number=n, id=pool.id(n), known=pool.known[n]) for n in chosen),
    )


def _told_of(drawn: int, all_rows: int) -> str:
    lot = f"{drawn:,} taken by lot or without a label, from " if drawn < all_rows else ""
    return f"{lot}{all_rows:,} different rows"


def _numbers(pool: Pool, most: int, seed: int) -> list[int]:
    """Rows to draw from: those without a label where there are such, and not too many."""
    import random

    numbers = list(range(len(pool.texts)))
    bare = [number for number in numbers if not pool.known[number]]
    if pool.mode != "answer" and bare:
        numbers = bare
    if len(numbers) > most:
        return sorted(random.Random(seed).sample(numbers, most))
    return numbers


def _seen(pool: Pool, numbers: Sequence[int], report: Report) -> tuple[list[str], list[str], Any]:
    """Texts and labels to spread the draw over, and the embeddings where there is an encoder."""
    from runners import _encoder, _models, _quiet

    texts = [pool.texts[number] for number in numbers]
    known = [pool.known[number] if pool.mode != "answer" else "" for number in numbers]
    if _models.packaged() is None or not all(map(find_spec, ("torch", "sentence_transformers"))):
        return texts, known, None
    _quiet.settle()
    vectors = _encoder.embed(_models.DEFAULT_ENCODER, texts, report)
    others = [n for n, label in enumerate(pool.known) if label]
    if pool.mode != "answer" and others and not any(known):
        others = [others[place] for place in evenly(len(others), draw.LARGEST)]
        labelled = _encoder.embed(
            _models.DEFAULT_ENCODER, [pool.texts[number] for number in others], report
        )
        known = draw.likely(vectors, labelled, [pool.known[number] for number in others])
    return texts, known, vectors


def resume(out: Path, pool: Pool) -> Session | None:
    """The session that was begun for a file; ``None``: there is none, and no file either.

    Raises:
        DataError: It belongs to other rows, cannot be read, or the file is not one of ours.
    """
    path = beside(out)
    if not path.exists():
        if out.exists():
            fix = f"name another file, or delete it first: rm '{out}'"
            raise DataError("this file exists already", where=str(out), fix=fix)
        return None
    try:
        session = Session(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, ValidationError) as error:
        fix = f"begin anew under another name: --out {out.stem}-2{out.suffix}"
        raise DataError("no session of labelling", where=str(path), fix=fix) from error
    if (session.sha256, session.mode) != (pool.table.sha256, pool.mode):
        fix = f"label the file it was begun with: {session.source}; or begin anew: --out FILE"
        raise DataError("the rows have changed since it was begun", where=str(path), fix=fix)
    return session


def save(session: Session, pool: Pool, out: Path) -> None:
    """Write both files.

    Raises:
        DataError: They cannot be written.
    """
    answered = [item for item in session.items if item.answer is not None]
    said_of = ((item.number, item.answer) for item in answered)
    rows = b"".join(line(pool.cells(number, a)) for number, a in said_of if a is not None)
    text = session.model_dump_json(indent=1) + "\n"
    try:
        _replace(beside(out), text.encode())
        if answered or out.exists():
            _replace(out, rows)
    except OSError as error:
        fix = "name a file in a folder with room that can be written to: --out FILE"
        raise DataError(f"cannot be written: {error.strerror}", where=str(out), fix=fix) from error


def _replace(path: Path, content: bytes) -> None:
    held = path.with_name(f".{path.name}.part")
    with held.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    held.replace(path)
