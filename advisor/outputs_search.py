"""What ``whichtune search --json`` prints."""

from typing import Literal

from pydantic import Field

from advisor.outputs_advice import Output
from runners.base import Frozen
from runners.retrieval.documents import Value
from runners.retrieval.search import Hit, Mode


class HitOutput(Frozen):
    """One chunk that was found."""

    rank: int
    score: float
    """Cosine similarity, BM25, fused ranks, or the cross-encoder's; compare within one search."""
    document: str
    heading: str
    chunk: str
    """Its id, stable as long as its text is."""
    start: int
    end: int
    """Where it stands: characters of the document's text."""
    text: str
    metadata: dict[str, Value]
    found_by: tuple[str, ...]


class SearchOutput(Output):
    """``whichtune search --json``."""

    schema_: Literal["whichtune.search/1"] = Field(
        default="whichtune.search/1", serialization_alias="schema"
    )
    question: str
    index: str
    encoder: str
    chunks: int
    mode: Mode
    rerank: str | None
    user: str | None
    seconds: float
    """Of the search alone, with the encoder open."""
    hits: tuple[HitOutput, ...]


def hit(found: Hit) -> HitOutput:
    """A hit as it is printed."""
    chunk = found.chunk
    return HitOutput(
        rank=found.rank,
        score=found.score,
        document=chunk.document,
        heading=chunk.heading,
        chunk=chunk.id,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        metadata=chunk.metadata,
        found_by=found.found_by,
    )
