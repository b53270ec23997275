"""Delimited text as records: any delimiter, with or without a header, quotes right or wrong.

A row that cannot be read is yielded as broken, never dropped. Where a wrong quote makes it unclear
what belongs to which row, nothing is guessed: reading stops and names the line.
"""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from advisor import source as sources
from advisor.source import Source
from rules.errors import DataError

_SAMPLE_CHARACTERS = 1 << 18
_SAMPLE_ROWS = 1000
_DELIMITERS = {",": "csv", "\t": "tsv", ";": "csv with ;", "|": "csv with |"}
_CELL_LIMIT = 2**31 - 1


class Record(NamedTuple):
    """One record of the file, not yet understood."""

    line: int
    """The line it starts on; in a JSON document, its number."""
    cells: dict[str, object]
    extra: tuple[str, ...] = ()
    """Cells to the right of the last named column."""
    broken: str = ""
    """Why it cannot be read; empty when it can."""
    inner: tuple[list[str], ...] = ()
    """Lines inside its quotes, each read as a row of its own: is a quote missing?"""


@dataclass
class Records:
    """The records of one file. ``notes`` is complete once ``items`` is exhausted."""

    format: str
    columns: tuple[str, ...]
    items: Iterator[Record]
    notes: list[str] = field(default_factory=list[str])
    delimiter: str = ""


def read(source: Source, header_words: frozenset[str], wanted: Collection[str]) -> Records:
    """Find delimiter and header, and start reading; see ``records.open_records``."""
    csv.field_size_limit(_CELL_LIMIT)
    dialect = _dialect(source)
    notes = (
        [] if dialect.quoted else ["quotes are taken as plain text, since they are not in pairs"]
    )
    rows = _rows(source, dialect, notes)
    sample = list(islice(rows, _SAMPLE_ROWS)) or [_Row(1, [""])]
    above = _rows_above_the_table(sample)
    titles = [cell for row in sample[:above] for cell in row.cells if cell.strip()]
    if titles:
        notes.append(f"passed over above the table: {' / '.join(titles)[:200]!r}")
    sample = sample[above:]
    head, body = sample[0].cells, sample[1:]
    while len(head) > 1 and not head[-1].strip():
        head = head[:-1]
    records = Records(_DELIMITERS[dialect.delimiter], (), iter(()), notes, dialect.delimiter)
    if _is_header(head, [row.cells for row in body], header_words, wanted):
        records.columns = _distinct_names(head, notes)
    else:
        width = Counter(len(row.cells) for row in sample).most_common(1)[0][0]
        records.columns = tuple(f"column {n}" for n in range(1, width + 1))
        notes.append(f"no header: line {sample[0].line} is taken as a row")
        body = sample
    records.items = (_record(row, records.columns) for row in chain(body, rows))
    return records


def _rows_above_the_table(sample: list["_Row"]) -> int:
    """Empty rows and titles: rows with one cell filled where those below have more."""
    filled = [sum(1 for cell in row.cells if cell.strip()) for row in sample]
    usual = 2 if max(filled, default=0) > 1 else 1
    return next((n for n, cells in enumerate(filled) if cells >= usual), 0)


class _Dialect(NamedTuple):
    delimiter: str
    skip: int = 0
    quoted: bool = True

    def reader(self, lines: Iterable[str]) -> "Iterator[list[str]]":
        quoting = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quoting=quoting, strict=True)


class _Row(NamedTuple):
    line: int
    cells: list[str]
    inner: tuple[list[str], ...] = ()


def _record(row: _Row, columns: tuple[str, ...]) -> Record:
    width, found = len(columns), len(row.cells)
    cells: dict[str, object] = dict(zip(columns, row.cells, strict=False))
    if found < width:
        reason = f"{found} cell{'s' * (found > 1)} where the header has {width}"
        return Record(row.line, cells, broken=reason, inner=row.inner)
    extra = row.cells[width:]
    while extra and not extra[-1].strip():
        extra.pop()
    return Record(row.line, cells, tuple(extra), inner=row.inner)


def _dialect(source: Source) -> _Dialect:
    """The delimiter under which most rows are as wide as the first, and what else is special."""
    sample: list[str] = []
    size = 0
    for line in sources.lines(source, []):
        sample.append(line)
        size += len(line)
        if size > _SAMPLE_CHARACTERS:
            break
    told = re.fullmatch(r'\ufeff?"?sep=([,;|\t])"?\s*', sample[0])
    if told:
        return _Dialect(told[1], skip=1)
    shares = {d: _share_of_even_rows(sample, d) for d in _DELIMITERS}
    by_name = {".tsv": "\t", ".tab": "\t", ".psv": "|"}.get(source.path.suffix, ",")
    delimiter = max(shares, key=lambda d: (shares[d], d == by_name))
    return _Dialect(delimiter, quoted=delimiter != "\t" or not _quotes_are_text(sample))


def _quotes_are_text(sample: list[str]) -> bool:
    """Whether tabs alone make rows of one width, and quotes do not come in pairs."""
    widths = {line.count("\t") for line in sample if line.strip()}
    return len(widths) == 1 and any(line.count('"') % 2 for line in sample)


def _share_of_even_rows(sample: list[str], delimiter: str) -> float:
    widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if any(row)]
    wide = [width for width in widths if width > 1 and width == widths[0]]
    return len(wide) / max(len(widths), 1)


def _is_header(
    head: list[str], body: list[list[str]], header_words: frozenset[str], wanted: Collection[str]
) -> bool:
    names = [cell.strip().lower() for cell in head]
    known = [name in header_words for name in names]
    recurs = [bool(name) and _recurs(name, n, body) for n, name in enumerate(names)]
    if sum(known) > 1 or (any(known) and head in body):
        return True
    if any(k and not r for k, r in zip(known, recurs, strict=True)):
        return True
    if not set(names).isdisjoint(name.strip().lower() for name in wanted):
        return True
    if names == [str(n) for n in range(len(names))]:  # what pandas writes when there are no names
        return True
    if any(recurs) or any(len(name) > 60 or len(name.split()) > 5 for name in names):
        return False
    return not any(map(_is_number, names))


def _recurs(name: str, n: int, body: list[list[str]]) -> bool:
    return any(n < len(row) and row[n].strip().lower() == name for row in body)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?[\d.,]+", text))


def _distinct_names(head: list[str], notes: list[str]) -> tuple[str, ...]:
    names: list[str] = []
    for n, cell in enumerate(head, 1):
        name = cell.strip().strip("\ufeff") or f"column {n}"
        if name in names:
            notes.append(f"two columns are called {name!r}: the one at place {n} is {name} ({n})")
            name = f"{name} ({n})"
        names.append(name)
    return tuple(names)


def _rows(source: Source, dialect: _Dialect, notes: list[str]) -> Iterator[_Row]:
    """Every row that is not blank; its lines are kept aside for a moment to judge its quotes."""
    pending: list[str] = []
    line, loose = dialect.skip + 1, 0

    def tee() -> Iterator[str]:
        for text in islice(sources.lines(source, notes), dialect.skip, None):
            pending.append(text)
            yield text

    reader = dialect.reader(tee())
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            cells = _repaired(pending, dialect.delimiter, f"{source.path}:{line}", error)
            loose += 1
        if cells is None:
            break
        if cells:
            yield _Row(line, cells, tuple(_loosely(pending[1:-1], dialect.delimiter)))
        line += len(pending)
        pending.clear()
    if loose:
        notes.append(f"rows with quotes that are neither closed nor doubled: {loose:,}")


def _loosely(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Each line as if it were a row of its own."""
    return (next(csv.reader([text], delimiter=delimiter)) for text in lines if text.strip())


def _repaired(lines: list[str], delimiter: str, where: str, error: csv.Error) -> list[str]:
    """A row whose quotes are wrong, when it is one line; of more lines nobody knows the end."""
    if len(lines) > 1:
        what = f"the quote opened here does not end its cell in the next {len(lines) - 1} lines"
        fix = 'close it, or double the quotes inside the cell: "He said ""hi"""'
        raise DataError(what, where=where, fix=fix) from error
    tight = [re.sub(rf'" +(?={re.escape(delimiter)}|\s*$)', '"', lines[0])]
    for attempt, escape in ((lines, "\\"), (tight, None)):
        try:
            return next(csv.reader(attempt, delimiter=delimiter, escapechar=escape, strict=True))
        except csv.Error:
            continue
    return next(csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE))
