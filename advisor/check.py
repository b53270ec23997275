"""What is looked for in data: the contract of the modules in ``advisor/checks``.

A check is one module: ``SAYS`` names what it looks for, ``LIBRARIES`` what it needs beyond the
core, ``COST`` how long a row takes, and ``look`` yields what it found. The folder is the registry.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Literal, Protocol, cast

from advisor.examined import Examined
from runners.base import Frozen

Severity = Literal["info", "warning", "blocking"]
_SHOWN = 20


class Finding(Frozen):
    """One thing that is wrong with the data, or good to know."""

    severity: Severity
    """``blocking``: nothing can be trained or measured on this."""
    code: str
    text: str
    """Reads on from the count: ``37`` ``rows that repeat another one``."""
    count: int
    rows: tuple[str, ...] = ()
    """Ids of the rows, or places in the file: the first of them."""
    fix: str = ""
    mends: str = ""
    """What ``--fix`` does about it; empty where a person has to decide."""


@dataclass(frozen=True)
class Remedy:
    """What can be done about a finding without asking anybody."""

    does: str
    """As it stands in the log of changes: ``left out: repeats another row``."""
    mend: Callable[[str], str] | None = None
    """Puts a text right; ``None``: the row is left out."""
    role: str | None = None
    """The only column to mend, by its role; ``None``: every text of the row."""


@dataclass(frozen=True)
class Found:
    """A finding with all its rows, as a check yields it."""

    code: str
    text: str
    places: Sequence[int] = ()
    """Of the rows in the table, counted from 0, ascending."""
    severity: Severity = "warning"
    fix: str = ""
    remedy: Remedy | None = None
    where: Sequence[str] = field(default=())
    """Instead of ``places``: lines of a file that never became rows, or rows of another file."""

    def told(self, examined: Examined) -> Finding:
        """As it is shown and written down: the count, and the first rows by their ids."""
        shown = tuple(self.where[:_SHOWN]) or examined.train.ids(self.places[:_SHOWN])
        return Finding(
            severity=self.severity,
            code=self.code,
            text=self.text,
            count=len(self.where) or len(self.places),
            rows=shown,
            fix=self.fix,
            mends=self.remedy.does if self.remedy else "",
        )


class NotLookedError(Exception):
    """Raised by a check that cannot be made on these rows: it is told as not looked for."""

    def __init__(self, reason: str, fix: str) -> None:
        """Say why, and what to do to have it made after all."""
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


class Check(Protocol):
    """What a module in ``advisor/checks`` defines."""

    SAYS: str
    """What it looks for, in words: ``rows that repeat another one``."""
    LIBRARIES: tuple[str, ...]
    """Modules beyond the core; where one is missing the check is left out, and that is said."""
    COST: float
    """Microseconds a row, about, as measured on one core: the shares of the progress bar."""

    def look(self, examined: Examined) -> Iterator[Found]:
        """Whatever is found; nothing where the check does not apply to this kind of rows.

        Raises:
            NotLookedError: It applies, and cannot be made.
        """
        ...


@cache
def checks() -> dict[str, Check]:
    """All of them, by name."""
    from advisor import checks as folder

    names = sorted(module.name for module in iter_modules(folder.__path__))
    return {name: cast("Check", import_module(f"advisor.checks.{name}")) for name in names}


def missing(check: Check) -> tuple[str, ...]:
    """The libraries that a check lacks on this machine, without importing them."""
    return tuple(name for name in check.LIBRARIES if find_spec(name) is None)
