"""``whichtune search``: what an index holds about a question."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor import console
from advisor.cli_options import Json
from rules.errors import DataError, SettingError

if TYPE_CHECKING:
    from advisor.outputs_search import SearchOutput
    from runners.retrieval.filters import Value

LONGEST = 10_000
"""Characters of a question. An encoder reads some 1,200 of them; more is a text, no question."""


def search(
    question: Annotated[str, typer.Argument(help="What to look for, in words of your own.")],
    index: Annotated[
        Path, typer.Option("--index", help="Folder of the index, as whichtune index wrote it.")
    ] = Path("index"),
    chroma: Annotated[
        str | None,
        typer.Option("--chroma", metavar="URL", help="A Chroma server, in place of a folder."),
    ] = None,
    mode: Annotated[
        str,
        typer.Option(
            "--mode", help="dense (meaning), sparse (words), or hybrid (both, by their ranks)."
        ),
    ] = "hybrid",
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Hits to show.")] = 5,
    user: Annotated[
        str | None,
        typer.Option("--user", help="On whose behalf; else only what belongs to nobody is seen."),
    ] = None,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="KEY=VALUE",
            help="Only documents with this in their metadata; one key twice means either value.",
        ),
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option("--rerank", metavar="MODEL", help="A cross-encoder that orders the hits."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Search an index: the chunks nearest to a question, with where they stand.

    \b
    whichtune index docs/
    whichtune search "how is a lost card blocked?"
    whichtune search "open invoices" --user ann --filter year=2026
    """
    asked = _asked(question)
    chosen = _filters(filters or ())
    from advisor import outputs_search as outputs
    from runners.retrieval.opened import open_index
    from runners.retrieval.search import Retriever, mode_named

    way = mode_named(mode)
    with console.news("search", patience=1) as tell, open_index(chroma or index) as opened:
        retriever = Retriever(opened, way, rerank, report=tell)
        retriever.warm()
        started = time.perf_counter()
        (found,) = retriever.search([asked], top_k, chosen, user)
        output = outputs.SearchOutput(
            question=asked,
            index=opened.where,
            encoder=opened.encoder,
            chunks=opened.count(),
            mode=way,
            rerank=rerank,
            user=user,
            seconds=time.perf_counter() - started,
            hits=tuple(map(outputs.hit, found)),
        )
    if as_json:
        console.emit(output)
        return
    _show(output)


def _show(output: "SearchOutput") -> None:
    from advisor import report_search

    console.show(*report_search.hits(output))
    shown = f"{len(output.hits)} of {output.chunks:,} chunks" if output.hits else "nothing found"
    console.talk(f"{shown}, {output.mode}, {output.seconds * 1000:.0f} ms")


def _asked(question: str) -> str:
    """The question as text that can be printed again, whatever the shell handed over."""
    text = question.encode("utf-8", "replace").decode()
    if not text.strip():
        raise DataError("an empty question", where="search", fix='whichtune search "a question"')
    if len(text) > LONGEST:
        fix = "ask for what you want to know of it, in a few sentences"
        what = f"a question of {len(text):,} characters, and {LONGEST:,} are the most"
        raise DataError(what, where="search", fix=fix)
    return text


def _filters(said: Sequence[str]) -> "dict[str, tuple[Value, ...]]":
    from runners.retrieval.filters import typed

    chosen: dict[str, tuple[Value, ...]] = {}
    for item in said:
        key, sign, value = item.partition("=")
        if not sign:
            fix = "give --filter key=value"
            raise SettingError(f"no value in {item!r}", where="--filter", fix=fix)
        chosen[key.strip()] = (*chosen.get(key.strip(), ()), *typed(value))
    return chosen


COMMANDS: dict[str, Callable[..., None]] = {"search": search}
