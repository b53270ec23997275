"""``whichtune rate``: people compare answers, and what they say can be learned from."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor import console, runs
from advisor.cli_columns import columns
from advisor.cli_options import Encoding, Id, Input, Json, Part, Role, Runs

if TYPE_CHECKING:
    from advisor.ask_rating import Next
    from advisor.rating import Ratings


def rate(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN|FILE]...",
            help="Two runs, one run that answers twice, or a file with a prompt and two answers in "
            "each row. Not needed to go on.",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="The log of the ratings, .jsonl; it only grows.")
    ] = Path("ratings.jsonl"),
    thumbs: Annotated[
        bool, typer.Option("--thumbs", help="One answer at a time: good or bad.")
    ] = False,
    rater: Annotated[
        str | None, typer.Option("--rater", help="Who rates; else the name of the login.")
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts", help="Rows to ask the runs now; else those they were measured on."
        ),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="Prompts at most; else all, and 100 where a model answers now."),
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=0.05, max=5, help="How freely one run answers that answers twice.")
    ] = 0.9,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Decides order and sides.")] = 0,
    export: Annotated[
        Path | None,
        typer.Option("--export", help="Write the rows to learn from here, and ask nothing."),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(help="Instead of a terminal: one key or word a line; - is stdin."),
    ] = None,
    input_column: Input = None,
    id_column: Id = None,
    encoding: Encoding = None,
    part: Part = None,
    role: Role = None,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Rate answers blind, side by side, and write preference pairs that can be learned from.

    Kept after every key; the same command goes on where you stopped, for each rater apart.

    \b
    whichtune rate lora-0001 lora-0002 --out ratings.jsonl
    whichtune rate lora-0001 --prompts questions.jsonl --out ratings.jsonl
    whichtune rate answers.jsonl --out ratings.jsonl --rater ann
    whichtune rate --out ratings.jsonl --export pairs.jsonl
    """
    from advisor import ask_rating, rating_start
    from advisor.candidates import Wanted

    flags = {"input": input_column, "id": id_column, "encoding": encoding, "part": part}
    sources = rating_start.Sources(
        names=tuple(names or ()), prompts=prompts, columns=columns(flags, roles=role)
    )
    wanted = Wanted(
        mode="thumbs" if thumbs else "pairs", seed=seed, most=rows, temperature=temperature
    )
    with console.news("rate", patience=1.0) as report:
        ratings = rating_start.start(out, sources, wanted, rater, runs.root(runs_folder), report)
    for place in ratings.unread:
        console.talk(f"! {place}: cut off when it was written; what stood there is asked again")
    if export is None and answers:
        ask_rating.take(ratings, ask_rating.from_file(answers))
    elif export is None:
        _introduce(ratings)
        ask_rating.ask(ratings, _typed())
    _finish(ratings, export, as_json=as_json)


def _introduce(ratings: "Ratings") -> None:
    for note in ratings.candidates.notes:
        console.talk(f"note: {note}")
    for reason, left_out in ratings.candidates.left_out.items():
        more = ", …" if len(left_out) > 5 else ""
        console.talk(f"! not asked  {len(left_out):,}: {reason}; {', '.join(left_out[:5])}{more}")
    if said := len(ratings.said()):
        console.talk(f"{ratings.rater} goes on after {said:,} of {len(ratings.candidates.items):,}")


def _typed() -> "Next":
    """Keys where there is a terminal, else lines."""
    if not sys.stdin.isatty():
        return lambda: sys.stdin.readline() or None

    def key() -> str | None:
        try:
            pressed = typer.getchar()
        except EOFError:
            return None
        if pressed in ("\x04", "\x1a"):
            return None
        if pressed != "n":
            return pressed
        console.talk("note, then Enter:")
        return f"n {sys.stdin.readline().strip()}"

    return key


def _finish(ratings: "Ratings", export: Path | None, *, as_json: bool) -> None:
    """Write the rows, and say what they come to."""
    from advisor import rating_pairs, report_rate

    ratings.reload()
    found = rating_pairs.tally(ratings)
    path = export or rating_pairs.default(ratings)
    written = path if export or found.rows else None
    if written:
        rating_pairs.write(ratings, written)
    if as_json:
        from advisor import outputs_rate

        console.emit(outputs_rate.rated(ratings, written))
        return
    going_on = rating_pairs.unfinished(ratings)
    blind = bool(going_on) and export is None
    console.show(report_rate.summary(ratings, found, written, blind=blind))
    if going_on:
        console.talk(f"\nTo go on: {going_on}")
    if written:
        console.talk(f"\nNext: whichtune profile {written}")


COMMANDS: dict[str, Callable[..., None]] = {"rate": rate}
