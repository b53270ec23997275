"""The command that takes a run away: export."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from advisor import console, runs
from advisor.cli_options import Json, Runs


def export(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A finished run.")],
    to: Annotated[
        Literal["adapter", "merged", "gguf", "ollama", "verl"],
        typer.Option("--to", help="What to write."),
    ] = "adapter",
    out: Annotated[
        Path | None, typer.Option("--out", help="A new folder; else RUN-adapter, RUN-merged, …")
    ] = None,
    llama_cpp: Annotated[
        Path | None,
        typer.Option("--llama-cpp", help="Folder of llama.cpp (else $WHICHTUNE_LLAMA_CPP)."),
    ] = None,
    precision: Annotated[
        Literal["f32", "f16", "bf16", "q8_0"],
        typer.Option("--precision", help="Of the weights in a GGUF file."),
    ] = "f16",
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Write a run's adapter, its whole model, or a file for llama.cpp, to a folder of its own.

    \b
    whichtune export lora-0001                    the adapter, as PEFT reads it
    whichtune export lora-0001 --to merged        a whole model, checked against the run
    whichtune export lora-0001 --to ollama --llama-cpp ~/llama.cpp
    whichtune export rlhf-0001 --to verl          reinforcement goes on elsewhere

    Each folder has a model card. Exit code 3: written, but its answers are not those of the run.
    """
    from advisor import outputs_share, share

    found = runs.find(name, runs.root(runs_folder))
    folder = (out or Path(f"{found.name}-{to}")).expanduser().absolute()
    order = share.Order(to=to, out=folder, llama_cpp=llama_cpp, precision=precision)
    done = share.export(found, order)
    if as_json:
        console.emit(outputs_share.ExportOutput(exported=done))
    else:
        lines = (f"written: {done.folder}", *done.told, *([done.next] if done.next else []))
        for line in lines:
            console.out().print(line, markup=False, soft_wrap=True)
    for warning in done.warnings:
        console.talk(f"! {warning}")
    if done.parity and not done.parity.holds:
        raise typer.Exit(3)


COMMANDS: dict[str, Callable[..., None]] = {"export": export}
