"""Commands around decision records: write one, judge it again, compare two; and many at once."""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from advisor import console
from advisor.cli_options import Json, Rules
from advisor.facts import Situation
from rules import engine
from rules.engine import Approach
from rules.errors import UserError

if TYPE_CHECKING:
    from advisor.advice import Advice
    from advisor.record_diff import Difference


def write(said: "Advice", path: Path) -> None:
    """Write a record, with today's date."""
    from datetime import date

    from advisor import record

    made = record.make(said, date.today())
    files = record.save(made, path)
    console.talk(f"written: {' and '.join(str(file) for file in files)}")
    console.talk(f"judge it again: whichtune advise --replay {path}")


def replay(path: Path, other: Situation, approaches: Sequence[Approach], *, as_json: bool) -> None:
    """Judge a record again: the same bytes where nothing moved, else 1 and what moved."""
    from advisor import record
    from advisor.record_diff import difference

    old = record.read(path)
    new = record.again(old, approaches, other.known)
    sys.stdout.write(record.text(new) if as_json else record.markdown(new))
    sys.stdout.flush()
    found = difference(old, new, approaches)
    for line in told(found):
        console.talk(line)
    if found.before != found.after:
        raise typer.Exit(1)


def told(found: "Difference") -> Iterable[str]:
    """What is different, and what of it changed the answer."""
    if found.before == found.after:
        yield f"the answer is the same: {found.after or 'everything is ruled out'}"
    else:
        yield f"the answer changed: {found.before or 'none'} -> {found.after or 'none'}"
        yield from (f"  moved by {item}" for item in found.moved)
    yield from (f"  fact  {item}" for item in found.facts)
    yield from (f"  rule  {item}" for item in found.rules[:20])
    if len(found.rules) > 20:
        yield f"  and {len(found.rules) - 20} more rules"


def record(
    action: Annotated[Literal["diff", "show"], typer.Argument(help="diff A B, or show A.")],
    files: Annotated[list[Path], typer.Argument(metavar="A.json [B.json]")],
    rules: Rules = None,
    as_json: Json = False,
) -> None:
    """Compare two decision records, or show one.

    \b
    whichtune record diff 2026-11.json 2027-02.json   which fact or rule changed the answer
    whichtune record show 2026-11.json                the record in Markdown

    Ends with 1 when the two records give different answers.
    """
    from advisor import record as records
    from advisor.record_diff import difference

    wanted = 2 if action == "diff" else 1
    if len(files) != wanted:
        fix = (
            "whichtune record diff A.json B.json" if wanted == 2 else "whichtune record show A.json"
        )
        raise UserError(f"{len(files)} files given", where=f"record {action}", fix=fix)
    read = [records.read(path) for path in files]
    if action == "show":
        sys.stdout.write(records.text(read[0]) if as_json else records.markdown(read[0]))
        return
    approaches = engine.load(engine.FOLDER, *(rules or []))
    found = difference(read[0], read[1], approaches)
    if as_json:
        console.emit(found)
    else:
        sys.stdout.write("\n".join(told(found)) + "\n")
    if found.before != found.after:
        raise typer.Exit(1)


def judge_batch(path: Path, approaches: Sequence[Approach]) -> None:
    """One verdict a line on stdout; bad lines are named on stderr, and make it end with 2."""
    from advisor import batch

    if str(path) != "-" and not path.is_file():
        fix = "name a file with one JSON object of facts a line, or - for stdin"
        raise UserError("no such file", where=str(path), fix=fix)
    bad = total = 0
    with sys.stdin if str(path) == "-" else path.open(encoding="utf-8-sig") as lines:
        for said in batch.judge(lines, approaches, str(path)):
            sys.stdout.write(said.model_dump_json(exclude_none=True) + "\n")
            total += 1
            if said.error:
                bad += 1
                console.talk(f"error: {said.error['where']}: {said.error['what']}")
                console.talk(f"  fix: {said.error['fix']}")
    sys.stdout.flush()
    console.talk(f"{total:,} lines, {bad:,} of them bad")
    if bad:
        raise typer.Exit(2)


COMMANDS: dict[str, Callable[..., None]] = {"record": record}
