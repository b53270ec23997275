"""Delimited text as records: any delimiter, with or without a header, quotes right or wrong.

A row that cannot be read is yielded as broken, never dropped. Where a wrong quote makes it unclear
what belongs to which row, nothing is guessed: reading stops and names the line.
"""

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from advisor import source as sources
from advisor.source import Source
from advisor.tabular import Line, Records, tabular
from rules.errors import DataError

_SAMPLE_CHARACTERS = 1 << 18
_DELIMITERS = {",": "csv", "\t": "tsv", ";": "csv with ;", "|": "csv with |", "||": "text with ||"}
_TWO_BARS = "||"
"""Parts an input from its reference, one example a line."""
_CELL_LIMIT = 2**31 - 1


def read(source: Source, header_words: frozenset[str], wanted: Collection[str]) -> Records:
    """Find delimiter and header, and start reading; see ``records.open_records``."""
    csv.field_size_limit(_CELL_LIMIT)
    dialect = _dialect(source)
    notes: list[str] = []
    lines = _rows(source, dialect, notes)
    records = tabular(lines, _DELIMITERS[dialect.delimiter], header_words, wanted)
    if not dialect.quoted and dialect.delimiter != _TWO_BARS:
        notes.insert(0, "quotes are taken as plain text, since they are not in pairs")
    notes.extend(records.notes)
    records.notes, records.delimiter = notes, dialect.delimiter
    return records


class _Dialect(NamedTuple):
    delimiter: str
    skip: int = 0
    quoted: bool = True

    def reader(self, lines: Iterable[str]) -> "Iterator[list[str]]":
        if len(self.delimiter) > 1:
            return (line.rstrip("\r\n").split(self.delimiter) for line in lines if line.strip())
        quoting = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        return csv.reader(lines, delimiter=self.delimiter, quoting=quoting, strict=True)


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
    bars = sum(line.count(_TWO_BARS) == 1 for line in sample)
    if bars > 0.9 * sum(1 for line in sample if line.strip()):
        return _Dialect(_TWO_BARS, quoted=False)
    shares = {d: _share_of_even_rows(sample, d) for d in _DELIMITERS if d != _TWO_BARS}
    if max(shares.values()) < 0.5:  # the first row is a title, or not like the others
        shares = {d: _share_of_even_rows(sample, d, usual=True) for d in shares}
    by_name = {".tsv": "\t", ".tab": "\t", ".psv": "|"}.get(source.path.suffix, ",")
    delimiter = max(shares, key=lambda d: (shares[d], d == by_name))
    return _Dialect(delimiter, quoted=delimiter != "\t" or not _quotes_are_text(sample))


def _quotes_are_text(sample: list[str]) -> bool:
    """Whether tabs alone make rows of one width, and quotes do not come in pairs."""
    widths = {line.count("\t") for line in sample if line.strip()}
    return len(widths) == 1 and any(line.count('"') % 2 for line in sample)


def _share_of_even_rows(sample: list[str], delimiter: str, *, usual: bool = False) -> float:
    """Rows of several cells that are as wide as the first, or as most are."""
    widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if any(row)]
    wide = [width for width in widths if width > 1]
    even = Counter(wide).most_common(1) if usual else [(0, wide.count(widths[0]))] if widths else []
    return even[0][1] / len(widths) if even else 0.0


def _rows(source: Source, dialect: _Dialect, notes: list[str]) -> Iterator[Line]:
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
            yield Line(line, cells, tuple(_loosely(pending[1:-1], dialect.delimiter)))
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
