"""Records that could not become rows, and rows about which the reader found something odd."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from advisor.check import Found
from advisor.data import Table
from advisor.examined import Examined

SAYS = "records that cannot be used, and rows that are odd"
LIBRARIES = ()
COST = 0.1


def look(examined: Examined) -> Iterator[Found]:
    """Of both files; the reader has found them already."""
    for side in (examined.train, examined.evaluation):
        if side:
            yield from _excluded(side.table)
            yield from _odd(side.table)


def _excluded(table: Table) -> Iterator[Found]:
    if table.excluded:
        reasons = Counter(record.reason for record in table.excluded).most_common(3)
        told = ", ".join(f"{reason} ({times:,})" for reason, times in reasons)
        text = f"of {table.records_read:,} records in {table.path.name} cannot be used: {told}"
        where = [table.place(record.line) for record in table.excluded]
        yield Found("excluded", text, where=where, fix=f"put them right, starting with {where[0]}")


def _odd(table: Table) -> Iterator[Found]:
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for record in table.remarks:
        by_reason[record.reason].append(f"{table.path.name}:{record.line}")
    for reason, where in by_reason.items():
        fix = f"look at them, starting with {where[0]}; they are used as they are"
        yield Found("odd", f"rows in {table.path.name}: {reason}", where=where, fix=fix)
