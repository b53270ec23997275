"""Texts against texts: exact match, ROUGE-L, chrF, BLEU, form, length and bits per byte.

sacrebleu and rouge-score do the counting. Every score of a set of rows is a function of sums over
its rows, so the bootstrap resamples rows and adds up again: also BLEU and chrF, which are no means
of anything, get their intervals and paired tests (Koehn 2004, W04-3250).
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runners import _answer_format, _measure, _preferences, _squad
from runners._references import Asked, asked, is_text_alone
from runners.base import Interval95, Prediction, Row, TextCard

if TYPE_CHECKING:
    import numpy as np

TITLES = {
    "preference_accuracy": "preference accuracy",
    "liked_accuracy": "liked told from disliked",
    "likelihood_margin": "likelihood margin",
    "reward_accuracy": "implied reward accuracy",
    "reward_margin": "implied reward margin",
    "exact_match": "exact match",
    "squad_match": "SQuAD match",
    "token_f1": "token F1",
    "rouge_l": "ROUGE-L",
    "chrf": "chrF",
    "bleu": "BLEU",
    "bits_per_byte": "bits per byte",
    "valid": "valid form",
    "ended": "ended by itself",
    "words": "words",
    "tokens": "tokens",
    "written_tokens": "tokens written",
}
"""In the order in which they are shown."""
_NO_RANK = ("ended", "words", "tokens", "written_tokens")
RANKING = tuple(name for name in TITLES if name not in _NO_RANK)
"""Those by which runs can be put in order."""
RIGHT_OR_WRONG = (*_preferences.RIGHT_OR_WRONG, "exact_match", "squad_match")
"""Those by which an answer is right or wrong, and nothing between."""
_NEEDED = {
    "bits_per_byte": "target_bits",
    "tokens": "tokens",
    "written_tokens": "written_tokens",
}
"""What predictions must bring along for a metric."""
_OF_ONE_RIGHT_ANSWER = ("exact_match", "squad_match", "token_f1", "rouge_l", "chrf", "bleu")
FEWER_IS_BETTER = frozenset({"bits_per_byte"})
MAIN = "chrf"
"""Of metrics on strings, the one nearest to what people say (Kocmi et al. 2021, 2107.10821)."""
_SEED = 0
_CELLS = 20_000_000
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""Chinese and Japanese are written without spaces: there a character counts as a word."""


def words_of(text: str) -> list[str]:
    """Words of any script."""
    return _WORD.findall(text)


class Counted(NamedTuple):
    """One metric on every question: what to add up, and what the sums come to."""

    cells: "np.ndarray"
    """``(n, c)`` float64."""
    score: "Callable[[np.ndarray], np.ndarray]"
    """Sums ``(b, c)`` to scores ``(b,)``."""
    share: bool = False
    """Whether every cell is a yes or a no."""

    @property
    def value(self) -> float:
        """The score of all rows."""
        return float(self.score(self.cells.sum(axis=0, keepdims=True))[0])


def measure(
    rows: Sequence[Row],
    predictions: Sequence[Prediction],
    answer_format: str | None = None,
    own: str | None = None,
) -> TextCard:
    """Hold answers against what should have been said; predictions are those of the rows.

    ``own``: the name of a metric of the user's, whose scores the predictions bring along.
    """
    if [row.id for row in rows] != [item.id for item in predictions]:
        raise AssertionError("predictions are not those of these rows, in their order")
    questions = asked(rows)
    found = {
        name: count(name, rows, predictions, answer_format)
        for name in (*TITLES, *([own] if own else ()))
        if has(name, rows, predictions, answer_format)
    }
    judged = [name for name in ("preference_accuracy", "liked_accuracy") if name in found]
    return TextCard(
        rows=len(rows) if judged else len(questions),
        references=sum(len(question.references) for question in questions),
        main=(*judged, *(MAIN,) * (MAIN in found), "bits_per_byte")[0],
        metrics={name: _interval(counted) for name, counted in found.items()},
    )


def has(
    name: str,
    rows: Sequence[Row],
    predictions: Sequence[Prediction],
    answer_format: str | None = None,
) -> bool:
    """Whether there is what it takes to know a metric."""
    if name not in TITLES:
        return any(item.own_metric is not None for item in predictions)
    if name in _preferences.METRICS:
        return _preferences.has(name, rows, predictions)
    judged = any(map(_preferences.is_judged, rows))
    if judged and (name in _OF_ONE_RIGHT_ANSWER or not any(i.prediction for i in predictions)):
        return False
    if name == "valid" and not answer_format:
        return False
    if needed := _NEEDED.get(name):
        return all(getattr(item, needed) is not None for item in predictions)
    return not all(map(is_text_alone, rows))


def count(
    name: str,
    rows: Sequence[Row],
    predictions: Sequence[Prediction],
    answer_format: str | None = None,
) -> Counted:
    """One metric, ready to be added up over any rows."""
    if name in _preferences.METRICS:
        found = _preferences.values(name, rows, predictions)
        return _mean(found, share=name in RIGHT_OR_WRONG)
    questions = asked(rows)
    if name == "bits_per_byte":
        return _bits(questions, predictions)
    if name not in TITLES:
        return _own(questions, predictions)
    answers = [predictions[question.places[0]] for question in questions]
    if name in ("bleu", "chrf"):
        return _sacrebleu(name, questions, answers)
    valid = _answer_format.checker(answer_format) if answer_format else None
    each: dict[str, Callable[[Asked, Prediction], float]] = {
        "exact_match": lambda question, answer: answer.prediction in question.references,
        "squad_match": lambda question, answer: _squad.match(
            question.references, answer.prediction
        ),
        "token_f1": lambda question, answer: _squad.f1(question.references, answer.prediction),
        "rouge_l": _rouge(),
        "valid": lambda question, answer: bool(valid and valid(answer.prediction)),
        "ended": lambda question, answer: not answer.cut,
        "words": lambda question, answer: len(words_of(answer.prediction)),
        "tokens": lambda question, answer: answer.tokens or 0,
        "written_tokens": lambda question, answer: answer.written_tokens or 0,
    }
    pairs = zip(questions, answers, strict=True)
    values = [float(each[name](question, answer)) for question, answer in pairs]
    return _mean(values, share=name in (*RIGHT_OR_WRONG, "valid", "ended"))


def _mean(values: Sequence[float], *, share: bool = False) -> Counted:
    import numpy as np

    return Counted(np.array([(value, 1.0) for value in values]), _ratio, share)


def _ratio(sums: "np.ndarray") -> "np.ndarray":
    import numpy as np

    return sums[:, 0] / np.maximum(sums[:, 1], 1e-9)


def _bits(questions: Sequence[Asked], predictions: Sequence[Prediction]) -> Counted:
    import numpy as np

    def total(question: Asked) -> tuple[float, float]:
        those = [predictions[place] for place in question.places]
        return sum(p.target_bits or 0.0 for p in those), sum(p.target_bytes or 0 for p in those)

    return Counted(np.array([total(question) for question in questions]), _ratio)


def _own(questions: Sequence[Asked], predictions: Sequence[Prediction]) -> Counted:
    """The mean over the questions that have a right answer."""
    import numpy as np

    values = [predictions[question.places[0]].own_metric for question in questions]
    return Counted(np.array([(v or 0.0, float(v is not None)) for v in values]), _ratio)


def _rouge() -> Callable[[Asked, Prediction], float]:
    """The best F-measure of the longest common subsequence, with any of the references."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer: Any = RougeScorer(["rougeL"], tokenizer=_Words())

    def best(question: Asked, answer: Prediction) -> float:
        return scorer.score_multi(question.references, answer.prediction)["rougeL"].fmeasure

    return best


class _Words:
    """Words of any script; rouge-score's own tokenizer knows the letters a to z alone."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.casefold())


def _sacrebleu(name: str, questions: Sequence[Asked], answers: Sequence[Prediction]) -> Counted:
    """Its sums per row, and its own arithmetic on them: the numbers are those of corpus_score."""
    import numpy as np
    from sacrebleu.metrics import BLEU, CHRF

    metric: Any = BLEU(force=True) if name == "bleu" else CHRF()
    most = max(len(question.references) for question in questions)
    columns = [
        [(question.references[n : n + 1] or (None,))[0] for question in questions]
        for n in range(most)
    ]
    cells = metric._extract_corpus_statistics([answer.prediction for answer in answers], columns)

    def score(sums: "np.ndarray") -> "np.ndarray":
        found = [metric._compute_score_from_stats(line.tolist()).score for line in sums.astype(int)]
        return np.array(found)

    return Counted(np.array(cells, dtype=float), score)


def draws(counted: Counted, resamples: int = _measure.RESAMPLES) -> "np.ndarray":
    """The score on resampled rows ``(b,)``; the same rows for all sets of as many."""
    import numpy as np

    rows = len(counted.cells)
    random = np.random.default_rng(_SEED)
    block = max(1, _CELLS // rows)
    parts = [
        counted.score(
            random.multinomial(rows, np.full(rows, 1 / rows), size=min(block, resamples - start))
            @ counted.cells
        )
        for start in range(0, resamples, block)
    ]
    return np.concatenate(parts)


def _interval(counted: Counted) -> Interval95:
    import numpy as np

    if counted.share:
        return _measure.share(counted.cells[:, 0] > 0)
    low, high = np.percentile(draws(counted), [2.5, 97.5])
    value = counted.value
    return Interval95(value=value, low=min(float(low), value), high=max(float(high), value))


def row_scores(rows: Sequence[Row], predictions: Sequence[Prediction]) -> list[float]:
    """How near each answer is to what should have been said: chrF, 0 to 100, one a row."""
    from sacrebleu.metrics import CHRF

    metric: Any = CHRF()
    found = [0.0] * len(rows)
    for question in asked(rows):
        answer = predictions[question.places[0]].prediction
        near = metric.sentence_score(answer, question.references).score if answer else 0.0
        for place in question.places:
            found[place] = near if question.references else 0.0
    return found


def copied(rows: Sequence[Row]) -> list[Prediction]:
    """What is asked given back as the answer: what no model at all would have given."""

    def last(row: Row) -> str:
        said = [turn["content"] for turn in row.messages if turn["role"] == "user"]
        return row.input or (said[-1] if said else "")

    return [Prediction(id=row.id, prediction=last(row)) for row in rows]
