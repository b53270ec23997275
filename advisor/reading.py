"""Records on their way to rows: what becomes of each, and what has to be told at the end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advisor import source as sources
from advisor.columns import ColumnMapping
from advisor.rows import Draft, Rows, RowsWriter
from advisor.schema import Unusable, maybe_text, schemas
from advisor.tabular import Record, Records
from rules.errors import DataError
from runners.base import Frozen

_LONG_CELL = 131_072
"""Characters: what Python's csv module would refuse; worth a note."""


class Excluded(Frozen):
    """A record that cannot be used, or one that is odd, and why."""

    line: int
    """The line it starts on; in a JSON document, its number."""
    reason: str
    shown: str = ""
    """The start of what stands there."""


@dataclass
class Reading:
    """The rows of one file as they come in."""

    path: Path
    records: Records
    mapping: ColumnMapping
    excluded: list[Excluded] = field(default_factory=list[Excluded])
    remarks: list[Excluded] = field(default_factory=list[Excluded])
    count: int = 0
    """Records so far."""

    def __post_init__(self) -> None:
        """Look up once what every record is asked for."""
        self.writer = RowsWriter(self.path.stem)
        roles = self.mapping.roles
        self._drafts = schemas()[self.mapping.kind].drafts
        self._own = tuple((role, roles[role]) for role in ("user", "group") if role in roles)
        self._label = roles["target"] if self.mapping.kind == "classification" else None
        self._labels: set[str] = set()
        self._joined: list[int] = []
        self._long: list[int] = []
        self._longest = self._trimmed = 0

    def take(self, records: Iterator[Record]) -> None:
        """Sort every record into the usable and the excluded ones.

        Raises:
            DataError: A missing quote has swallowed rows.
        """
        doubtful: list[Record] = []
        for record in records:
            self.count += 1
            if record.inner:
                doubtful.append(record._replace(cells={}))
            reason = record.broken or self._add(record)
            if reason:
                self.excluded.append(_noted(record, reason))
        if self._label:
            self._refuse_swallowed(doubtful, self._label)

    def _add(self, record: Record) -> str:
        """Keep what the record holds, or say why not."""
        if record.extra and self.mapping.input != self.records.columns[-1]:
            width = len(self.records.columns)
            return f"{width + len(record.extra)} cells where the header has {width}"
        whole = self._joined_up(record) if record.extra else record
        try:
            drafts = self._drafts(whole.cells, self.mapping.roles)
        except Unusable as reason:
            return str(reason)
        if self.records.delimiter and self._is_header(record):
            return "the header again"
        for draft in drafts:
            self._keep(record, draft)
        return ""

    def _joined_up(self, record: Record) -> Record:
        """What stands right of the last column was parted from it by an unquoted delimiter."""
        self._joined.append(record.line)
        column = self.records.columns[-1]
        parts = (str(record.cells[column]), *record.extra)
        return record._replace(cells={**record.cells, column: self.records.delimiter.join(parts)})

    def _is_header(self, record: Record) -> bool:
        roles = self.mapping.roles.values()
        return all(str(record.cells.get(name)).strip() == name for name in roles)

    def _keep(self, record: Record, draft: Draft) -> None:
        known = {role: _name(record, column) or None for role, column in self._own}
        if self.mapping.id:
            known["key"] = _name(record, self.mapping.id)
        self.writer.add(record.line, draft._replace(**known) if known else draft)
        if draft.remark:
            self.remarks.append(_noted(record, draft.remark))
        if self._label:
            cell = record.cells.get(self._label)
            self._trimmed += isinstance(cell, str) and cell != draft.target
            if not record.inner:
                self._labels.add(draft.target)
        if len(draft.input) > _LONG_CELL:
            self._long.append(record.line)
            self._longest = max(self._longest, len(draft.input))

    def _refuse_swallowed(self, doubtful: Sequence[Record], column: str) -> None:
        """Lines inside quotes that would be rows with a known label: a quote was left open."""
        place, width = self.records.columns.index(column), len(self.records.columns)
        for record in doubtful:
            inner = (row for row in record.inner if len(row) == width)
            if any(row[place].strip() in self._labels for row in inner):
                what = f"the quote opened here runs over {len(record.inner) + 1} more lines"
                fix = "close the quote: the lines below it look like rows of their own"
                raise DataError(what, where=f"{self.path}:{record.line}", fix=fix)

    def rows(self) -> tuple[Rows, dict[str, str]]:
        """The rows, and the roles: without ``id`` where the ids had to be replaced by numbers."""
        roles = dict(self.mapping.roles)
        if self.mapping.id:
            times = Counter(self.writer.keys())
            repeated = [key for key, count in times.items() if count > 1 or not key]
            if repeated:
                shown = ", ".join(key or "(empty)" for key in repeated[:5])
                more = f" and {len(repeated) - 5:,} more" if len(repeated) > 5 else ""
                what = f"ids in `{self.mapping.id}` repeat or are empty: {shown}{more}"
                self.records.notes.append(f"{what}; rows are numbered instead")
                del roles["id"]
        return self.writer.rows(keys="id" in roles), roles

    def notes(self) -> Iterator[str]:
        """What was done to the rows."""
        if self._joined:
            how = f"joined to `{self.mapping.input}` with {self.records.delimiter!r}"
            yield f"more cells than the header names, {how}: {_lines(self._joined)}"
        if self._trimmed:
            yield f"labels with spaces round them, left out: {self._trimmed:,}"
        if self._long:
            lines = _lines(self._long)
            yield f"very long texts, up to {self._longest:,} characters: {lines}"


def _name(record: Record, column: str) -> str:
    try:
        return maybe_text(record.cells, column, "id").strip()
    except Unusable:
        return ""


def _noted(record: Record, reason: str) -> Excluded:
    cells = [*record.cells.values(), *record.extra]
    shown = _short(" | ".join(sources.sound(str(cell)[:60]) for cell in cells))
    return Excluded(line=record.line, reason=reason, shown=shown)


def _lines(lines: Sequence[int]) -> str:
    shown = ", ".join(map(str, lines[:5])) + ", …" * (len(lines) > 5)
    return f"{len(lines):,} at line {shown}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
