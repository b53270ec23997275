"""What kind of rows a file holds: the contract of the modules in ``advisor/schemas``.

A schema is one module: ``SAYS`` names it in words, ``ROLES`` the columns it knows, ``match`` looks
at the first records and says whether they are of its kind, how sure it is and why, and ``drafts``
makes rows of one record. The folder is the registry.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Literal, NamedTuple, Protocol, cast

from advisor import source as sources
from advisor.columns import Kind, kind
from advisor.records import json_kind
from advisor.rows import Draft

Cells = Mapping[str, object]
Roles = dict[str, str]
"""Which column plays which role: ``{"input": "question", "target": "answer"}``."""
Sure = Literal["given", "sure", "likely", "guess"]
LEVELS: Sequence[Sure] = ("guess", "likely", "sure", "given")

TIE = "a tie: neither answer is the better one"
"""Why a judged pair has no row in it."""

COMMON = {
    "id": "the row's own id",
    "user": "whose row it is",
    "group": "what belongs on one side of a split: a conversation, a document",
}
"""Roles that every schema has."""


class Unusable(Exception):  # noqa: N818 -- a statement about a record, not a fault of the program
    """Why a record cannot become a row."""


class Match(NamedTuple):
    """A file is of this kind, with these columns."""

    roles: dict[str, str]
    sure: Sure
    why: str
    """Reads on from ``sure: ``."""


@dataclass(frozen=True)
class Sample:
    """The first records of a file, by column, and the roles the user gave."""

    values: Mapping[str, Sequence[object]]
    given: Roles
    where: str
    asked: bool = False
    """The user said that the rows are of this kind: the contents need not bear it out."""

    def role(self, name: str, words: Iterable[str]) -> str | None:
        """The column of a role: the one given, else the first whose name is one of ``words``."""
        if name in self.given:
            return self.given[name]
        taken = set(self.given.values())
        called = {plain(column): column for column in reversed(list(self.values))}
        found = (called[word] for word in words if word in called)
        return next((column for column in found if column not in taken), None)

    def kind(self, column: str) -> Kind:
        """What the column holds, from its first values."""
        return kind(self.values[column])

    def share(self, column: str, test: Callable[[object], bool]) -> float:
        """Of the values that are there, the share that passes the test."""
        filled = [value for value in self.values[column] if not is_blank(value)]
        return sum(map(test, filled)) / len(filled) if filled else 0.0


class Schema(Protocol):
    """What a module in ``advisor/schemas`` defines."""

    SAYS: str
    ROLES: Mapping[str, str]
    GENERAL: bool
    """It fits nearly any table, and so gives way to every other kind that fits."""

    def match(self, sample: Sample) -> Match | None:
        """Say whether the records are of this kind; ``None`` when they are not."""
        ...

    def drafts(self, cells: Cells, roles: Roles) -> list[Draft]:
        """Make rows of one record.

        Raises:
            Unusable: It has no row in it, and why.
        """
        ...


@cache
def schemas() -> dict[str, Schema]:
    """All of them, by name."""
    from advisor import schemas as folder

    names = sorted(module.name for module in iter_modules(folder.__path__))
    return {name: cast("Schema", import_module(f"advisor.schemas.{name}")) for name in names}


def plain(column: str) -> str:
    """A column's name as it is compared: ``Annotator-1`` is ``annotator_1``."""
    return column.strip().lower().replace("-", "_").replace(" ", "_")


def is_blank(value: object) -> bool:
    """Whether nothing stands there."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, float) and math.isnan(value))


def text(cells: Cells, column: str, what: str) -> str:
    """The cell as text.

    Raises:
        Unusable: It is blank or null, or the wrong kind of JSON.
    """
    value = cells.get(column)
    if isinstance(value, str) and value and not value.isspace():
        return sources.sound(value)
    if is_blank(value):
        raise Unusable(f"no {what}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value) if whole else value)
    raise Unusable(f"the {what} is {json_kind(value)}")


def maybe_text(cells: Cells, column: str | None, what: str) -> str:
    """The same, and empty where there is no such column or nothing in it."""
    return "" if column is None or is_blank(cells.get(column)) else text(cells, column, what)


def truth(value: object) -> bool | None:
    """A yes or no as people write it; ``None`` when it is neither."""
    if isinstance(value, bool):
        return value
    return _TRUTH.get(str(value).strip().lower())


_TRUTH = {
    **dict.fromkeys(("true", "1", "1.0", "yes", "good", "up", "like", "liked", "+1"), True),
    **dict.fromkeys(("false", "0", "0.0", "no", "bad", "down", "dislike", "disliked", "-1"), False),
}
