"""What a search found for questions with known answers, and at which stage wrong answers arose.

A wrong answer has one of three causes (compare Barnett et al. 2024, arXiv 2401.05856): nothing in
the index answers the question, the passages that do were not found, or the reader made nothing of
them. What is right is told as ``judging`` tells it: by the documents that a row names, else by the
answer's words; whether an answer is right, by the same words. ir_measures counts.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from runners import _measure, _shots, _squad
from runners._cards import Abstention, Failures
from runners._references import Asked, asked
from runners.base import Interval95, Prediction, RetrievalCard, Row
from runners.retrieval import judging, passages, sparse
from runners.retrieval.documents import Document
from runners.retrieval.search import Hit, Retriever

if TYPE_CHECKING:
    from runners.retrieval.opened import Index
    from runners.retrieval.passages import Passages

DEEP = 100
"""Chunks looked at, for MRR and nDCG, and for whether the index holds an answer at all."""
_EXAMPLES = 5
Cause = Literal["not_in_corpus", "retrieval_missed", "reader_missed", "not_judged"]
CAUSES: tuple[Cause, ...] = ("not_in_corpus", "retrieval_missed", "reader_missed", "not_judged")


class _Case(NamedTuple):
    """One question with all that is known of it."""

    asked: Asked
    names: tuple[str, ...]
    """Documents its rows name, by id or passage."""
    judged: judging.Question | None
    hits: list[Hit]
    right: list[bool]
    """Which hits answer it."""
    held: bool
    """Whether the index answers it at all."""
    answer: Prediction
    good: bool
    """Whether the answer is right."""

    @property
    def unanswerable(self) -> bool:
        return _declared(self.asked) or (self.judgeable and not self.held)

    @property
    def judgeable(self) -> bool:
        return self.judged is not None or any(map(_is_name, self.names))


def card(
    found: "Passages", rows: Sequence[Row], predictions: Sequence[Prediction]
) -> RetrievalCard:
    """Hold what was found, and what was answered, against what is right."""
    cases, k = _cases(found, rows, predictions), found.settings.top_k
    named = [case for case in cases if case.names and case.judgeable]
    known = named or [case for case in cases if case.judged and not _declared(case.asked)]
    metrics = (_of_documents if named else _of_answers)(known, k) if known else {}
    return RetrievalCard(
        questions=len(known),
        by=("documents" if named else "answers") if known else None,
        top_k=k,
        metrics=metrics,
        failures=_failures(cases, k),
        abstention=_abstention(cases),
        leaked=tuple(case.asked.row.id for case in cases if _leaked(case)),
    )


def _cases(
    found: "Passages", rows: Sequence[Row], predictions: Sequence[Prediction]
) -> list[_Case]:
    every = asked(rows)
    named = [judging.named_documents(item, rows) for item in every]
    known = judging.questions(list(zip(every, named, strict=True)), lambda: _documents(found.index))
    by_row = {item.row.id: item for item in known}
    deep = max(DEEP, found.settings.top_k)
    hits = passages.for_rows(found.retriever, [item.row for item in every], deep)
    places = [n for n, item in enumerate(every) if item.row.id in by_row]
    items = [by_row[every[n].row.id] for n in places]
    judge = judging.Judge(items)
    right = dict(
        zip(places, judge.right([[hit.chunk for hit in hits[n]] for n in places]), strict=True)
    )
    held = dict(zip(places, _held(found.index, items, judge), strict=True))
    answers = [predictions[item.places[0]] for item in every]
    goods = _good(every, answers)
    return [
        _Case(
            item,
            named[n],
            by_row.get(item.row.id),
            hits[n],
            right.get(n, [False] * len(hits[n])),
            held.get(n, False) or any(right.get(n, ())),
            answers[n],
            goods[n],
        )
        for n, item in enumerate(every)
    ]


def _documents(index: "Index") -> Iterator[Document]:
    """The documents of an index, put together again from their chunks."""
    parts: dict[str, list[tuple[int, str]]] = {}
    for chunk in index.chunks():
        parts.setdefault(chunk.document, []).append((chunk.start, chunk.text))
    for key, pieces in parts.items():
        text, end = "", 0
        for start, piece in sorted(pieces):
            text += " " * (start > end) + piece[max(0, end - start) :]
            end = max(end, start + len(piece))
        yield Document(id=key, path=key.partition("#")[0], text=text)


def _held(index: "Index", items: Sequence[judging.Question], judge: judging.Judge) -> list[bool]:
    """Whether the index holds an answer: the chunks that share most words with it are looked at."""
    rows = [
        item.row.model_copy(
            update={"input": " ".join(answer.plain for answer in item.answers), "messages": ()}
        )
        for item in items
    ]
    near = passages.for_rows(Retriever(index, "sparse"), rows, DEEP)
    right = judge.right([[hit.chunk for hit in row] for row in near])
    return [bool(item.documents) or any(row) for item, row in zip(items, right, strict=True)]


def _good(every: Sequence[Asked], answers: Sequence[Prediction]) -> list[bool]:
    """Whether each answer holds a right one, or is one."""
    texts = [answer.prediction for answer in answers]
    said = sparse.words(texts) if texts else []
    found: list[bool] = []
    for item, answer, words in zip(every, answers, said, strict=True):
        stems = sparse.words(list(item.references)) if item.references else []
        right = [
            judging.Answer(judging.plain(text), frozenset(own))
            for text, own in zip(item.references, stems, strict=True)
            if own
        ]
        text = judging.plain(answer.prediction)
        held = any(judging.holds(one, text, frozenset(words)) for one in right)
        found.append(held or _squad.match(item.references, answer.prediction))
    return found


def _declared(item: Asked) -> bool:
    """Whether the row itself says that nothing answers it."""
    return _squad.match(item.references, passages.NOT_FOUND)


def _is_name(name: str) -> bool:
    return not judging.is_passage(judging.plain(name))


def _cause(case: _Case, k: int) -> Cause:
    if not case.judgeable:
        return "not_judged"
    if any(case.right[:k]):
        return "reader_missed"
    return "retrieval_missed" if case.held else "not_in_corpus"


def _failures(cases: Sequence[_Case], k: int) -> Failures:
    wrong = [case for case in cases if not case.good and case.asked.references]
    ids: dict[Cause, list[str]] = {cause: [] for cause in CAUSES}
    for case in wrong:
        cause = "not_in_corpus" if _declared(case.asked) else _cause(case, k)
        ids[cause].append(case.asked.row.id)
    counts: dict[str, Any] = {cause: len(some) for cause, some in ids.items()}
    examples = {cause: tuple(some[:_EXAMPLES]) for cause, some in ids.items() if some}
    return Failures(wrong=len(wrong), examples=examples, **counts)


def _abstention(cases: Sequence[_Case]) -> Abstention:
    refused = [case for case in cases if case.answer.abstained]
    hopeless = [case for case in cases if case.unanswerable]
    return Abstention(
        refused=len(refused),
        refused_rightly=sum(case.unanswerable for case in refused),
        unanswerable=len(hopeless),
        answered_anyway=sum(not case.answer.abstained for case in hopeless),
        risk_coverage=_risk_coverage(cases),
    )


def _risk_coverage(cases: Sequence[_Case]) -> float | None:
    pairs = [(case.answer.score, case.good) for case in cases]
    if not pairs or any(score is None for score, _ in pairs):
        return None
    wrong, total = 0, 0.0
    for number, (_, good) in enumerate(sorted(pairs, key=lambda pair: -(pair[0] or 0.0)), 1):
        wrong += not good
        total += wrong / number
    return total / len(pairs)


def _leaked(case: _Case) -> bool:
    """Whether a passage holds the question and its answer, word for word, as a data file does."""
    question = judging.plain(_shots.text_of(case.asked.row))
    answers = [judging.plain(text) for text in case.asked.references]
    return judging.is_passage(question) and any(
        question in text and any(answer in text for answer in answers if answer.strip())
        for text in (judging.plain(hit.chunk.passage) for hit in case.hits[:10])
    )


def _of_documents(cases: Sequence[_Case], k: int) -> dict[str, Interval95]:
    """Documents in the order of their best chunk; one that is not in the index is never found."""
    from ir_measures import RR, R, nDCG

    judged = {
        str(n): dict.fromkeys((case.judged and case.judged.documents) or case.names, 1)
        for n, case in enumerate(cases)
    }
    runs = [
        {str(n): _ranked(case.hits[:most]) for n, case in enumerate(cases)} for most in (k, DEEP)
    ]
    return {
        f"recall@{k}": _mean(R @ k, judged, runs[0]),
        "mrr": _mean(RR, judged, runs[1]),
        "ndcg@10": _mean(nDCG @ 10, judged, runs[1]),
    }


def _ranked(hits: Sequence[Hit]) -> dict[str, float]:
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(hit.chunk.document, 1 / hit.rank)
    return best


def _of_answers(cases: Sequence[_Case], k: int) -> dict[str, Interval95]:
    """Whether a chunk among the first ``k`` holds the answer, and how early the first one is."""
    from ir_measures import RR, Success

    # One right answer that nobody finds, since a question without any would not be counted.
    judged = {
        str(n): {"": 1}
        | {hit.chunk.id: int(ok) for hit, ok in zip(case.hits, case.right, strict=True)}
        for n, case in enumerate(cases)
    }
    run = {str(n): {h.chunk.id: 1 / h.rank for h in case.hits} for n, case in enumerate(cases)}
    return {f"found@{k}": _mean(Success @ k, judged, run), "mrr": _mean(RR, judged, run)}


def _mean(
    measure: Any,  # noqa: ANN401 - a class of theirs
    judged: dict[str, dict[str, int]],
    run: dict[str, dict[str, float]],
) -> Interval95:
    import ir_measures
    import numpy as np

    values = np.zeros(len(judged))
    for metric in ir_measures.iter_calc([measure], judged, run):
        values[int(metric.query_id)] = metric.value
    return _measure.mean(values)
