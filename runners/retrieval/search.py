"""Search: chunks near to a question in meaning, chunks that share its words, or both.

Both lists are merged by reciprocal rank fusion, which needs no common scale of scores: a chunk gets
``1 / (60 + rank)`` from each list it is in (Cormack et al. 2009, https://doi.org/10.1145/
1571941.1572114). Nothing here is random; equal scores are ordered by the chunk's id.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, get_args

from rules.errors import DataError, SettingError
from runners.base import Frozen, Report, silent
from runners.retrieval import sparse
from runners.retrieval.chunks import Chunk
from runners.retrieval.filters import Filters, Sight
from runners.retrieval.rerank import Reranker
from runners.retrieval.widen import Found, visible

if TYPE_CHECKING:
    from runners.retrieval.opened import Index

Mode = Literal["dense", "sparse", "hybrid"]
MODES: tuple[Mode, ...] = get_args(Mode)
FUSION = 60
"""The constant of reciprocal rank fusion, as its authors chose it."""
CANDIDATES = 100
"""Chunks taken from each list before they are merged or looked at again."""


def mode_named(text: str) -> Mode:
    """A mode by its name.

    Raises:
        SettingError: There is none of this name.
    """
    for mode in MODES:
        if mode == text:
            return mode
    fix = f"give one of {', '.join(MODES)}"
    raise SettingError(f"no mode {text!r}", where="--mode", fix=fix)


class Hit(Frozen):
    """One chunk that was found."""

    chunk: Chunk
    score: float
    """Cosine similarity, BM25, fused ranks, or what the cross-encoder said; compare within one."""
    rank: int
    """From 1."""
    found_by: tuple[str, ...]
    """``dense``, ``sparse``, or both."""


class Retriever:
    """An index with a way to search it."""

    def __init__(
        self,
        index: "Index",
        mode: Mode = "hybrid",
        rerank: str | None = None,
        candidates: int = CANDIDATES,
        report: Report = silent,
    ) -> None:
        """Open what the mode needs.

        Args:
            index: An open index.
            mode: ``dense``, ``sparse`` or ``hybrid``.
            rerank: A cross-encoder that orders what was found.
            candidates: Chunks taken from each list before they are merged or ordered anew.
            report: Is told when the words of the chunks are counted, which takes a while.

        Raises:
            UserError: The cross-encoder or a library is not there.
        """
        if candidates < 1:
            raise ValueError(f"{candidates} candidates; at least one is needed")
        self.index, self.mode, self._candidates = index, mode, candidates
        self._sparse = sparse.open_sparse(index, report) if mode != "dense" else None
        self._reranker = Reranker(rerank) if rerank else None

    def warm(self) -> None:
        """Open the encoder now, so that the first search is as quick as the others."""
        if self.mode != "sparse":
            self.index.encode(["warm"])

    def search(
        self,
        queries: Sequence[str],
        k: int,
        filters: Filters | None = None,
        user: str | None = None,
    ) -> list[list[Hit]]:
        """The best ``k`` chunks for each question; fewer where fewer may be seen or share a word.

        Args:
            queries: Questions; what they say is looked for and never obeyed.
            k: How many hits for each at most.
            filters: What metadata must equal.
            user: On whose behalf; without one only what is shared is seen.

        Raises:
            DataError: A question is empty.
            SettingError: A filter is about the user, or ``k`` is below 1.
        """
        if k < 1:
            raise SettingError(f"{k} is below 1", where="--top-k", fix="give --top-k 10")
        queries = [_asked(query) for query in queries]
        sight = Sight(filters, user)
        alone = self.mode != "hybrid" and self._reranker is None
        most = k if alone else max(k, self._candidates)
        found = self._lists(queries, most, sight)
        merged = [fuse(lists) if len(lists) > 1 else lists[0] for lists in found]
        cut = most if self._reranker else k
        chunks = self._visible([key for row in merged for key, _ in row[:cut]], sight)
        answers: list[list[Hit]] = []
        for query, lists, row in zip(queries, found, merged, strict=True):
            there = [(chunks[key], score) for key, score in row[:cut] if key in chunks]
            answers.append(self._hits(self._ordered(query, there)[:k], lists))
        return answers

    def _lists(self, queries: Sequence[str], most: int, sight: Sight) -> list[list[Found]]:
        """For each question, what each way of searching found."""
        if not queries:
            return []
        ways: list[list[Found]] = []
        if self.mode != "sparse":
            ways.append(self._near(queries, most, sight))
        if self._sparse is not None:
            ways.append(self._worded(self._sparse, queries, most, sight))
        return [list(lists) for lists in zip(*ways, strict=True)]

    def _near(self, queries: Sequence[str], most: int, sight: Sight) -> list[Found]:
        vectors = self.index.encode(queries)
        nearest = self.index.nearest

        def ask(left: Sequence[int], width: int) -> list[Found]:
            return nearest(vectors[list(left)], width)

        def filtered(left: Sequence[int], width: int) -> list[Found]:
            return nearest(vectors[list(left)], width, sight.where())

        return visible(len(queries), most, ask, partial(self._seen, sight), filtered)

    def _worded(
        self, words: sparse.Sparse, queries: Sequence[str], most: int, sight: Sight
    ) -> list[Found]:
        def ask(left: Sequence[int], width: int) -> list[Found]:
            return words.nearest([queries[place] for place in left], width)

        def filtered(left: Sequence[int], width: int) -> list[Found]:
            mask = words.mask(sight.allows)
            return words.nearest([queries[place] for place in left], width, mask)

        return visible(len(queries), most, ask, partial(self._seen, sight), filtered)

    def _seen(self, sight: Sight, ids: set[str]) -> set[str]:
        """Which of these chunks may be seen, by what is in memory, else by the index."""
        known = self._sparse.metadata_of if self._sparse else {}
        seen = {key for key in ids if key in known and sight.allows(known[key])}
        asked = self.index.get(sorted(key for key in ids if key not in known))
        return seen | {chunk.id for chunk in asked if sight.allows(chunk.metadata)}

    def _visible(self, ids: Iterable[str], sight: Sight) -> dict[str, Chunk]:
        """The chunks as the index has them now; looked at once more, since a list can be older."""
        found = self.index.get(list(dict.fromkeys(ids)))
        return {chunk.id: chunk for chunk in found if sight.allows(chunk.metadata)}

    def _ordered(self, query: str, found: list[tuple[Chunk, float]]) -> list[tuple[Chunk, float]]:
        if self._reranker is None or not found:
            return found
        scores = self._reranker.scores(query, [chunk.passage for chunk, _ in found])
        again = [(chunk, score) for (chunk, _), score in zip(found, scores, strict=True)]
        return sorted(again, key=lambda pair: (-pair[1], pair[0].id))

    def _hits(self, found: list[tuple[Chunk, float]], lists: list[Found]) -> list[Hit]:
        ways = ("dense", "sparse") if self.mode == "hybrid" else (self.mode,)
        inside = {way: {key for key, _ in row} for way, row in zip(ways, lists, strict=True)}
        return [
            Hit(
                chunk=chunk,
                score=score,
                rank=rank,
                found_by=tuple(way for way in ways if chunk.id in inside[way]),
            )
            for rank, (chunk, score) in enumerate(found, 1)
        ]


def fuse(lists: Sequence[Found]) -> Found:
    """Reciprocal rank fusion.

    >>> fuse([[("a", 0.9), ("b", 0.8)], [("b", 7.0)]])[0][0]
    'b'
    """
    scores: dict[str, float] = {}
    for row in lists:
        for rank, (key, _) in enumerate(row, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (FUSION + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))


def _asked(query: str) -> str:
    """A question that every tokenizer takes, which half a surrogate pair is not."""
    if not query.strip():
        raise DataError("an empty question", where="search", fix="ask something")
    return query.encode("utf-8", "replace").decode()
