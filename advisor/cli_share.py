"""The command that takes a run away: export."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from advisor import console, runs
from advisor.cli_options import Runs


def export(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A finished run.")],
    to: Annotated[
        Literal["adapter", "merged"], typer.Option("--to", help="What to write.")
    ] = "adapter",
    out: Annotated[
        Path | None, typer.Option("--out", help="A new folder; else RUN-adapter or RUN-merged.")
    ] = None,
    runs_folder: Runs = None,
) -> None:
    """Write a run's adapter, or its model with the adapter merged in, to a folder of its own."""
    from advisor import share

    found = runs.find(name, runs.root(runs_folder))
    folder = (out or Path(f"{found.name}-{to}")).absolute()
    parity = share.export(found, to, folder)
    console.out().print(f"written: {folder}", markup=False, soft_wrap=True)
    if parity:
        gap = f"largest difference of a score {parity.largest_difference:.2g}"
        text = f"same answers in a fresh process: {parity.equal} of {parity.prompts}; {gap}"
        console.out().print(text, markup=False, soft_wrap=True)


COMMANDS: dict[str, Callable[..., None]] = {"export": export}
