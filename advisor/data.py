"""The user's rows: every record of a file becomes a ``Row`` or an ``Excluded`` with its reason.

Nothing is lost in silence: ``records_read == len(rows) + len(excluded)``, and whatever was repaired
is a note. Bytes become text in ``source.py``, text becomes records in ``records.py``, and columns
are chosen in ``columns.py``; here records become rows.
"""

import hashlib
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from advisor import columns as column_choice
from advisor import records as record_files
from advisor import source as sources
from advisor.columns import ColumnMapping, Columns
from advisor.delimited import Record, Records
from rules.errors import DataError
from runners.base import Frozen, Row

__all__ = ["ColumnMapping", "Columns", "Excluded", "Table", "fingerprint", "normalised", "read"]

_SAMPLE = 2000
_LONG_CELL = 131_072
"""Characters: what Python's csv module would refuse; worth a note."""


class Excluded(Frozen):
    """A record that cannot be used, and why."""

    line: int
    """The line it starts on; in a JSON document, its number."""
    reason: str
    shown: str = ""
    """The start of what stands there."""


class Table(Frozen):
    """A file of labelled texts, as read."""

    path: Path
    sha256: str
    """Of the file's bytes."""
    format: str
    """``csv``, ``tsv``, ``csv with ;``, ``jsonl`` or ``json``."""
    encoding: str
    columns: tuple[str, ...]
    mapping: ColumnMapping
    rows: tuple[Row, ...]
    excluded: tuple[Excluded, ...]
    notes: tuple[str, ...]
    """Repairs and guesses, one sentence each."""
    records_read: int
    """All of them: those in ``rows`` and those in ``excluded``."""

    def place(self, line: int) -> str:
        """Where a record stands, for a message: ``tickets.csv:14``."""
        return f"{self.path.name} record {line}" if self.format == "json" else f"{self.path}:{line}"


def normalised(text: str) -> str:
    """The text without what no reader would call a difference: case, spacing, letter variants."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def fingerprint(text: str) -> str:
    """The same for texts that are equal once normalised, on any machine; 32 hex digits."""
    return hashlib.blake2b(normalised(text).encode(), digest_size=16).hexdigest()


def read(path: Path, columns: Columns = Columns()) -> Table:  # noqa: B008 -- it is frozen
    """Read a table of texts and labels, whatever program wrote it.

    Raises:
        DataError: There is no such file, it holds no rows, or its columns cannot be told apart.
    """
    source = sources.inspect(path)
    wanted = [name for name in (columns.input, columns.target, columns.id) if name]
    records = record_files.open_records(source, column_choice.HEADER_WORDS, wanted)
    sample = list(islice(records.items, _SAMPLE))
    whole = [record.cells for record in sample if not record.broken]
    if not whole:
        raise _nothing_usable(path, [Excluded(line=r.line, reason=r.broken) for r in sample])
    values = {name: [cells.get(name) for cells in whole] for name in records.columns}
    mapping = column_choice.find(values, columns, str(path))
    reading = _Reading(path, records, mapping)
    reading.take(chain(sample, records.items))
    if not reading.found:
        raise _nothing_usable(path, reading.excluded)
    rows, id_column = reading.rows()
    return Table(
        path=path,
        sha256=source.sha256,
        format=records.format,
        encoding=source.encoding,
        columns=records.columns,
        mapping=mapping.model_copy(update={"id": id_column}),
        rows=rows,
        excluded=tuple(reading.excluded),
        notes=(*source.notes, *dict.fromkeys(records.notes), *reading.notes()),
        records_read=reading.count,
    )


def _nothing_usable(path: Path, excluded: list[Excluded]) -> DataError:
    if not excluded:
        fix = "add rows below the header, one example a line"
        return DataError("a header and no rows", where=str(path), fix=fix)
    reason, times = Counter(record.reason for record in excluded).most_common(1)[0]
    what = f"none of the {len(excluded):,} records can be used: {reason} ({times:,})"
    fix = "give each row a text and a label, or name the columns: --input COLUMN --target COLUMN"
    return DataError(what, where=str(path), fix=fix)


class _Found(NamedTuple):
    line: int
    key: str | None
    text: str
    label: str


@dataclass
class _Reading:
    """Rows as they come in, and what has to be told about them at the end."""

    path: Path
    records: Records
    mapping: ColumnMapping
    found: list[_Found] = field(default_factory=list[_Found])
    excluded: list[Excluded] = field(default_factory=list[Excluded])
    joined: list[int] = field(default_factory=list[int])
    trimmed: int = 0
    count: int = 0

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
                cells = [*record.cells.values(), *record.extra]
                shown = _short(" | ".join(sources.sound(str(cell)[:60]) for cell in cells))
                self.excluded.append(Excluded(line=record.line, reason=reason, shown=shown))
        if doubtful:
            self._refuse_swallowed(doubtful)

    def _add(self, record: Record) -> str:
        """Keep the record, or say why not."""
        if record.extra and self.mapping.input != self.records.columns[-1]:
            width = len(self.records.columns)
            return f"{width + len(record.extra)} cells where the header has {width}"
        text, reason = _as_text(record.cells.get(self.mapping.input), "text")
        if reason:
            return reason
        raw_label, reason = _as_text(record.cells.get(self.mapping.target), "label")
        if reason:
            return reason
        label = raw_label.strip().strip("\ufeff")
        if self.records.delimiter and (text.strip(), label) == (
            self.mapping.input,
            self.mapping.target,
        ):
            return "the header again"
        if record.extra:
            text = self.records.delimiter.join((text, *record.extra))
            self.joined.append(record.line)
        self.trimmed += label != raw_label
        key = self.mapping.id and _as_text(record.cells.get(self.mapping.id), "id")[0].strip()
        self.found.append(_Found(record.line, key, text, label))
        return ""

    def _refuse_swallowed(self, doubtful: list[Record]) -> None:
        """Lines inside quotes that would be rows with a known label: a quote was left open."""
        place, width = self.records.columns.index(self.mapping.target), len(self.records.columns)
        inside = {record.line for record in doubtful}
        labels = {found.label for found in self.found if found.line not in inside}
        for record in doubtful:
            if any(len(row) == width and row[place].strip() in labels for row in record.inner):
                what = f"the quote opened here runs over {len(record.inner) + 1} more lines"
                fix = "close the quote: the lines below it look like rows of their own"
                raise DataError(what, where=f"{self.path}:{record.line}", fix=fix)

    def rows(self) -> tuple[tuple[Row, ...], str | None]:
        """The rows, and the column of their ids unless these had to be replaced by numbers."""
        keys = [found.key for found in self.found]
        repeated = [key for key, times in Counter(keys).items() if times > 1 or not key]
        column = None if repeated else self.mapping.id
        if repeated and self.mapping.id:
            shown = ", ".join(key or "(empty)" for key in repeated[:5])
            more = f" and {len(repeated) - 5:,} more" if len(repeated) > 5 else ""
            what = f"ids in `{self.mapping.id}` repeat or are empty: {shown}{more}"
            self.records.notes.append(f"{what}; rows are numbered instead")
        stem = self.path.stem
        rows = tuple(
            Row(id=(column and key) or f"{stem}:{line}", input=text, target=label)
            for line, key, text, label in self.found
        )
        return rows, column

    def notes(self) -> Iterator[str]:
        """What was done to the rows."""
        if self.joined:
            how = f"joined to `{self.mapping.input}` with {self.records.delimiter!r}"
            yield f"more cells than the header names, {how}: {_lines(self.joined)}"
        if self.trimmed:
            yield f"labels with spaces round them, left out: {self.trimmed:,}"
        long = [found for found in self.found if len(found.text) > _LONG_CELL]
        if long:
            most = max(len(found.text) for found in long)
            lines = _lines([found.line for found in long])
            yield f"very long texts, up to {most:,} characters: {lines}"


def _as_text(value: object, what: str) -> tuple[str, str]:
    """The value as text, and why it has none: blank, null, or the wrong kind of JSON."""
    if isinstance(value, str):
        return (sources.sound(value), "") if value and not value.isspace() else ("", f"no {what}")
    if isinstance(value, bool) and what == "label":
        return str(value).lower(), ""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "", f"no {what}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        whole = isinstance(value, float) and value.is_integer()
        return str(int(value) if whole else value), ""
    return "", f"the {what} is {record_files.json_kind(value)}"


def _lines(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:5])) + ", …" * (len(lines) > 5)
    return f"{len(lines):,} at line {shown}"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
