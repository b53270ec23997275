"""The rows behind a finding, all of them, each read when it is looked at. No widget here."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, TypeVar

from advisor.check import Found
from advisor.data import Table, question
from advisor.examined import Examined, Side
from advisor.reading import Excluded
from advisor.report_xray import visible
from runners.base import Row

_Value = TypeVar("_Value", str, int)
_SHOWN = 400
"""Characters of a text that a list has room for, and more."""
_KEPT = 500
_LIKED = {True: "liked: ", False: "disliked: ", None: ""}


class Line(NamedTuple):
    """One row, or one place in a file that never became a row."""

    name: str
    """The row's id, or the place."""
    text: str
    answer: str
    row: Row | None


class _Spot(NamedTuple):
    """Where a name leads: to a row of a table, to a record, or nowhere."""

    name: str
    table: Table | None = None
    place: int = 0
    record: Excluded | None = None


class Behind:
    """A finding's rows in the order of the file; without a finding, all rows there are."""

    def __init__(self, examined: Examined, found: Found | None = None) -> None:
        """Nothing is read yet, except where names have to be found in the files."""
        self._train = examined.train.table
        self._places: Sequence[int] = found.places if found else range(len(self._train.rows))
        self._spots = _spots(found.where, examined) if found and found.where else []
        self._line = lru_cache(maxsize=_KEPT)(self._read)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._spots) or len(self._places)

    def __getitem__(self, number: int) -> Line:
        """One of them."""
        return self._line(number)

    def place(self, number: int) -> str:
        """Where it stands: ``tickets.csv:14``."""
        spot = self._spot(number)
        if spot.table is None or spot.record is not None:
            return spot.name
        return spot.table.place(next(islice(spot.table.rows.lines(), spot.place, None)))

    def _spot(self, number: int) -> _Spot:
        if self._spots:
            return self._spots[number]
        return _Spot("", self._train, self._places[number])

    def _read(self, number: int) -> Line:
        spot = self._spot(number)
        if spot.table is None:
            return Line(spot.name, "", "", None)
        if spot.record is not None:
            name = spot.name.removeprefix(f"{spot.table.path.parent}/")
            return Line(name, visible(spot.record.shown), spot.record.reason, None)
        row = spot.table.rows[spot.place]
        return Line(row.id, _short(question(row)), _short(answer(row)), row)


def answer(row: Row) -> str:
    """What stands against the text of a row in a list: its label, or its last answer."""
    if row.labels:
        return ", ".join(row.labels)
    if row.target or not row.messages:
        return f"{_LIKED[row.liked]}{row.target}"
    return row.messages[-1]["content"]


def _short(text: str) -> str:
    return visible(text[:_SHOWN])


def _spots(names: Sequence[str], examined: Examined) -> list[_Spot]:
    """Where each name leads; a name may be a place in a file, or the id of a row."""
    sides = [examined.train, examined.evaluation, examined.corpus]
    known: dict[str, _Spot] = {}
    for side in sides:
        if side is not None:
            known = {**_places(side), **known}
    missing = set(names) - known.keys()
    for side in reversed(sides):  # those held against the rows are named by ids most often
        if side is not None and missing:
            ids = _at(side.table.rows.column("id"), missing)
            known |= {name: _Spot(name, side.table, place) for name, place in ids.items()}
            missing -= ids.keys()
    return [known.get(name, _Spot(name)) for name in names]


def _places(side: Side) -> dict[str, _Spot]:
    """Records that never became rows, and rows that are odd, by their places in the file."""
    table = side.table
    out = {table.place(item.line): item for item in table.excluded}
    spots = {name: _Spot(name, table, record=item) for name, item in out.items()}
    lines = {item.line for item in table.remarks}
    odd = _at(table.rows.lines(), lines)
    named = {f"{table.path.name}:{line}": place for line, place in odd.items()}
    return spots | {name: _Spot(name, table, place) for name, place in named.items()}


def _at(values: Iterable[_Value], wanted: set[_Value]) -> Mapping[_Value, int]:
    """The first place of each wanted value."""
    found: dict[_Value, int] = {}
    for place, value in enumerate(values if wanted else ()):
        if value in wanted:
            found.setdefault(value, place)
    return found
