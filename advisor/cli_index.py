"""``whichtune index``: documents into an index that can be searched."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from advisor import console
from advisor.cli_options import Json


def index(
    corpus: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Documents: a folder, or one file (text, HTML, PDF, CSV, JSONL)."
        ),
    ],
    place: Annotated[
        Path, typer.Option("--index", metavar="FOLDER", help="Folder of the index.")
    ] = Path("index"),
    chroma: Annotated[
        str | None,
        typer.Option("--chroma", metavar="URL", help="A Chroma server, in place of a folder."),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option("--encoder", help="An id or a folder [default: all-MiniLM-L6-v2]."),
    ] = None,
    chunk_tokens: Annotated[
        int | None,
        typer.Option("--chunk-tokens", min=32, help="Tokens in a chunk at most [default: 256]."),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option("--overlap", min=0, help="Tokens shared with the chunk before [default: 32]."),
    ] = None,
    stale_days: Annotated[
        int | None,
        typer.Option("--stale-days", min=0, help="Name documents not changed for longer."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Index documents, or bring their index up to date: only what has changed is read anew.

    \b
    whichtune index docs/
    whichtune index docs/ --stale-days 365
    whichtune search "how is a lost card blocked?"
    """
    from advisor import report_index
    from advisor.outputs_index import IndexOutput
    from runners.retrieval import index as retrieval

    given: dict[str, Any] = {"encoder": encoder, "tokens": chunk_tokens, "overlap": overlap}
    chosen = {key: value for key, value in given.items() if value is not None}
    where = chroma or str(place)
    with console.news("index", patience=1) as tell:
        done = retrieval.build(corpus, where, retrieval.IndexSettings(**chosen), tell)
    old = retrieval.stale(where, stale_days) if stale_days is not None else None
    if as_json:
        console.emit(IndexOutput(index=where, built=done, stale=old))
        return
    lines = [*report_index.built(done, where)]
    if old is not None and stale_days is not None:
        lines += report_index.stale(old, stale_days)
    for line in lines:
        console.out().print(line, markup=False, soft_wrap=True)


COMMANDS: dict[str, Callable[..., None]] = {"index": index}
