"""A file of rows in another form: instructions, a chat, texts with labels, or just another format.

Every record that is read is either written or told of, with its line and the reason.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from advisor import data, instruct, labels_back, qrels, writing
from advisor.columns import Columns
from advisor.data import Excluded, Table
from advisor.instruct import Instruction, Unfit
from advisor.opening import open_any
from advisor.tabular import Records
from advisor.writing import Cells
from rules.errors import DataError
from runners.base import Frozen, Row

Form = Literal["instructions", "chat", "labels"]
_SHOWN = 3


class Wanted(Frozen):
    """What a user asks for."""

    to: Form | None = None
    """``None``: the same columns in another format."""
    templates: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """What answers may mean; empty: what the instructions list, else whatever they say."""
    seed: int = 0
    qrels: Path | None = None
    """A table of which documents answer which question, to be added to the questions."""


class Converted(Frozen):
    """A file that was written, and everything that was read for it."""

    path: Path
    to: str
    kind: str
    """What the rows were read as: the name of a schema; empty where only the format changed."""
    records_read: int
    rows: int
    left_out: tuple[Excluded, ...]
    templates: dict[str, int]
    """Rows of each template."""
    notes: tuple[str, ...]
    examples: tuple[dict[str, object], ...]


@dataclass
class Tally:
    """What became of the rows, in one pass over them."""

    read: int = 0
    rows: int = 0
    left_out: list[Excluded] = field(default_factory=list[Excluded])
    templates: Counter[str] = field(default_factory=Counter[str])
    notes: list[str] = field(default_factory=list[str])
    examples: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    def keep(self, cells: Cells) -> Cells:
        """Count a row that is written."""
        self.rows += 1
        if len(self.examples) < _SHOWN:
            self.examples.append(dict(cells))
        return cells

    def leave(self, line: int, reason: str, shown: str = "") -> None:
        """Count one that is not."""
        self.left_out.append(Excluded(line=line, reason=reason, shown=shown[:60]))


class _Job(NamedTuple):
    """How to make all rows, as often as they are needed."""

    kind: str
    columns: Sequence[str]
    rows: Callable[[Tally], Iterator[Cells]]


def convert(path: Path, out: Path, columns: Columns, wanted: Wanted) -> Converted:
    """Read a file, and write it in another form.

    Args:
        path: Any file, folder or id that can be read.
        out: A file that is not there yet; its name says the format.
        columns: What the user said about the file that is read.
        wanted: What it is to become.

    Raises:
        DataError: It cannot be read or written, or has no row that can be converted.
    """
    writing.check(out)
    lists = "turns" if wanted.to == "chat" else "documents" if wanted.qrels else ""
    if lists and out.suffix.lower() in (".csv", ".tsv"):
        fix = f"name a file that can: {out.with_suffix('.jsonl')}"
        raise DataError(f"a cell of a table holds no list of {lists}", where=str(out), fix=fix)
    job = _job(path, out, columns, wanted)
    tallies: list[Tally] = []

    def rows() -> Iterator[Cells]:
        tallies.append(tally := Tally())
        yield from job.rows(tally)
        if not tally.rows:
            raise _nothing(path, tally)

    writing.write(out, job.columns, rows)
    done = tallies[-1]
    return Converted(
        path=out,
        to=wanted.to or out.suffix.lower().lstrip("."),
        kind=job.kind,
        records_read=done.read,
        rows=done.rows,
        left_out=tuple(done.left_out),
        templates=dict(done.templates),
        notes=tuple(dict.fromkeys(done.notes)),
        examples=tuple(done.examples),
    )


def _nothing(path: Path, tally: Tally) -> DataError:
    if not tally.read:
        fix = "add rows below the header, one example a line"
        return DataError("a header and no rows", where=str(path), fix=fix)
    reasons = Counter(item.reason for item in tally.left_out).most_common(1)
    why = f": {reasons[0][0]} ({reasons[0][1]:,})" if reasons else ""
    fix = f"see what its rows are: whichtune profile {path}"
    return DataError(
        f"none of the {tally.read:,} records can be converted{why}", where=str(path), fix=fix
    )


def _job(path: Path, out: Path, columns: Columns, wanted: Wanted) -> _Job:
    if wanted.to is None:
        return _same(path, out, columns, wanted.qrels)
    table = data.read(path, columns)
    beside = [name for name in ("user", "group") if any(table.rows.column(name))]
    if wanted.to != "labels":
        return _asked(table, beside, wanted)
    back = labels_back.Back.of(table, wanted.labels)

    def rows(tally: Tally) -> Iterator[Cells]:
        _begin(tally, table)
        tally.notes.extend(back.notes)
        for line, row in zip(table.rows.lines(), table.rows, strict=True):
            found = back.labelled(row)
            if isinstance(found, Unfit):
                tally.leave(line, str(found), data.answer(row))
            else:
                yield tally.keep({"id": row.id, **found, **_own(row, beside)})

    names = ("id", "text", "labels" if back.several else "label", *beside)
    return _Job(table.mapping.kind, names, rows)


def _begin(tally: Tally, table: Table) -> None:
    tally.read = table.records_read
    tally.left_out.extend(table.excluded)
    tally.notes.extend(table.notes)


def _own(row: Row, names: Iterable[str]) -> dict[str, object]:
    return {name: value for name in names if (value := getattr(row, name))}


def all_labels(table: Table) -> tuple[str, ...]:
    """The labels of a table, sorted; empty where rows have none."""
    if table.mapping.kind == "classification":
        return tuple(sorted(set(table.rows.column("target"))))
    if table.mapping.kind == "multi_label":
        return tuple(sorted({label for some in table.rows.column("labels") for label in some}))
    return ()


def _asked(table: Table, beside: Sequence[str], wanted: Wanted) -> _Job:
    """Instructions, as columns or as turns."""
    kind, chat = table.mapping.kind, wanted.to == "chat"
    labels = all_labels(table)
    chosen = {} if kind == "chat" else instruct.choose(kind, labels, wanted.templates)

    def rows(tally: Tally) -> Iterator[Cells]:
        _begin(tally, table)
        made = instruct.made(table.rows, chosen, labels, wanted.seed)
        for line, (row, found) in zip(table.rows.lines(), made, strict=True):
            own = _own(row, beside)
            if chat and row.messages:
                yield tally.keep({"id": row.id, "messages": list(row.messages), **own})
            elif isinstance(found, Unfit):
                tally.leave(line, str(found), data.question(row))
            else:
                tally.templates[found.template] += 1
                yield tally.keep({"id": row.id, **_cells(found, chat=chat), **own})

    system = ("system",) if any(table.rows.column("messages")) else ()
    names = ("messages",) if chat else ("instruction", "input", "output", *system)
    return _Job(kind, ("id", *names, "template", *beside), rows)


def _cells(found: Instruction, *, chat: bool) -> dict[str, object]:
    if chat:
        turns = (("system", found.system), ("user", found.prompt), ("assistant", found.output))
        said = [{"role": role, "content": text} for role, text in turns if text]
        return {"messages": said, "template": found.template}
    parts = {"instruction": found.instruction, "input": found.input, "output": found.output}
    system = {"system": found.system} if found.system else {}
    return {**parts, **system, "template": found.template}


def _same(path: Path, out: Path, columns: Columns, judged: Path | None) -> _Job:
    """Every column as it is; of questions that are judged, the documents that answer as well."""
    names = _names(open_any(path, columns).records, out)
    joined = qrels.join(judged, names, columns.id, path) if judged else None

    def rows(tally: Tally) -> Iterator[Cells]:
        found, wide = open_any(path, columns), 0
        for record in found.records.items:
            tally.read += 1
            if record.broken:
                tally.leave(record.line, record.broken, str(next(iter(record.cells.values()), "")))
                continue
            cells = record.cells
            if record.extra:
                last, wide = found.records.columns[-1], wide + 1
                parts = (str(cells[last]), *record.extra)
                cells = {**cells, last: found.records.delimiter.join(parts)}
            if joined and not (cells := joined.told(cells)):
                tally.leave(record.line, qrels.UNJUDGED, str(record.cells.get(joined.key)))
            else:
                yield tally.keep(cells)
        tally.notes.extend((*found.notes, *found.records.notes))
        if wide:
            tally.notes.append(f"more cells than the header names, joined to the last: {wide:,}")
        if joined:
            tally.notes.extend(joined.notes())

    return _Job("", (*names, qrels.COLUMN) if joined else names, rows)


def _names(found: Records, out: Path) -> tuple[str, ...]:
    """A key may come up late in the file, and a table has to name it in its first line."""
    if found.format in ("json", "jsonl") and out.suffix.lower() != ".jsonl":
        return tuple(dict.fromkeys(n for r in found.items if not r.broken for n in r.cells))
    return tuple(found.columns)
