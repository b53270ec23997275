"""Options of the commands that run: how long, in how many processes, how answers are measured."""

from typing import Annotated

import typer

Minutes = Annotated[
    float | None,
    typer.Option("--minutes", min=0.01, help="Stop training in good order after this time."),
]
Processes = Annotated[
    int,
    typer.Option("--processes", min=1, help="Train in so many processes, one for each device."),
]
Format = Annotated[
    str | None,
    typer.Option("--answer-format", help="Of texts: a regular expression or a JSON schema."),
]
Function = Annotated[
    str | None,
    typer.Option(
        "--metric-function",
        help="Of texts: module:function in this folder; takes an answer and the right ones.",
    ),
]
