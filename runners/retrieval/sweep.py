"""A sweep over chunk size, number of passages and mode: what finds most on questions to learn from.

Each size is indexed as ``whichtune index`` does, into a folder that is deleted afterwards, and
searched as ``rag`` searches, so that nothing is measured but the real thing. Embeddings come from
the cache: a second sweep embeds nothing. ir_measures counts: ``Success@k``, the share of questions
with a right chunk among the first k, and the mean reciprocal rank. The cheapest setting that is
within a standard error of the best is picked (Breiman et al. 1984, "Classification and Regression
Trees", 3.4.3): k decides first, since a model reads every passage, then the mode, then the size.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rules.errors import DataError, SettingError
from runners import _encoder, _measure, _models, _quiet, _references
from runners.base import Frozen, Interval95, Progress, Report, Row
from runners.retrieval import documents, index, judging
from runners.retrieval.passages import for_rows
from runners.retrieval.search import MODES, Mode, Retriever

if TYPE_CHECKING:
    import numpy as np

    from runners.retrieval.search import Hit

SIZES = (64, 128, 256, 512)
TOP_K = (1, 3, 5, 10)
LARGEST_K = 100
CHEAPEST: tuple[Mode, ...] = ("sparse", "dense", "hybrid")
"""Modes in the order of what a search costs: no encoder, the encoder, both."""


class Grid(Frozen):
    """What is tried; every combination of it."""

    encoder: str = _models.DEFAULT_ENCODER
    tokens: tuple[int, ...] = SIZES
    """Sizes of chunks; an eighth of each is the overlap, as in the usual index."""
    top_k: tuple[int, ...] = TOP_K
    modes: tuple[Mode, ...] = MODES


class Trial(Frozen):
    """One combination, measured."""

    tokens: int
    overlap: int
    chunks: int
    mode: Mode
    top_k: int
    found: Interval95
    """Share of the questions with a right chunk among the first ``top_k``."""
    mrr: Interval95
    """Mean of 1 / rank of the first right chunk; 0 where none of ``top_k`` is right."""
    ties: bool = False
    """Within a standard error of the best."""


class Swept(Frozen):
    """What a sweep found."""

    encoder: str
    documents: int
    questions: int
    by_documents: int
    """Of the questions: judged by the documents that their rows name."""
    by_answers: int
    not_judged: int
    """Left out: no document that is there is named, and the answer has no word of its own."""
    never_found: int
    """Questions that no combination answers."""
    sizes_left_out: tuple[int, ...]
    """More than the encoder reads."""
    trials: tuple[Trial, ...]
    best: Trial
    picked: Trial
    seconds: float


class _Tried(NamedTuple):
    trial: Trial
    values: "np.ndarray"


def sweep(root: Path, rows: Sequence[Row], grid: Grid, report: Report) -> Swept:
    """Try every combination on these questions.

    Args:
        root: The documents, as for ``index.build``.
        rows: Questions with their answers, and where they have them the documents that answer.
            Only rows to learn from belong here.
        grid: What is tried.
        report: Is told how far it is.

    Raises:
        DataError: No question can be judged, none is answered, or there is no document.
        SettingError: Nothing of the grid can be tried.
    """
    _models.require("ir_measures", "chromadb", "bm25s", "Stemmer", approach="sweep")
    _quiet.settle()
    started = time.monotonic()
    sizes, too_large = _sizes(grid)
    asked = [(item, judging.named_documents(item, rows)) for item in _references.asked(rows)]
    items = judging.questions(asked, lambda: _documents(root))
    if not items:
        fix = "give rows with an answer that stands in the documents, or with the documents' ids"
        raise DataError("no question that can be judged", where="sweep", fix=fix)
    tried: list[_Tried] = []
    count = 0
    for tokens in sizes:
        more, count = _of_size(root, tokens, items, grid, report)
        tried += more
    trials, best, picked = _pick(tried)
    if not best.found.value:
        what = f"no setting finds what answers any of {len(items):,} questions"
        fix = "look whether the documents hold the answers: whichtune index DIR, whichtune search"
        raise DataError(what, where=str(root), fix=fix)
    by = judging.counts(items)
    return Swept(
        encoder=grid.encoder,
        documents=count,
        questions=len(items),
        by_documents=by["documents"],
        by_answers=by["answers"],
        not_judged=len(asked) - len(items),
        never_found=sum(not any(found) for found in zip(*(t.values for t in tried), strict=True)),
        sizes_left_out=too_large,
        trials=trials,
        best=best,
        picked=picked,
        seconds=time.monotonic() - started,
    )


def _sizes(grid: Grid) -> tuple[list[int], tuple[int, ...]]:
    """Sizes that the encoder reads in full, and those it does not."""
    longest = _encoder.open_encoder(grid.encoder).max_seq_length
    wanted = sorted(set(grid.tokens))
    fit = [size for size in wanted if not longest or size <= longest]
    if not fit:
        what = f"{wanted[0]} tokens, and {grid.encoder} reads {longest} at most"
        raise SettingError(what, where="--chunk-tokens", fix=f"give at most {longest}")
    return fit, tuple(size for size in wanted if size not in fit)


def _documents(root: Path) -> Iterator[documents.Document]:
    return (item for item in documents.read(root) if isinstance(item, documents.Document))


def _of_size(
    root: Path, tokens: int, items: Sequence[judging.Question], grid: Grid, report: Report
) -> tuple[list[_Tried], int]:
    """All trials of one size, and how many documents there are."""
    settings = index.IndexSettings(encoder=grid.encoder, tokens=tokens, overlap=tokens // 8)

    def tell(progress: Progress) -> None:
        text = f"chunks of {tokens} tokens: {progress.message}"
        report(progress.model_copy(update={"message": text}))

    with tempfile.TemporaryDirectory(prefix="whichtune-") as folder:
        built = index.build(root, folder, settings, tell, cached=True)
        judge = judging.Judge(items)
        tried: list[_Tried] = []
        with index.open_index(folder) as opened:
            opened.cached = True
            for mode in grid.modes:
                tell(Progress(message=f"{len(items):,} questions, {mode}"))
                hits = for_rows(
                    Retriever(opened, mode, report=tell),
                    [item.row for item in items],
                    max(grid.top_k),
                )
                right = judge.right([[hit.chunk for hit in row] for row in hits])
                trial = {"tokens": tokens, "overlap": settings.overlap, "chunks": built.chunks}
                tried += [
                    _measured({**trial, "mode": mode, "top_k": k}, hits, right)
                    for k in sorted(set(grid.top_k))
                ]
    return tried, built.documents


def _measured(
    said: dict[str, object], hits: "Sequence[Sequence[Hit]]", right: Sequence[Sequence[bool]]
) -> _Tried:
    import ir_measures
    import numpy as np
    from ir_measures import RR, Success

    k = said["top_k"]
    run = {
        str(place): {hit.chunk.id: 1 / hit.rank for hit in row} for place, row in enumerate(hits)
    }
    # One right answer that nobody finds, since a question without any would not be counted.
    judged = {
        str(place): {"": 1}
        | {hit.chunk.id: int(good) for hit, good in zip(row, goods, strict=True)}
        for place, (row, goods) in enumerate(zip(hits, right, strict=True))
    }
    values = {measure: np.zeros(len(hits)) for measure in (Success @ k, RR @ k)}
    for metric in ir_measures.iter_calc(list(values), judged, run):
        values[metric.measure][int(metric.query_id)] = metric.value
    found, ranks = values.values()
    trial = Trial.model_validate(
        {**said, "found": _measure.share(found > 0), "mrr": _measure.mean(ranks)}
    )
    return _Tried(trial, found)


def _pick(tried: Sequence[_Tried]) -> tuple[tuple[Trial, ...], Trial, Trial]:
    """All trials with their ties, the best, and the cheapest that is not told apart from it."""
    order = sorted(tried, key=lambda item: _cost(item.trial))
    best = max(order, key=lambda item: item.trial.found.value)
    trials = [
        item.trial.model_copy(update={"ties": _measure.tie(best.values, item.values)})
        for item in order
    ]
    picked = next(trial for trial in trials if trial.ties)
    return tuple(trials), next(t for t in trials if _cost(t) == _cost(best.trial)), picked


def _cost(trial: Trial) -> tuple[int, int, int]:
    return trial.top_k, CHEAPEST.index(trial.mode), trial.tokens
