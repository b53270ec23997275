"""Commands that look at what was done: runs, show, compare, try."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from advisor import console, runs
from advisor.cli_options import Json, Runs
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
            help="accuracy or macro_f1; of texts chrf, bleu, rouge_l, exact_match, bits_per_byte.",
        ),
    ] = None,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Compare runs measured on the same rows; say which won, and whether by chance.

    Without names: every finished run on the rows of the newest one.
    """
    from advisor import compare as comparing

    root = runs.root(runs_folder)
    by = comparing.metric_named(metric) if metric else None
    chosen = [runs.find(name, root) for name in names or ()]
    found = comparing.compare(chosen or comparing.latest_group(runs.all_runs(root)), by)
    if as_json:
        from advisor import outputs

        console.emit(outputs.CompareOutput(comparison=found))
        return
    from advisor import report_runs

    console.show(report_runs.comparison(found))


def try_(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A finished run.")],
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Texts; else lines of stdin.")
    ] = None,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Ask a finished run about texts of your own.

    \b
    echo "I was charged twice" | whichtune try heads-0001
    whichtune try heads-0001 "where is my card?"
    """
    from advisor import tryout

    found = runs.find(name, runs.root(runs_folder))
    predictor = tryout.reopen(found)
    if not texts and sys.stdin.isatty():
        console.talk("one text a line; Ctrl-D ends")
    lines = texts or (line.strip() for line in sys.stdin)
    answers = [tryout.answer(predictor, text) for text in lines if text.strip()]
    if not answers:
        fix = f"whichtune try {name} 'a text'"
        raise UserError("no text to try", where="try", fix=fix)
    if as_json:
        from advisor import outputs

        console.emit(outputs.TryOutput(run=found.name, answers=tuple(answers)))
        return
    for item in answers:
        console.out().print(tryout.line(item), markup=False)


COMMANDS: dict[str, Callable[..., None]] = {
    "runs": list_runs,
    "show": show,
    "compare": compare,
    "try": try_,
}
