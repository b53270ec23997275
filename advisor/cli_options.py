"""Options that several commands share, declared once."""

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON (docs/json.md) instead of text.")]
Runs = Annotated[
    Path | None,
    typer.Option("--runs", help="Folder of all runs (else $WHICHTUNE_RUNS, else ./runs)."),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Your rows, in any form: a file, a folder, an id."),
]
Evaluation = Annotated[
    Path | None,
    typer.Option(
        "--evaluation", help="Rows to measure on; without it a share of --data is set aside."
    ),
]
Input = Annotated[
    str | None, typer.Option("--input", help="Column of the text; found by itself unless given.")
]
Target = Annotated[
    str | None, typer.Option("--target", help="Column of the label; found by itself unless given.")
]
Kind = Annotated[
    str | None,
    typer.Option("--kind", help="What the rows are, such as chat; found by itself unless given."),
]
Role = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="ROLE=COLUMN", help="Column of any other role; repeatable."),
]
Mapping = Annotated[
    Path | None,
    typer.Option("--mapping", help="File with kind and columns, from profile --save-mapping."),
]
Encoding = Annotated[
    str | None, typer.Option("--encoding", help="Such as cp1252; found by itself unless given.")
]
Part = Annotated[
    str | None,
    typer.Option("--part", help="Sheet, table, archive member or split, where there are several."),
]
Id = Annotated[str | None, typer.Option("--id", help="Column that names a row.")]
Rules = Annotated[
    list[Path] | None,
    typer.Option("--rules", help="Folder of rules to add or to put in place of ours; repeatable."),
]
