"""What runs are put in order by: one metric on the same rows, with the test that belongs to it.

McNemar's exact test where an answer is right or wrong, a paired bootstrap for everything else.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rules.errors import UserError
from runners import _measure, _measure_text, _measuring, _significance
from runners.base import Card, Interval95, Plan, Prediction, Row, Scorecard

Metric = str
"""One of ``METRICS``, or the name of a function of the user's."""
OF_LABELS: tuple[Metric, ...] = ("accuracy", "macro_f1")
OF_TEXTS: tuple[Metric, ...] = _measure_text.RANKING
METRICS: tuple[Metric, ...] = (*OF_LABELS, *OF_TEXTS)
TAKEN = (*OF_LABELS, *_measure_text.TITLES)
"""Names that a function of the user's cannot have."""


_BEYOND_ONE = ("chrf", "bleu", "words", "tokens", "written_tokens")


class _Titles(dict[str, str]):
    """A metric of the user's own is called what its function is called."""

    def __missing__(self, name: str) -> str:
        return name


TITLES = _Titles({"accuracy": "accuracy", "macro_f1": "macro-F1", **_measure_text.TITLES})


def metric_named(name: str, own: Collection[str] = ()) -> Metric:
    """The metric of this name; ``own``: those of the user, beside those that are always there.

    Raises:
        UserError: There is none.
    """
    known = (*METRICS, *own)
    if name in known:
        return name
    fix = f"use one of: {', '.join(known)}"
    raise UserError(f"no metric {name!r}", where="--metric", fix=fix)


def counts_rights(metric: Metric) -> bool:
    """Whether an answer is right or wrong by it, and nothing between."""
    return metric in ("accuracy", *_measure_text.RIGHT_OR_WRONG)


@dataclass(frozen=True)
class Scale:
    """One metric on the evaluation rows of a plan."""

    metric: Metric
    plan: Plan
    rows: Sequence[Row]

    @property
    def counts_rights(self) -> bool:
        """Whether an answer is right or wrong, and nothing between."""
        return counts_rights(self.metric)

    @property
    def test(self) -> str:
        """The name of its test, as in a sentence."""
        return "McNemar's exact test" if self.counts_rights else "a paired bootstrap"

    def card(self, predictions: Sequence[Prediction]) -> Card:
        """Everything that can be said of these predictions."""
        return _measuring.card(self.plan, self.rows, predictions)

    def rank(self, predictions: Sequence[Prediction]) -> float:
        """More is better, whatever the metric."""
        if self.metric == "macro_f1":
            return _measure.measure(self.rows, predictions).macro_f1.value
        if self.counts_rights:
            right = self.right(predictions)
            return sum(right) / len(right)
        return self._counted(predictions).value * self._sign

    def right(self, predictions: Sequence[Prediction]) -> list[bool]:
        """Which questions are answered exactly."""
        if self.metric in OF_LABELS:
            pairs = zip(predictions, self.rows, strict=True)
            return [answer.prediction == row.target for answer, row in pairs]
        cells = self._counted(predictions).cells
        return [bool(value) for value in cells[:, 0]]

    def p_value(self, best: Sequence[Prediction], other: Sequence[Prediction]) -> float:
        """Two-sided: how often chance alone would give a difference like this one."""
        if self.counts_rights:
            return _significance.mcnemar(self.right(best), self.right(other))
        if self.metric == "macro_f1":
            targets = [row.target for row in self.rows]
            said = [[item.prediction for item in answers] for answers in (best, other)]
            return _significance.paired_bootstrap(targets, *said)
        draws = [
            _measure_text.draws(self._counted(answers), _significance.RESAMPLES)
            for answers in (best, other)
        ]
        return _significance.two_sided(draws[0] - draws[1])

    def rows_to_decide(self, best: Sequence[Prediction], other: Sequence[Prediction]) -> int | None:
        """Evaluation rows at which this difference would show, where that can be told."""
        if not (self.counts_rights or self.metric == "macro_f1"):
            return None
        return _significance.rows_to_decide(self.right(best), self.right(other))

    @property
    def _sign(self) -> int:
        return -1 if self.metric in _measure_text.FEWER_IS_BETTER else 1

    def _counted(self, predictions: Sequence[Prediction]) -> _measure_text.Counted:
        return _measure_text.count(self.metric, self.rows, predictions, self.plan.answer_format)


def scale(
    plan: Plan, rows: Sequence[Row], metric: Metric | None, measured: Sequence[Card]
) -> Scale:
    """The scale to compare by: the one asked for, else what decides for rows of this kind.

    Raises:
        UserError: Not all of these runs have that metric.
    """
    chosen = metric or main(measured[0])
    known = [set(metrics_of(card)) for card in measured]
    if not all(chosen in names for names in known):
        usual = [*METRICS, *sorted({name for names in known for name in names} - set(TAKEN))]
        able = [name for name in usual if all(name in names for names in known)]
        fix = f"use one of: {', '.join(able)}"
        raise UserError(f"not all of these runs have {chosen}", where="--metric", fix=fix)
    return Scale(chosen, plan, rows)


def main(card: Card) -> str:
    """The metric that decides, unless another one is asked for."""
    return "accuracy" if isinstance(card, Scorecard) else card.main


def metrics_of(card: Card) -> dict[str, Interval95]:
    """Everything on a card that has an interval."""
    if isinstance(card, Scorecard):
        return {"accuracy": card.accuracy, "macro_f1": card.macro_f1}
    return card.metrics


def number(name: str, value: float) -> str:
    """A value of a metric, with as many digits as it deserves.

    >>> number("accuracy", 0.8712), number("bleu", 61.234), number("bits_per_byte", 1.5)
    ('0.871', '61.2', '1.500')
    """
    return f"{value:.1f}" if name in _BEYOND_ONE else f"{value:.3f}"


def shown(name: str, value: Interval95) -> str:
    """``0.871 (0.836 to 0.903)``."""
    low, high = number(name, value.low), number(name, value.high)
    return f"{number(name, value.value)} ({low} to {high})"


def headline_shown(card: Card) -> str:
    """``accuracy 0.871 (0.836 to 0.903)``, or what stands for a card of texts."""
    name = main(card)
    return f"{TITLES[name]} {shown(name, metrics_of(card)[name])}"
