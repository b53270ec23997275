"""Commands that look at what was done: runs, show, compare, try."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from advisor import console, runs
from advisor.cli_options import Json, Runs
from advisor.cli_run_options import Function
from rules.errors import UserError


def list_runs(runs_folder: Runs = None, as_json: Json = False) -> None:
    """List all runs: planned, queued, running, done, failed, cancelled or died."""
    root = runs.root(runs_folder)
    found = runs.all_runs(root)
    if as_json:
        from advisor import outputs

        console.emit(outputs.runs(found))
    elif found:
        from advisor import report_runs

        console.show(report_runs.runs(found))
    else:
        console.talk(f"no runs in {root} yet: whichtune run --data FILE")


def show(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A run, by its name or folder.")],
    errors: Annotated[
        bool, typer.Option("--errors", help="Confusions, examples and every label.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Watch until it is over.")] = False,
    log: Annotated[bool, typer.Option("--log", help="What the libraries printed.")] = False,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Show one run: its state, what it measured, and what it gets wrong."""
    found = runs.find(name, runs.root(runs_folder))
    if follow:
        with console.news(found.name) as tell:
            for event in runs.follow(found.folder):
                if event.progress:
                    tell(event.progress)
        found = runs.find(str(found.folder), found.folder.parent)
    if log:
        sys.stdout.write(runs.log(found))
        return
    from advisor import report_runs
    from advisor.compare import mistakes

    if as_json:
        from advisor import outputs

        console.emit(outputs.show(found, mistakes(found) if found.result else []))
        return
    console.show(report_runs.run(found, errors=errors))


def compare(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Runs; else the latest ones.")
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="accuracy or macro_f1; of texts chrf, bleu, rouge_l, exact_match, bits_per_byte, "
            "or a function of yours that they were measured by.",
        ),
    ] = None,
    metric_function: Function = None,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Compare runs measured on the same rows; say which won, and whether by chance.

    Without names: every finished run on the rows of the newest one. A metric of your own can be
    given afterwards too: whichtune compare --metric-function metrics:score
    """
    from advisor import compare as comparing
    from advisor import entries
    from advisor.plan import own_metric

    root = runs.root(runs_folder)
    chosen = [runs.find(name, root) for name in names or ()]
    chosen = chosen or comparing.latest_group(runs.all_runs(root))
    own = own_metric(metric_function) if metric_function else None
    mine = [*entries.own_metrics(chosen), *([own.name] if own else [])]
    by = comparing.metric_named(metric, mine) if metric else (own and own.name)
    found = comparing.compare(chosen, by, own)
    if as_json:
        from advisor import outputs

        console.emit(outputs.CompareOutput(comparison=found))
        return
    from advisor import report_runs

    console.show(report_runs.comparison(found))


def try_(
    words: Annotated[
        list[str],
        typer.Argument(metavar="RUN... [TEXT]...", help="Finished runs, then texts of your own."),
    ],
    text: Annotated[
        list[str] | None,
        typer.Option("--text", help="A text, whatever it looks like; may be repeated."),
    ] = None,
    base: Annotated[
        bool | None,
        typer.Option("--base/--no-base", help="The untouched model too; so with several runs."),
    ] = None,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Ask finished runs about texts of your own; several answer side by side.

    The first argument that names no run begins the texts. Without texts: the lines of stdin.

    \b
    echo "I was charged twice" | whichtune try heads-0001
    whichtune try heads-0001 "where is my card?"
    whichtune try lora-0001 full_sft-0001 "where is my card?"
    """
    from advisor import tryout

    chosen, texts = tryout.parted(words, runs.root(runs_folder))
    tryout.require_ready(chosen)
    untouched = tryout.bases(chosen, base)
    texts += text or []
    if not texts and sys.stdin.isatty():
        console.talk("one text a line; Ctrl-D ends")
    lines = texts or [line.strip() for line in sys.stdin]
    lines = [line for line in lines if line.strip()]
    if not lines:
        fix = f"whichtune try {chosen[0].name} 'a text'"
        raise UserError("no text to try", where="try", fix=fix)
    columns = tryout.ask(chosen, lines, untouched)
    if as_json:
        from advisor import outputs

        console.emit(outputs.tried(columns))
        return
    from advisor import report_try

    console.show(report_try.tried(lines, columns))


COMMANDS: dict[str, Callable[..., None]] = {
    "runs": list_runs,
    "show": show,
    "compare": compare,
    "try": try_,
}
