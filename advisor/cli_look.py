"""Commands that only look: profile a data file, examine this machine."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor import console
from advisor.cli_columns import columns
from advisor.cli_options import (
    Encoding,
    Evaluation,
    Id,
    Input,
    Json,
    Kind,
    Mapping,
    Part,
    Role,
    Target,
)

if TYPE_CHECKING:
    from advisor.data import Table
    from advisor.mend import Mended, Wanted
    from advisor.profile import DataProfile


def profile(
    data: Annotated[Path, typer.Argument(help="Your rows, in any form: a file, a folder, an id.")],
    evaluation: Evaluation = None,
    corpus: Annotated[
        Path | None,
        typer.Option(help="Documents or examples shown at use; they must hold no evaluation row."),
    ] = None,
    input_column: Input = None,
    target_column: Target = None,
    id_column: Id = None,
    kind: Kind = None,
    encoding: Encoding = None,
    part: Part = None,
    role: Role = None,
    mapping: Mapping = None,
    save_mapping: Annotated[
        Path | None, typer.Option(help="Write kind and columns down, for --mapping.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="Base model in whose tokens rows are counted; of pairs, it reads the answers too."
        ),
    ] = None,
    embed: Annotated[
        bool | None,
        typer.Option(help="Embed all texts to look for wrong labels; up to 5,000 rows by itself."),
    ] = None,
    fix: Annotated[
        Path | None,
        typer.Option(
            "--fix",
            metavar="OUT",
            help="Write a new file, mended: .csv, .tsv, .jsonl or .parquet; with a log beside it.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CODE", help="Mend this finding alone; repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what --fix would do, and write nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look into a data file: what its rows are, their columns and lengths, and what is wrong.

    With --fix OUT, what can be mended without asking is mended in a new file: repeats and leaks
    are left out, damaged letters repaired; OUT.changes.jsonl holds every row that is not as it was.

    Ends with exit code 3 when a finding has to be put right before anything can be learned.
    """
    from advisor import data as tables
    from advisor import examination

    wanted = _wanted(data, fix, only or (), dry_run=dry_run)
    flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
    flags |= {"encoding": encoding, "part": part}
    said = columns(flags, roles=role, mapping_file=mapping)
    mended = None
    with console.news(data.name, patience=3.0) as report:
        table, held_out = tables.read_both(data, evaluation, said, report)
        shown = tables.read(corpus, report=report) if corpus else None
        asked = examination.Asked(base_model=base, embed=embed)
        found = examination.examine(table, held_out, shown, asked=asked, report=report)
        if wanted:
            from advisor.mend import mend

            mended = mend(table, found.found, said, wanted, report)
    if save_mapping:
        from advisor import mapping as mappings

        mappings.save(table.mapping, save_mapping, said)
    _show_profile(table, found.profile, mended, as_json=as_json)
    if found.profile.blocking:
        raise typer.Exit(3)
    if not as_json:
        console.talk(f"\n{_next(data, found.profile, mended)}")


def _wanted(data: Path, fix: Path | None, only: Sequence[str], *, dry_run: bool) -> "Wanted | None":
    """What is to be mended, if anything; refused before the long look begins."""
    from advisor import mend
    from rules.errors import UserError

    if fix is None and not dry_run:
        if only:
            what = "it chooses what to mend, and nothing is to be mended"
            raise UserError(what, where="--only", fix="add --fix OUT, or --dry-run")
        return None
    if fix is not None:
        mend.check(data, mend.Wanted(fix))
    return mend.Wanted(None if dry_run else fix, tuple(only))


def _show_profile(
    table: "Table", found: "DataProfile", mended: "Mended | None", *, as_json: bool
) -> None:
    if as_json:
        from advisor import outputs

        console.emit(outputs.profile(table, found, mended))
        return
    from advisor import report_data, report_mend

    console.show(report_data.profile(table, found))
    if mended:
        console.show(report_mend.mended(mended))


def _next(data: Path, found: "DataProfile", mended: "Mended | None") -> str:
    if mended:
        command = f"{mended.file}" if mended.file else f"{data} --fix OUT"
        return f"Next: whichtune profile {command}"
    hint = f"What can be mended: whichtune profile {data} --dry-run\n"
    mendable = any(finding.mends for finding in found.findings)
    return f"{hint if mendable else ''}Next: whichtune advise --data {data}"


def doctor(as_json: Json = False) -> None:
    """Say what this machine can do, approach by approach, and what to type to get the rest."""
    from advisor import doctor as checks
    from advisor import hardware

    machine = hardware.look()
    ready = checks.examine(machine)
    if as_json:
        from advisor import outputs

        console.emit(outputs.DoctorOutput(machine=machine, approaches=ready))
        return
    from advisor import report

    console.show(report.machine(machine, ready))
    missing = [item.fix for item in ready if item.fix]
    console.talk(f"\nNext: {missing[0] if missing else 'whichtune demo'}")


COMMANDS: dict[str, Callable[..., None]] = {"profile": profile, "doctor": doctor}
