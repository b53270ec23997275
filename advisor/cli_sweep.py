"""``whichtune sweep``: which chunk size, k and mode find most, on questions to learn from."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor import console, runs
from advisor.cli_columns import columns
from advisor.cli_options import Evaluation, Id, Input, Json, Kind, Mapping, Role, Runs, Target
from advisor.cli_runs import Seed, Share

if TYPE_CHECKING:
    from runners.retrieval.sweep import Grid

QUESTIONS = 500
"""Questions at most, unless told otherwise: a share is then known to within four points."""


def sweep(
    corpus: Annotated[
        Path, typer.Argument(metavar="DIR", help="Documents: a folder, or one file, as for index.")
    ],
    data: Annotated[
        Path, typer.Option("--data", help="Questions with answers, or with documents' ids too.")
    ],
    evaluation: Evaluation = None,
    input_column: Input = None,
    target_column: Target = None,
    id_column: Id = None,
    kind: Kind = None,
    role: Role = None,
    mapping: Mapping = None,
    encoder: Annotated[
        str | None,
        typer.Option("--encoder", help="An id or a folder [default: all-MiniLM-L6-v2]."),
    ] = None,
    chunk_tokens: Annotated[
        list[int] | None,
        typer.Option("--chunk-tokens", min=32, help="A size to try; repeatable."),
    ] = None,
    top_k: Annotated[
        list[int] | None,
        typer.Option("--top-k", min=1, max=100, help="Passages for a question; repeatable."),
    ] = None,
    mode: Annotated[
        list[str] | None, typer.Option("--mode", help="dense, sparse or hybrid; repeatable.")
    ] = None,
    most: Annotated[
        int, typer.Option("--questions", min=1, help="Questions to try them on at most.")
    ] = QUESTIONS,
    seed: Seed = 0,
    share: Share = 0.2,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Try chunk sizes, k and modes on training questions, and pick the cheapest good one.

    The rows are split as run splits them; those to measure on are not looked at.

    \b
    whichtune sweep docs/ --data questions.csv
    whichtune sweep docs/ --data questions.csv --chunk-tokens 128 --chunk-tokens 256 --mode hybrid
    """
    from advisor import plan as plans
    from advisor import sweeping
    from advisor.outputs_sweep import SweepOutput

    flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
    request = plans.Request(
        approach="rag",
        data=data,
        evaluation=evaluation,
        columns=columns(flags, roles=role, mapping_file=mapping),
        seed=seed,
        evaluation_share=share,
    )
    grid = _grid(encoder, chunk_tokens, top_k, mode)
    with console.news("sweep", patience=1) as tell:
        done = sweeping.carry_out(
            corpus, request, runs.root(runs_folder), grid, most=most, report=tell
        )
    output = SweepOutput(
        corpus=str(corpus),
        data=str(data),
        training_rows=done.rows,
        swept=done.swept,
        commands=done.commands,
    )
    if as_json:
        console.emit(output)
        return
    from advisor import report_sweep

    console.show(*report_sweep.swept(output))


def _grid(
    encoder: str | None,
    tokens: list[int] | None,
    top_k: list[int] | None,
    modes: list[str] | None,
) -> "Grid":
    from runners.retrieval.search import mode_named
    from runners.retrieval.sweep import Grid

    given = {
        "encoder": encoder,
        "tokens": tokens,
        "top_k": top_k,
        "modes": [mode_named(name) for name in modes or ()],
    }
    return Grid.model_validate({key: value for key, value in given.items() if value})


COMMANDS: dict[str, Callable[..., None]] = {"sweep": sweep}
