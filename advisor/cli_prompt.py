"""``whichtune prompt``: prompts are files, and can be held against what helps a model."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from advisor import cli_prompt_search, console
from advisor.cli_options import Json

app = typer.Typer(
    no_args_is_help=True, help="Prompts: check what one says, search for a better one."
)


@app.callback()
def prompt() -> None:
    """Prompts are text files: --setting instruction=@prompt.md uses one, and notes its version."""


app.command("search")(cli_prompt_search.search)


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Text files.")],
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 where something is missing or open.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look whether a prompt names the task, the form of the answer, its readers and the steps.

    \b
    whichtune prompt check prompts/reply.md
    whichtune prompt check prompts/*.md --strict
    """
    from advisor import prompts, report_prompt
    from advisor.outputs_prompt import PromptOutput

    found = tuple(map(prompts.check, files))
    if as_json:
        console.emit(PromptOutput(checked=found))
    else:
        for number, item in enumerate(found):
            if number:
                console.out().print()
            console.show(*report_prompt.checked(item))
    if strict and any(item.missing or item.open for item in found):
        sys.exit(3)
