"""Data with the remedies of its findings applied: a new file, and a log of every changed row.

The file is read once more, record by record, since rows hold only the columns that are learned
from: the new file has all of the user's columns. A record is left out when all of its rows are;
every record that is changed or left out is a line of the log, whole, so that nothing is lost.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from advisor import writing
from advisor.check import Found
from advisor.columns import Columns
from advisor.data import Table
from advisor.mending import UNREADABLE, Change, Mending
from advisor.write_table import TableWriter
from rules.errors import DataError, UserError
from runners.base import Frozen, Report, silent


class Mended(Frozen):
    """What was done, or would be."""

    file: str | None
    """The new file; ``None``: nothing was written, this is a preview."""
    log: str | None
    records: int
    """Read from the file: those written and those left out."""
    written: int
    left_out: int
    changed: int
    """Of the written ones."""
    by_finding: dict[str, int]
    """Records that were changed or left out because of it."""
    unmended: dict[str, int]
    """Records with this finding that stay as they are: what is lost cannot be repaired."""
    notes: tuple[str, ...] = ()
    examples: tuple[Change, ...] = ()
    """The first of the log."""


class Wanted(NamedTuple):
    """What the user asks for."""

    out: Path | None
    """``None``: only show what would be done."""
    only: Sequence[str] = ()
    """Codes of findings; none: all that have a remedy."""

    @property
    def log(self) -> Path | None:
        """Where the changes are written down: ``clean.csv.changes.jsonl``."""
        return self.out and self.out.with_name(f"{self.out.name}.changes.jsonl")


def check(data: Path, wanted: Wanted) -> None:
    """Make sure, before anything is read, that the new file can be written.

    Raises:
        UserError: It exists, is the input itself, or its folder or format does not exist.
    """
    if wanted.out is None or wanted.log is None:
        return
    if wanted.out.exists() and data.exists() and wanted.out.samefile(data):
        fix = f"name a new file: --fix {data.with_stem(data.stem + '_clean')}"
        raise UserError("this is the input, which is never touched", where="--fix", fix=fix)
    writing.check(wanted.out)
    if wanted.log.exists():
        fix = f"it belongs to another file: name a new one, or remove it: rm '{wanted.log}'"
        raise UserError("the log of changes exists already", where=str(wanted.log), fix=fix)


def mend(
    table: Table,
    found: Sequence[Found],
    columns: Columns,
    wanted: Wanted,
    report: Report = silent,
) -> Mended:
    """Apply the remedies of findings to the file of a table.

    Args:
        table: As it was read.
        found: What was found in it, with the places of all rows.
        columns: What the user said about the file when it was read.
        wanted: Where to, and which findings.
        report: Where progress is told.

    Raises:
        UserError: No finding of a name in ``only`` can be mended, or the format cannot hold it.
        DataError: The file changed since it was read, or nothing would be left of it.
    """
    done = Mending(table, _chosen(table, found, wanted.only), columns)
    notes: list[str] = []
    if wanted.out and wanted.log:
        notes += _write(done, wanted.out, wanted.log, report)
    else:
        for _ in done.changes(report):
            pass
    records, left_out = done.counts["records"], done.counts["left_out"]
    return Mended(
        file=str(wanted.out) if wanted.out else None,
        log=str(wanted.log) if wanted.log else None,
        records=records,
        written=records - left_out,
        left_out=left_out,
        changed=done.counts["changed"],
        by_finding=dict(done.by_finding.most_common()),
        unmended=dict(done.unmended.most_common()),
        notes=tuple(notes),
        examples=tuple(done.examples),
    )


def _write(done: Mending, out: Path, log: Path, report: Report) -> list[str]:
    """Write both files, or neither; what has to be said about the form."""
    writer = TableWriter(out, done.table.columns)
    try:
        with writing.new(log) as file:
            for note in done.table.notes:
                file.write(writing.line({"note": note}))
            done.keep = writer.add
            for change in done.changes(report):
                file.write(writing.line(change.model_dump()))
            _refuse_empty(writer.count, done.table.path)
            flat = writer.nested if out.suffix.lower() in (".csv", ".tsv") else set[str]()
            _refuse_flattened(flat.intersection(done.table.mapping.roles.values()), out)
        writer.finish()
    except BaseException:
        writer.give_up()
        if not out.exists():
            log.unlink(missing_ok=True)
        raise
    named = ", ".join(f"`{name}`" for name in sorted(flat))
    return [f"lists in {named} are written as JSON text; a .jsonl keeps them"] if flat else []


def _refuse_empty(count: int, path: Path) -> None:
    if not count:
        fix = "look at the findings, and choose some of them: --only CODE"
        raise DataError("nothing would be left", where=str(path), fix=fix)


def _refuse_flattened(columns: set[str], out: Path) -> None:
    """Turns and passages in cells would no longer be read as what they are."""
    if columns:
        what = f"`{min(columns)}` holds lists, which {out.suffix} cannot keep"
        fix = f"name a file that can: --fix {out.with_suffix('.jsonl')}"
        raise UserError(what, where=str(out), fix=fix)


def _chosen(table: Table, found: Sequence[Found], only: Sequence[str]) -> dict[str, list[Found]]:
    """Findings that can be mended, by code; records that cannot be used among them."""
    mendable: dict[str, list[Found]] = {UNREADABLE: []} if table.excluded else {}
    for item in found:
        if item.remedy:
            mendable.setdefault(item.code, []).append(item)
    for code in only:
        if code in mendable:
            continue
        codes = ", ".join(mendable)
        fix = f"these can be: {codes}" if codes else "leave --only out: nothing here can be"
        known = any(item.code == code for item in found)
        what = f"{code!r} is for you to decide: it has no remedy" if known else f"no {code!r} found"
        raise UserError(what, where="--only", fix=fix)
    return {code: items for code, items in mendable.items() if not only or code in only}
