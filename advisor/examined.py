"""Data on the examiner's table: its texts by column, and what several checks need, once.

A million rows are held as Arrow columns (``advisor/rows.py``); nothing here makes ``Row`` objects
of all of them. Places are row numbers in the table, counted from 0.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from advisor.data import Table, answer_of, normalised, question_of
from runners.base import Report, silent

if TYPE_CHECKING:
    from advisor.near_rows import NearRows
    from runners._render_guards import Check

LABELLED = ("classification", "multi_label")
"""Kinds of rows whose answers are names, not texts."""
RENDERED = 2000
"""Rows that are rendered for a look at most: a template takes some 1,500 short ones a second."""
_RENDERED_CHARACTERS = 5_000_000
"""And so many characters of them, about."""
_LONGEST_RENDERED = 200_000
"""Characters from which on a row is not rendered: a tokenizer needs some 270 bytes for each."""

_LOOKED_UP = 200
"""Rows up to which each is looked up by itself: one look-up takes as long as reading hundreds."""


class Rendering(NamedTuple):
    """Some rows as a base model sees them."""

    places: Sequence[int]
    """Of the rows that were rendered, drawn evenly from the table."""
    found: "Check"


class Side:
    """One table of rows, as checks look at it."""

    def __init__(self, table: Table) -> None:
        """Nothing is worked out before it is asked for."""
        self.table = table

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.table.rows)

    @property
    def kind(self) -> str:
        """What the rows are: the name of a schema."""
        return self.table.mapping.kind

    @property
    def labelled(self) -> bool:
        """Whether each row has one label."""
        return self.kind == "classification"

    def questions(self) -> Iterator[str]:
        """What each row asks: its text, or the first turn of its user."""
        rows = self.table.rows
        for text, messages in zip(rows.column("input"), rows.column("messages"), strict=True):
            yield question_of(text, messages)

    def answers(self) -> Iterator[str]:
        """What each row teaches, as one text: label, answer, or the turns of a chat."""
        rows = self.table.rows
        names = ("target", "labels", "rejected", "messages")
        for values in zip(*(rows.column(name) for name in names), strict=True):
            yield answer_of(*values)

    def targets(self) -> Iterator[str]:
        """The label or the answer of each row; empty where it has none."""
        return self.table.rows.column("target")

    def distinct(self) -> Iterator[tuple[int, str]]:
        """Each question once, with the place of the first row that asks it."""
        later = {place for group in self.same for place in group[1:]}
        for place, text in enumerate(self.questions()):
            if place not in later:
                yield place, text

    def ids(self, places: Iterable[int]) -> tuple[str, ...]:
        """The names of some rows."""
        places = list(places)
        if len(places) <= _LOOKED_UP:
            return tuple(self.table.rows[place].id for place in places)
        wanted = set(places)
        names = {
            place: name
            for place, name in enumerate(self.table.rows.column("id"))
            if place in wanted
        }
        return tuple(names[place] for place in places)

    @cached_property
    def keys(self) -> list[bytes]:
        """A fingerprint of what each row asks, 16 bytes; the same for equal texts."""
        return [key_of(text) for text in self.questions()]

    @cached_property
    def same(self) -> list[list[int]]:
        """Places of the rows that ask the same; texts that stand alone are left out."""
        return same_places(self.keys)

    @cached_property
    def repeated(self) -> set[int]:
        """Places of the rows whose question stands in an earlier row with the same answer."""
        group_of = {place: number for number, group in enumerate(self.same) for place in group}
        seen: set[tuple[int, bytes]] = set()
        later: set[int] = set()
        for place, taught in enumerate(self.answers() if group_of else ()):
            number = group_of.get(place)
            if number is not None:
                # A digest, for answers may be long, and half of a million rows may be repeats.
                key = (
                    number,
                    hashlib.blake2b(
                        taught.encode("utf-8", "surrogatepass"), digest_size=16
                    ).digest(),
                )
                if key in seen:
                    later.add(place)
                seen.add(key)
        return later

    @cached_property
    def firsts(self) -> list[int]:
        """Places of the rows that are left when one of each question with its answer is kept."""
        return [place for place in range(len(self)) if place not in self.repeated]


def key_of(text: str) -> bytes:
    """The same 16 bytes for texts that are equal but for case, spacing and letter variants."""
    return hashlib.blake2b(normalised(text).encode(), digest_size=16).digest()


def same_places(keys: Iterable[bytes]) -> list[list[int]]:
    """Places with the same key, where there are several, in the order of the first."""
    first: dict[bytes, int] = {}
    groups: dict[int, list[int]] = {}
    for place, key in enumerate(keys):
        start = first.setdefault(key, place)
        if start != place:
            groups.setdefault(start, [start]).append(place)
    return [groups[start] for start in sorted(groups)]


@dataclass(frozen=True)
class Examined:
    """The rows to learn from, and what they are held against."""

    train: Side
    evaluation: Side | None = None
    corpus: Side | None = None
    """Documents or examples that a model will be shown at use: they must not hold evaluations."""
    base_model: str | None = None
    """In whose tokens rows are looked at; ``None``: in no one's."""
    embed: bool = False
    """Whether texts may be embedded, which takes milliseconds each."""
    opened: bool = False
    """Whether the base model itself may be opened, not its tokenizer alone."""
    report: Report = silent

    @classmethod
    def of(
        cls,
        table: Table,
        evaluation: Table | None = None,
        corpus: Table | None = None,
        *,
        base_model: str | None = None,
        embed: bool = False,
        report: Report = silent,
    ) -> "Examined":
        """Put tables on the examiner's table."""
        return cls(
            Side(table),
            Side(evaluation) if evaluation else None,
            Side(corpus) if corpus else None,
            base_model=base_model,
            embed=embed,
            report=report,
        )

    @cached_property
    def near(self) -> "NearRows":
        """Which rows are nearly the same; needs numpy, and some 12 microseconds a short row."""
        from advisor.near_rows import near_rows

        return near_rows(self)

    @cached_property
    def rendered(self) -> "Rendering | None":
        """Some rows as the base model sees them, with what is wrong; ``None`` without a model.

        Raises:
            UserError: There is no such model, or no library to open its tokenizer.
        """
        if self.base_model is None or self.train.kind in LABELLED:
            return None
        from runners import _render
        from runners._render_tokenizer import open_tokenizer

        places = self._to_render()
        if not places:
            return None
        tokenizer = open_tokenizer(self.base_model)
        rows = self.train.table.rows
        return Rendering(places, _render.check((rows[place] for place in places), tokenizer))

    def _to_render(self) -> Sequence[int]:
        """Places drawn evenly, less the longest rows, and fewer where rows are long."""
        side = self.train
        sizes = [len(a) + len(b) for a, b in zip(side.questions(), side.answers(), strict=True)]
        short = [place for place, size in enumerate(sizes) if size <= _LONGEST_RENDERED]
        if not short:
            return ()
        mean = sum(sizes[place] for place in short) / len(short)
        wanted = min(RENDERED, max(2, round(_RENDERED_CHARACTERS / max(mean, 1))))
        return [short[place] for place in evenly(len(short), wanted)]


def evenly(rows: int, wanted: int) -> Sequence[int]:
    """Places of so many rows at most, at even distances: the first and the last are among them."""
    if rows <= wanted:
        return range(rows)
    return [place * (rows - 1) // (wanted - 1) for place in range(wanted)]
