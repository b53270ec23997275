"""``whichtune search``: what an index holds about a question."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor import console
from advisor.cli_options import Json
from rules.errors import SettingError

if TYPE_CHECKING:
    from advisor.outputs_search import SearchOutput
    from runners.retrieval.filters import Value


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
    from advisor import searching
    from runners.retrieval.search import mode_named

    text, chosen, way = searching.asked(question), _filters(filters or ()), mode_named(mode)
    with (
        console.news("search", patience=1) as tell,
        searching.Searching(chroma or index, way, rerank, tell) as opened,
    ):
        output = opened.search(text, top_k, chosen, user)
    if as_json:
        console.emit(output)
        return
    _show(output)


def _show(output: "SearchOutput") -> None:
    from advisor import report_search

    console.show(*report_search.hits(output))
    shown = f"{len(output.hits)} of {output.chunks:,} chunks" if output.hits else "nothing found"
    console.talk(f"{shown}, {output.mode}, {output.seconds * 1000:.0f} ms")


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
