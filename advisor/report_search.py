"""Hits of a search as rich renderables; what was found is shown, and nothing in it is obeyed."""

from collections.abc import Iterator, Sequence

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
        yield head(item)
        yield Padding(excerpt(found.question, item.text), (0, 0, 1, 4), expand=False)


def head(item: HitOutput) -> Text:
    """Rank, score, and where it stands."""
    found_by = " and ".join(_WAYS[way] for way in item.found_by)
    head = Text(f"{item.rank:>2}  ")
    head.append(f"{item.score:.3f}", style="bold")
    head.append(f"  {visible(item.document)}")
    if item.heading:
        head.append(f"  {visible(item.heading)}", style="italic")
    return head.append(f"  ({found_by})", style="dim")


def excerpt(question: str, text: str, length: int = EXCERPT) -> Text:
    """The piece of a text that answers most to a question, with the question's words marked."""
    piece = highlight.excerpt(question, text, length)
    return _marked(piece.text, piece.marks)


def whole(question: str, text: str) -> Text:
    """All of a text, with the question's words marked."""
    return _marked(text, highlight.marks(question, text))


def _marked(text: str, marks: Sequence[tuple[int, int]]) -> Text:
    shown, done = Text(), 0
    for start, end in marks:
        shown.append(_lines(text[done:start]))
        shown.append(_lines(text[start:end]), style="bold underline")
        done = end
    return shown.append(_lines(text[done:]))


def _lines(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))
