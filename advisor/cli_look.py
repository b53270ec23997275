"""Commands that only look: profile a data file, examine this machine."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

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
        str | None, typer.Option(help="Base model in whose tokens rows are counted.")
    ] = None,
    embed: Annotated[
        bool | None,
        typer.Option(help="Embed all texts to look for wrong labels; up to 5,000 rows by itself."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look into a data file: what its rows are, their columns and lengths, and what is wrong.

    Ends with exit code 3 when a finding has to be put right before anything can be learned.
    """
    from advisor import data as tables
    from advisor import examination

    flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
    flags |= {"encoding": encoding, "part": part}
    said = columns(flags, roles=role, mapping_file=mapping)
    with console.news(data.name, patience=3.0) as report:
        table, held_out = tables.read_both(data, evaluation, said)
        shown = tables.read(corpus) if corpus else None
        asked = examination.Asked(base_model=base, embed=embed)
        found = examination.examine(table, held_out, shown, asked=asked, report=report)
    if save_mapping:
        from advisor import mapping as mappings

        mappings.save(table.mapping, save_mapping, said)
    if as_json:
        from advisor import outputs

        console.emit(outputs.profile(table, found.profile))
    else:
        from advisor import report_data

        console.show(report_data.profile(table, found.profile))
    if found.profile.blocking:
        raise typer.Exit(3)
    if not as_json:
        console.talk(f"\nNext: whichtune advise --data {data}")


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
