"""Boxes for what a file leaves open: what its rows are, which column is which, how it is read."""

import re
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label

from advisor.columns import ColumnMapping, Columns
from advisor.schema import COMMON, schemas
from rules.errors import DataError, UserError
from tui.completing import Completing, Continued, first_of


class _Box(NamedTuple):
    """One line of the form."""

    id: str
    label: str
    flag: str
    """What the advisor calls it in its errors."""
    hint: str


_BOXES = (
    _Box("kind", "Kind (--kind)", "--kind", "found by itself"),
    _Box("input", "Text (--input)", "--input", "name of the column"),
    _Box("target", "Label (--target)", "--target", "name of the column"),
    _Box("key", "Id (--id)", "--id", "name of the column"),
    _Box("roles", "Roles (--role)", "--role", "rejected=worse user=author"),
    _Box("encoding", "Encoding", "--encoding", "found by itself"),
    _Box("part", "Part (--part)", "--part", "sheet, table, member or split"),
)
_COLUMNS = ("input", "target", "key")
_TOGETHER = ("input", "target")
"""An error that names one of these is answered by both."""


class ColumnBoxes(Vertical):
    """Takes no room until an error asks for a box, or one has been filled before."""

    DEFAULT_CSS = "ColumnBoxes { height: auto; }"

    def __init__(self, columns: Columns, *, whole: bool = False) -> None:
        """Start with what is known.

        Args:
            columns: What was said before.
            whole: Show every box from the start.
        """
        super().__init__()
        self._given = _texts(columns)
        self._names: tuple[str, ...] = ()
        self._shown = {box.id for box in _BOXES if whole or self._given[box.id]}
        self.display = bool(self._shown)

    def compose(self) -> ComposeResult:
        """A line for each."""
        for box in _BOXES:
            field = Completing(
                self._continued(box.id), self._given[box.id], placeholder=box.hint, id=box.id
            )
            line = Horizontal(Label(box.label), field, classes="line", id=f"line-{box.id}")
            line.display = box.id in self._shown
            yield line

    def _continued(self, box: str) -> Continued:
        if box == "kind":
            return first_of(lambda: list(schemas()))
        if box == "roles":
            return self._role
        return first_of(lambda: list(self._names if box in _COLUMNS else ()))

    def _role(self, text: str) -> str | None:
        """The last of the words: a role up to its sign, then a column."""
        before, space, word = text.rpartition(" ")
        role, sign, start = word.partition("=")
        names = [f"{name}=" for name in sorted(_roles(self._typed("kind")))]
        if sign:
            names = [f"{role}={shlex.quote(name)}" for name in self._names]
            word = f"{role}={start}"
        whole = first_of(lambda: names)(word)
        return f"{before}{space}{whole}" if whole else None

    def _typed(self, box: str) -> str:
        return self.query_one(f"#{box}", Input).value.strip()

    @property
    def columns(self) -> Columns:
        """What was typed.

        Raises:
            DataError: A role is not written as ROLE=COLUMN.
        """
        typed = {box.id: self._typed(box.id) or None for box in _BOXES}
        flags = {role: typed[role] for role in ("input", "target", "kind", "encoding", "part")}
        return Columns(**flags, id=typed["key"], roles=_parsed(typed["roles"] or ""))

    def know(self, names: Sequence[str], mapping: ColumnMapping) -> None:
        """Say in the empty boxes what was found, and complete the names of columns."""
        self._names = tuple(names)
        found = _texts(Columns(kind=mapping.kind, roles=mapping.roles))
        for box in _BOXES:
            told = f"found: {found[box.id]}" if found[box.id] else box.hint
            self.query_one(f"#{box.id}", Input).placeholder = told

    def hint(self, box: str | None) -> str:
        """What can be typed into a box, in one line; empty where there is nothing to say."""
        if box == "kind":
            return f"Kinds: {', '.join(schemas())}"
        if box == "roles":
            return f"Roles: {', '.join(sorted(_roles(self._typed('kind'))))}; as ROLE=COLUMN"
        if box in _COLUMNS and self._names:
            return f"Columns: {', '.join(self._names)}"
        return ""

    def answer(self, error: UserError) -> None:
        """Show the boxes that the error names; the cursor goes to the one it is about."""
        flags = set(re.findall(r"--[a-z]+", f"{error.where} {error.fix}"))
        named = [box for box in _BOXES if box.flag in flags]
        if not named:
            return
        wanted = {box.id for box in named}
        wanted |= {box for box in _TOGETHER if wanted.intersection(_TOGETHER)}
        self._shown |= wanted
        self.display = True
        for box in _BOXES:
            self.query_one(f"#line-{box.id}").display = box.id in self._shown
        about = [box.id for box in named if error.where.startswith(box.flag)]
        empty = [box.id for box in _BOXES if box.id in wanted and not self._typed(box.id)]
        first = [box for box in empty if box in _TOGETHER] or empty
        chosen = (about or first or [named[0].id])[0]
        self.query_one(f"#{chosen}", Input).focus()


def _roles(kind: str) -> set[str]:
    known = [schemas()[kind]] if kind in schemas() else list(schemas().values())
    return {role for schema in known for role in schema.ROLES} | COMMON.keys()


def _texts(columns: Columns) -> dict[str, str]:
    """What each box holds. Roles with a box of their own are shown there only."""
    given = columns.given()
    own = {box: given.pop(role, "") for box, role in _OWN.items()}
    rest = " ".join(f"{role}={shlex.quote(name)}" for role, name in given.items())
    said = {box: getattr(columns, box) or "" for box in ("kind", "encoding", "part")}
    return {**own, **said, "roles": rest}


_OWN = {"input": "input", "target": "target", "key": "id"}


def _parsed(text: str) -> dict[str, str]:
    fix = "write ROLE=COLUMN, such as rejected=worse; a name with spaces in quotes"
    try:
        words = shlex.split(text)
    except ValueError as error:  # a quotation mark that is not closed
        raise DataError(f"{str(error).lower()}: {text!r}", where="--role", fix=fix) from error
    given: dict[str, str] = {}
    for word in words:
        role, _, name = word.partition("=")
        if not (role and name):
            raise DataError(f"{word!r} names no role and column", where="--role", fix=fix)
        given[role] = name
    return given
