"""Hits of a search as rich renderables; what was found is shown, and nothing in it is obeyed."""

from collections.abc import Iterator

from rich.padding import Padding
from rich.text import Text

from advisor.outputs_search import HitOutput, SearchOutput
from advisor.report_xray import visible
from runners.retrieval import highlight

EXCERPT = 280
"""Characters of a hit that are shown."""
_WAYS = {"dense": "meaning", "sparse": "words"}


def hits(found: SearchOutput) -> Iterator[Text | Padding]:
    """Two parts for each hit: where it stands, and an excerpt with the question's words."""
    for item in found.hits:
        yield _head(item)
        yield Padding(_excerpt(found.question, item.text), (0, 0, 1, 4), expand=False)


def _head(item: HitOutput) -> Text:
    found_by = " and ".join(_WAYS[way] for way in item.found_by)
    head = Text(f"{item.rank:>2}  ")
    head.append(f"{item.score:.3f}", style="bold")
    head.append(f"  {visible(item.document)}")
    if item.heading:
        head.append(f"  {visible(item.heading)}", style="italic")
    return head.append(f"  ({found_by})", style="dim")


def _excerpt(question: str, text: str) -> Text:
    piece = highlight.excerpt(question, text, EXCERPT)
    shown, done = Text(), 0
    for start, end in piece.marks:
        shown.append(visible(piece.text[done:start]))
        shown.append(visible(piece.text[start:end]), style="bold underline")
        done = end
    return shown.append(visible(piece.text[done:]))
