"""One measuring function for every approach: the same rows, the same numbers, with intervals.

scikit-learn and scipy do the arithmetic. The bootstrap resamples rows (Efron 1979); it is seeded,
so that the same predictions always give the same interval.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runners.base import Confusion, Interval95, LabelScore, Prediction, Row, Scorecard

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1000
_BINS = 15
_SEED = 0
_FOLDS, _DRAWS = 10, 20
_CELLS = 20_000_000
"""Cells of a block of resampled counts at most, so that memory stays flat with many labels."""


def measure(rows: Sequence[Row], predictions: Sequence[Prediction]) -> Scorecard:
    """Hold predictions against the targets of the rows, which are in the same order."""
    import numpy as np
    from sklearn.metrics import precision_recall_fscore_support

    if [row.id for row in rows] != [item.id for item in predictions]:
        raise AssertionError("predictions are not those of these rows, in their order")
    targets = [row.target for row in rows]
    answers = [item.prediction for item in predictions]
    right = np.array([a == t for a, t in zip(answers, targets, strict=True)])
    labels = sorted(set(targets))
    zero: Any = 0  # typed as text, documented as a number too
    scores: Any = precision_recall_fscore_support(
        targets, answers, labels=labels, zero_division=zero
    )
    answered = np.array([not item.abstained for item in predictions])
    return Scorecard(
        rows=len(rows),
        accuracy=share(right),
        # Without a mistake every resample is perfect too; then it is as unsure as the accuracy.
        macro_f1=share(right) if right.all() else _macro_f1(targets, answers),
        calibration_error=_calibration_error(predictions, right),
        answered=float(answered.mean()),
        accuracy_answered=float(right[answered].mean()) if answered.any() else None,
        labels=tuple(
            LabelScore(label=label, rows=int(n), precision=float(p), recall=float(r), f1=float(f))
            for label, p, r, f, n in zip(labels, *scores, strict=True)
        ),
        confusions=_confusions(rows, answers),
    )


def share(right: "np.ndarray") -> Interval95:
    """Percentile bootstrap of a share: to resample rows is to draw from a binomial.

    At 0 and at 1 every resample is the same, which would claim certainty; there Wilson's interval
    (1927) says how far the truth may be.
    """
    import numpy as np
    from scipy.stats import binomtest

    share = float(right.mean())
    if share in (0.0, 1.0):
        found = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
        return Interval95(value=share, low=float(found.low), high=float(found.high))
    draws = np.random.default_rng(_SEED).binomial(len(right), share, RESAMPLES) / len(right)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval95(value=share, low=float(low), high=float(high))


def mean(values: "np.ndarray") -> Interval95:
    """Percentile bootstrap of a mean of ``(n,)`` values."""
    import numpy as np

    n, value = len(values), float(values.mean())
    draws = np.random.default_rng(_SEED).multinomial(n, [1 / n] * n, RESAMPLES) @ values / n
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval95(value=value, low=min(float(low), value), high=max(float(high), value))


def tie(best: "np.ndarray", other: "np.ndarray") -> bool:
    """Whether the mean difference of values ``(n,)`` of the same rows is within its standard error.

    The rule by which the cheapest is picked (Breiman et al. 1984, 3.4.3); no test at 95 %.
    """
    difference = best - other
    error = difference.std(ddof=1) / len(difference) ** 0.5 if len(difference) > 1 else 0.0
    return bool(difference.mean() <= error * (1 + 1e-9))  # one row more is a standard error


def optimism(values: "np.ndarray") -> float:
    """How much better the best of several looks than it is, since it is the best on these rows.

    Values ``(k, n)`` of ``k`` candidates on the same rows. What is the best on nine tenths of the
    rows is measured on the others (Tibshirani and Tibshirani 2009, arXiv 0908.2904, in many draws);
    that is held against the best on all rows. It is right on average and rough in a single case.
    Resampling with repeats, tried too, tells 6 points where 8 candidates that are equally good
    look 10 points better on 50 rows.
    """
    import numpy as np

    count = values.shape[1]
    random = np.random.default_rng(_SEED)
    folds = np.arange(count) % min(_FOLDS, count)
    found: list[float] = []
    for _ in range(_DRAWS):
        drawn = random.permutation(folds)
        for fold in range(folds.max() + 1):
            inside, others = values[:, drawn == fold], values[:, drawn != fold]
            best = others.mean(axis=1).argmax() if others.size else 0
            found += inside[best].tolist()
    return float(values.mean(axis=1).max() - np.mean(found))


def _macro_f1(targets: Sequence[str], answers: Sequence[str]) -> Interval95:
    """Percentile bootstrap over rows of the mean F1 of the labels that occur as targets."""
    import numpy as np

    value = float(f1_draws(np.ones((1, len(targets))), targets, answers)[0])
    random = np.random.default_rng(_SEED)
    block = max(1, _CELLS // len(targets))
    even = np.full(len(targets), 1 / len(targets))
    draws = [
        f1_draws(
            random.multinomial(len(targets), even, size=min(block, RESAMPLES - start)),
            targets,
            answers,
        )
        for start in range(0, RESAMPLES, block)
    ]
    low, high = np.percentile(np.concatenate(draws), [2.5, 97.5])
    return Interval95(value=value, low=float(low), high=float(high))


def f1_draws(weights: "np.ndarray", targets: Sequence[str], answers: Sequence[str]) -> "np.ndarray":
    """Macro-F1 under row weights ``(b, n)`` -> ``(b,)``; labels drawn nowhere are left out."""
    import numpy as np
    from scipy.sparse import csr_array

    labels = sorted(set(targets))
    position = {label: code for code, label in enumerate(labels)}
    true = np.array([position[target] for target in targets])
    guess = np.array([position.get(answer, len(labels)) for answer in answers])

    def count(codes: "np.ndarray", rows: "np.ndarray") -> "np.ndarray":
        shape = (len(codes), len(labels) + 1)
        member = csr_array((np.ones(len(rows)), (rows, codes[rows])), shape=shape)
        return (weights @ member)[:, : len(labels)]

    every = np.arange(len(true))
    hits = count(true, np.flatnonzero(true == guess))
    wanted, given = count(true, every), count(guess, every)
    f1 = np.divide(2 * hits, wanted + given, out=np.zeros_like(hits), where=wanted + given > 0)
    present = wanted > 0
    return (f1 * present).sum(axis=1) / present.sum(axis=1)


def _calibration_error(predictions: Sequence[Prediction], right: "np.ndarray") -> float | None:
    """Expected calibration error: how far confidence is from accuracy, weighted over 15 bins."""
    import numpy as np

    known = [item.score for item in predictions if item.score is not None]
    if len(known) < len(predictions):
        return None
    confidence = np.array(known)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = (
        abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    )
    return float(sum(gaps))


def _confusions(rows: Sequence[Row], answers: Sequence[str]) -> tuple[Confusion, ...]:
    pairs: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row, answer in zip(rows, answers, strict=True):
        if row.target != answer:
            pairs[row.target, answer].append(row.id)
    worst = sorted(pairs.items(), key=lambda pair: (-len(pair[1]), pair[0]))[:10]
    return tuple(
        Confusion(target=target, prediction=answer, rows=len(ids), ids=tuple(ids[:5]))
        for (target, answer), ids in worst
    )


def majority(train: Sequence[Row], evaluation: Sequence[Row]) -> list[Prediction]:
    """The most frequent training label for every row; the first by name among equals."""
    counts: defaultdict[str, int] = defaultdict(int)
    for row in train:
        counts[row.target] += 1
    label = min(counts, key=lambda name: (-counts[name], name))
    return [Prediction(id=row.id, prediction=label) for row in evaluation]
