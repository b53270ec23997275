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
Approach = Annotated[
    list[str] | None, typer.Option("--approach", help="Which approach; may be repeated.")
]
BaseModel_ = Annotated[
    str | None,
    typer.Option("--base-model", help="A hub id such as org/name, a folder, bundled, or api:NAME."),
]
Setting = Annotated[
    list[str] | None,
    typer.Option("--setting", help="A knob of the approach, such as --setting epochs=3."),
]
Seed = Annotated[int, typer.Option("--seed", help="Of the split and of everything random.")]
Share = Annotated[
    float,
    typer.Option(
        "--share", min=0.01, max=0.9, help="Share of --data set aside without --evaluation."
    ),
]
PerLabel = Annotated[
    int | None,
    typer.Option("--per-label", min=1, help="Learn from this many rows of each label only."),
]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", help="Where api:NAME is asked, such as http://127.0.0.1:8000/v1."),
]
KeyEnv = Annotated[
    str | None,
    typer.Option("--api-key-env", help="Environment variable of the key (else OPENAI_API_KEY)."),
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", min=0, help="Dollars that all these runs may cost together."),
]
EndpointOption = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint",
        metavar="NAME=VALUE",
        help="concurrency, timeout_seconds, answer_tokens, window, price=[IN, OUT]; repeatable.",
    ),
]
Privacy = Annotated[
    str | None,
    typer.Option("--privacy", help="stays_here: nothing of the data may leave this machine."),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say how many calls, tokens and dollars, and ask nothing."),
]
