"""Who answers from passages: a sentence of them, quoted, or a causal model that reads them."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from runners import _generation
from runners._references import question
from runners.base import Bits, Prediction, RetrievalCard, Row
from runners.retrieval import measured, passages, sentences
from runners.retrieval.passages import NOT_FOUND, Passages, cited
from runners.retrieval.search import Hit

T = TypeVar("T")
_SHORTEST = 40
"""Characters of a passage below which it is left out of a full prompt, not cut further."""


class Quoting:
    """Answers with a sentence of the documents, word for word."""

    def __init__(self, found: Passages) -> None:
        self.passages = found

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The sentence most like each question, with the chunk it stands in."""
        support = self.passages.support(rows, self.passages.of(rows))
        return [self._said(row, best) for row, best in zip(rows, support, strict=True)]

    def judged(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> RetrievalCard:
        """What was found for these rows, and where the answers went wrong."""
        return measured.card(self.passages, rows, predictions)

    def _said(self, row: Row, best: sentences.Support | None) -> Prediction:
        if best is None or not self.passages.is_enough(best):
            return _not_found(row, best)
        return Prediction(
            id=row.id,
            prediction=best.text,
            score=_score(best),
            sources=(cited(best.hit),),
            quoted=True,
        )


class Reading:
    """A causal model that reads the passages before it answers."""

    def __init__(self, found: Passages, writer: _generation.Writer) -> None:
        self.passages, self.writer = found, writer

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The answer to each row, with the chunks that stood in its prompt, the best first.

        Where nothing speaks to the question, the model is not asked, and no tokens are spent.
        """
        hits = self.passages.of(rows)
        support: list[sentences.Support | None] = [None] * len(rows)
        if self.passages.settings.abstain_below:
            support = self.passages.support(rows, hits)
        shown = [self.shown(question(row), found) for row, found in zip(rows, hits, strict=True)]
        able = [
            place
            for place, ((_, read), best) in enumerate(zip(shown, support, strict=True))
            if read and (best is None or self.passages.is_enough(best))
        ]
        said = self.writer.predict([shown[place][0] for place in able]) if able else []
        answers = dict(zip(able, said, strict=True))
        return [
            self._said(answers[place], shown[place][1], support[place])
            if place in answers
            else _not_found(row, support[place], tokens=0)
            for place, row in enumerate(rows)
        ]

    def _said(
        self, answer: Prediction, read: Sequence[Hit], best: sentences.Support | None
    ) -> Prediction:
        more = {
            "sources": tuple(map(cited, read)),
            "score": _score(best) if best else None,
            "abstained": declined(answer),
        }
        return answer.model_copy(update=more)

    def judged(self, rows: Sequence[Row], predictions: Sequence[Prediction]) -> RetrievalCard:
        """What was found for these rows, and where the answers went wrong."""
        return measured.card(self.passages, rows, predictions)

    def bits(self, rows: Sequence[Row]) -> list[Bits]:
        """Of each row's target, after the passages."""
        found = self.passages.of(rows)
        shown = [self.shown(row, hits)[0] for row, hits in zip(rows, found, strict=True)]
        return self.writer.bits_after(shown, [()] * len(rows))

    def shown(self, row: Row, hits: Sequence[Hit]) -> tuple[Row, list[Hit]]:
        """The row with as many passages before its question as the model can read, and these."""
        return fitted(self.writer, row, [(hit, hit.chunk.passage) for hit in hits])


class Counting(Protocol):
    """A model that knows how much it can read."""

    prompt_tokens: int
    """Tokens that a prompt may have."""

    def count(self, row: Row) -> int:
        """Tokens of the prompt of a row."""
        ...


def fitted(
    writer: Counting,
    row: Row,
    texts: Sequence[tuple[T, str]],
    frame: Callable[[str, Sequence[str]], str] = passages.prompt,
) -> tuple[Row, list[T]]:
    """The row with as many texts before its question as the model can read, and whose they are.

    The last go first; the only one left is cut at its end, since half a passage may answer.
    """
    kept = list(texts)
    while kept:
        framed = _framed(row, [text for _, text in kept], frame)
        taken = _tokens(writer, framed)
        if taken <= writer.prompt_tokens:
            return framed, [item for item, _ in kept]
        if len(kept) > 1:
            kept.pop()
            continue
        item, text = kept[0]
        length = len(text) * writer.prompt_tokens // taken - 1
        kept = [(item, text[:length])] if length >= _SHORTEST else []
    return row, []


def tokens(writer: _generation.Writer, row: Row, texts: Sequence[str]) -> int:
    """Tokens of a prompt with these texts before the question."""
    return _tokens(writer, _framed(row, texts))


def _tokens(writer: Counting, row: Row) -> int:
    return writer.count(question(row))


def _framed(
    row: Row, texts: Sequence[str], frame: Callable[[str, Sequence[str]], str] = passages.prompt
) -> Row:
    return row.model_copy(update={"input": frame(row.input, texts)})


def declined(answer: Prediction) -> bool:
    """Whether a model said itself that the documents do not hold the answer."""
    return answer.prediction.casefold().startswith(NOT_FOUND)


def _score(best: sentences.Support) -> float:
    return min(max(best.similarity, 0.0), 1.0)


def _not_found(row: Row, best: sentences.Support | None, tokens: int | None = None) -> Prediction:
    return Prediction(
        id=row.id,
        prediction=NOT_FOUND,
        score=_score(best) if best else 0.0,
        abstained=True,
        tokens=tokens,
        written_tokens=tokens,
    )
