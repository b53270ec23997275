"""Lines of cells as records: where the table begins, whether it has a header, how wide it is.

Delimited text, workbooks and tables in web pages are the same from here on. A line that does not
fit is yielded as broken, never dropped.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

_SAMPLE_ROWS = 1000


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
    """Empty for what is no delimited text."""


class Line(NamedTuple):
    """One line of a table, before it is known which of its lines is the header."""

    number: int
    cells: list[str]
    inner: tuple[list[str], ...] = ()


def tabular(
    lines: Iterator[Line], form: str, header_words: frozenset[str], wanted: Collection[str]
) -> Records:
    """Find the header, and start reading below it.

    Args:
        lines: Those of the table, and whatever stands above it.
        form: What to call the format.
        header_words: Names that make a first line a header, in lower case.
        wanted: Names the user gave; a first line that holds one is a header.
    """
    sample = list(islice(lines, _SAMPLE_ROWS)) or [Line(1, [""])]
    notes: list[str] = []
    above = _lines_above_the_table(sample, header_words)
    titles = [cell for line in sample[:above] for cell in line.cells if cell.strip()]
    if titles:
        notes.append(f"passed over above the table: {' / '.join(titles)[:200]!r}")
    sample = sample[above:]
    head, body = sample[0].cells, sample[1:]
    while len(head) > 1 and not head[-1].strip():
        head = head[:-1]
    records = Records(form, (), iter(()), notes)
    if _is_header(head, [line.cells for line in body], header_words, wanted):
        records.columns = _distinct_names(head, notes)
    else:
        width = Counter(len(line.cells) for line in sample).most_common(1)[0][0]
        records.columns = tuple(f"column {n}" for n in range(1, width + 1))
        notes.append(f"no header: line {sample[0].number} is taken as a row")
        body = sample
    records.items = (_record(line, records.columns) for line in chain(body, lines))
    return records


def _lines_above_the_table(sample: list[Line], header_words: frozenset[str]) -> int:
    """Empty rows and titles: rows with one cell filled where those below have more."""
    filled = [sum(1 for cell in line.cells if cell.strip()) for line in sample]
    usual = 2 if max(filled, default=0) > 1 else 1
    first = next((n for n, cells in enumerate(filled) if cells >= usual), 0)
    return _notes_above(sample, filled, first, header_words)


def _notes_above(
    sample: list[Line], filled: list[int], first: int, header_words: frozenset[str]
) -> int:
    """The same, where what stands above has a few cells and the table many: ``Region;Berlin``."""
    widths = Counter(len(line.cells) for line in sample)
    width, times = widths.most_common(1)[0]
    head = sample[first].cells
    named = not header_words.isdisjoint(cell.strip().lower() for cell in head)
    if width < 5 or times < len(sample) / 2 or 2 * len(head) > width or named:
        return first
    wide = (n for n, line in enumerate(sample) if len(line.cells) == width and filled[n] > 1)
    return next(wide, first)


def _record(line: Line, columns: tuple[str, ...]) -> Record:
    width, found = len(columns), len(line.cells)
    cells: dict[str, object] = dict(zip(columns, line.cells, strict=False))
    if found < width:
        reason = f"{found} cell{'s' * (found > 1)} where the header has {width}"
        return Record(line.number, cells, broken=reason, inner=line.inner)
    extra = line.cells[width:]
    while extra and not extra[-1].strip():
        extra.pop()
    return Record(line.number, cells, tuple(extra), inner=line.inner)


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
