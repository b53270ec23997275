"""The user's rows: every record of a file becomes a ``Row`` or an ``Excluded`` with its reason.

Nothing is lost in silence: ``records_read == len(rows) + len(excluded)``, and whatever was repaired
is a note. Bytes become text in ``source.py``, text becomes records in ``records.py``, and columns
are chosen in ``columns.py``; here records become rows.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path

from pydantic import ConfigDict

from advisor.columns import ColumnMapping, Columns
from advisor.detection import detect
from advisor.opening import open_any
from advisor.reading import Excluded, Reading
from advisor.rows import Rows
from advisor.schema import TIE
from advisor.tabular import Record
from rules.errors import DataError
from runners.base import Frozen, Progress, Report, Row, silent

__all__ = ["ColumnMapping", "Columns", "Excluded", "Table", "fingerprint", "normalised", "read"]

_SAMPLE = 2000
_NEWS = 10_000
"""Records after which it is said how far the reading is."""


class Table(Frozen):
    """A file of rows, as read."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    path: Path
    sha256: str
    """Of the file's bytes."""
    format: str
    """``csv``, ``tsv``, ``csv with ;``, ``jsonl`` or ``json``."""
    encoding: str
    columns: tuple[str, ...]
    mapping: ColumnMapping
    rows: Rows
    excluded: tuple[Excluded, ...]
    notes: tuple[str, ...]
    """Repairs and guesses, one sentence each."""
    remarks: tuple[Excluded, ...] = ()
    """Rows that are used although something about them is odd, and what."""
    records_read: int
    """All of them: those in ``excluded`` and those that became rows, nearly always one each."""

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


def question(row: Row) -> str:
    """What a row asks: its text, or the first turn of its user. Rows that share it are related."""
    return question_of(row.input, row.messages)


def question_of(text: str, messages: Sequence[Mapping[str, str]]) -> str:
    """The same, from the columns of a row."""
    if text or not messages:
        return text
    asked = (turn["content"] for turn in messages if turn["role"] == "user")
    return next(asked, messages[0]["content"])


def answer(row: Row) -> str:
    """What a row teaches, whatever its kind, as one text to compare."""
    return answer_of(row.target, row.labels, row.rejected, row.messages)


def answer_of(
    target: str,
    labels: Sequence[str],
    rejected: str | None,
    messages: Sequence[Mapping[str, str]],
) -> str:
    """The same, from the columns of a row."""
    if target or labels:
        return "\n".join((target, *sorted(labels), rejected or ""))
    return "\n".join(turn["content"] for turn in messages)


def read(
    path: Path,
    columns: Columns = Columns(),  # noqa: B008 -- it is frozen
    report: Report = silent,
) -> Table:
    """Read a table of texts and labels, whatever program wrote it.

    Raises:
        DataError: There is no such file, it holds no rows, or its columns cannot be told apart.
    """
    opened = open_any(path, columns)
    records = opened.records
    sample = list(islice(records.items, _SAMPLE))
    whole = [record.cells for record in sample if not record.broken]
    if not whole:
        raise _nothing_usable(path, [Excluded(line=r.line, reason=r.broken) for r in sample])
    values = {name: [cells.get(name) for cells in whole] for name in records.columns}
    mapping = detect(values, columns, str(path))
    reading = Reading(path, records, mapping)
    reading.take(_counted(chain(sample, records.items), path.name, report))
    if not reading.writer.count:
        raise _nothing_usable(path, reading.excluded, mapping)
    rows, roles = reading.rows()
    return Table(
        path=path,
        sha256=opened.sha256,
        format=records.format,
        encoding=opened.encoding,
        columns=records.columns,
        mapping=mapping.model_copy(update={"roles": roles}),
        rows=rows,
        excluded=tuple(reading.excluded),
        notes=(*opened.notes, *dict.fromkeys(records.notes), *reading.notes()),
        remarks=tuple(reading.remarks),
        records_read=reading.count,
    )


def read_both(
    train: Path,
    evaluation: Path | None,
    columns: Columns = Columns(),  # noqa: B008 -- frozen
    report: Report = silent,
) -> tuple[Table, Table | None]:
    """Read the rows to learn from, and as the same kind those to measure on, where there are.

    Raises:
        DataError: One of the files cannot be used.
    """
    table = read(train, columns, report)
    if evaluation is None:
        return table, None
    same = {"kind": table.mapping.kind, "part": columns.part if evaluation == train else None}
    return table, read(evaluation, columns.model_copy(update=same), report)


def _counted(records: Iterable[Record], name: str, report: Report) -> Iterator[Record]:
    for number, record in enumerate(records, 1):
        if number % _NEWS == 0:
            report(Progress(message=f"reading {name}", step=number))
        yield record


def _nothing_usable(
    path: Path, excluded: Sequence[Excluded], mapping: ColumnMapping | None = None
) -> DataError:
    if not excluded:
        fix = "add rows below the header, one example a line"
        return DataError("a header and no rows", where=str(path), fix=fix)
    reason, times = Counter(record.reason for record in excluded).most_common(1)[0]
    what = f"none of the {len(excluded):,} records can be used: {reason} ({times:,})"
    fix = "give each row a text and a label, or name the columns: --input COLUMN --target COLUMN"
    if mapping and mapping.kind != "classification":
        needed = ", ".join(f"{role} in `{column}`" for role, column in mapping.roles.items())
        fix = f"they were read as {mapping.kind} ({needed}); fill these in, or say --kind NAME"
        if reason == TIE:
            fix = "ties teach no order: have answers rated that differ more (whichtune rate)"
    elif mapping and reason == "no label":
        fix = f"label some of them: whichtune label {path} --out labelled.jsonl"
    return DataError(what, where=str(path), fix=fix)
