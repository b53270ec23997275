"""Which classifier, how strong, how sure: chosen and calibrated by cross-validation.

Rows are scored by classifiers that never saw them. Confidence comes from one temperature fitted on
these scores (Guo et al. 2017, arXiv 1706.04599), and so does the threshold for a wanted accuracy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners import _head
from runners.base import Progress, Report

if TYPE_CHECKING:
    import numpy as np

CANDIDATES: dict[_head.Family, tuple[float, ...]] = {
    "logistic": (30.0, 3.0),  # C; unit-length features need less shrinking than C = 1
    "svm": (1.0,),  # C
    "ridge": (0.1,),  # alpha
    "neighbours": (3.0, 10.0),  # how many
}
FEW_ROWS = 500
"""Below this, five folds instead of three: each row that is held out is missed."""
CHOOSE_ROWS = 2000
"""Rows at most that the choice looks at; the winner is then fitted on all of them."""


@dataclass(frozen=True)
class Choice:
    """What cross-validation found."""

    family: _head.Family
    strength: float
    accuracies: dict[str, float]
    """Out-of-fold accuracy of every candidate that was tried."""
    temperature: float
    thresholds: dict[str, tuple[float, float]]
    """For a wanted accuracy: the confidence to ask for, and the share of rows then answered."""


def choose(
    features: "np.ndarray",
    targets: Sequence[str],
    candidates: Sequence[tuple[_head.Family, float]],
    seed: int,
    report: Report,
) -> Choice:
    """Choose family and strength by stratified cross-validation.

    The one named first stands until another is better by a standard error (Breiman et al. 1984).
    """
    import numpy as np

    picked = _sample(np.asarray(targets), seed)
    features, sampled = features[picked], np.asarray(targets)[picked]
    labels, codes = np.unique(sampled, return_inverse=True)
    folds = _folds(codes, seed)
    accuracies: dict[str, float] = {}
    best: tuple[float, tuple[_head.Family, float], np.ndarray] | None = None
    for number, (family, strength) in enumerate(candidates, start=1):
        scores = _out_of_fold(family, strength, features, sampled, folds)
        accuracy = float((labels[scores.argmax(axis=1)] == sampled).mean())
        accuracies[f"{family} {strength:g}"] = accuracy
        # A rival has to lead by more than chance would let it, or the choice follows the noise.
        if best is None or accuracy > best[0] + _standard_error(best[0], len(codes)):
            best = accuracy, (family, strength), scores
        report(Progress(message="choosing a classifier", step=number, steps=len(candidates)))
    if best is None:
        raise AssertionError("no candidates")
    _, (family, strength), scores = best
    temperature = fit_temperature(scores, codes)
    thresholds = _thresholds(_head.softmax(scores / temperature), codes)
    return Choice(family, strength, accuracies, temperature, thresholds)


def _standard_error(accuracy: float, rows: int) -> float:
    return (accuracy * (1 - accuracy) / rows) ** 0.5


def _sample(targets: "np.ndarray", seed: int) -> "np.ndarray":
    """Indices of at most CHOOSE_ROWS rows, each label in proportion and with two rows at least."""
    import numpy as np

    if len(targets) <= CHOOSE_ROWS:
        return np.arange(len(targets))
    order = np.random.default_rng(seed).permutation(len(targets))
    share = CHOOSE_ROWS / len(targets)
    kept: list[np.ndarray] = []
    for label in np.unique(targets):
        rows = order[targets[order] == label]
        kept.append(rows[: max(2, round(share * len(rows)))])
    return np.sort(np.concatenate(kept))


def _folds(codes: "np.ndarray", seed: int) -> "list[tuple[np.ndarray, np.ndarray]]":
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    # A label with one row cannot be held out and learnt at once: such rows stay in training.
    counts = np.bincount(codes)
    several = np.flatnonzero(counts[codes] >= 2)
    single = np.flatnonzero(counts[codes] < 2)
    if len(several) == 0:
        return [(np.arange(len(codes)), np.arange(len(codes)))]
    most = 5 if len(codes) < FEW_ROWS else 3
    parts = int(min(most, max(2, counts[counts >= 2].min())))
    splitter = StratifiedKFold(parts, shuffle=True, random_state=seed)
    return [
        (np.concatenate([several[train], single]), several[held_out])
        for train, held_out in splitter.split(several, codes[several])
    ]


def _out_of_fold(
    family: _head.Family,
    strength: float,
    features: "np.ndarray",
    targets: "np.ndarray",
    folds: "list[tuple[np.ndarray, np.ndarray]]",
) -> "np.ndarray":
    """Scores of each row by a head that never saw it: ``(n, k)``; unseen labels get the lowest."""
    import numpy as np

    labels = np.unique(targets)
    scores = np.zeros((len(targets), len(labels)))
    for train, held_out in folds:
        head = _head.fit(family, strength, features[train], targets[train].tolist())
        part = head.scores(features[held_out])
        full = np.full((len(held_out), len(labels)), part.min())
        full[:, np.searchsorted(labels, np.asarray(head.labels))] = part
        scores[held_out] = full
    return scores


def fit_temperature(scores: "np.ndarray", codes: "np.ndarray") -> float:
    """The temperature with the least negative log-likelihood, between 1/100 and 100."""
    import numpy as np
    from scipy.optimize import minimize_scalar
    from scipy.special import logsumexp

    def loss(log_temperature: float) -> float:
        scaled = scores / np.exp(log_temperature)
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(codes)), codes]).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), method="bounded")
    return float(np.exp(found.x))


def _thresholds(probabilities: "np.ndarray", codes: "np.ndarray") -> dict[str, tuple[float, float]]:
    """The lowest confidence above which the out-of-fold answers are right often enough."""
    import numpy as np

    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    right = np.cumsum((probabilities.argmax(axis=1) == codes)[order]) / np.arange(1, len(codes) + 1)
    # A threshold answers all rows of equal confidence, so it is judged after the last of them.
    last_of_equals = np.append(confidence[1:] < confidence[:-1], True)
    found: dict[str, tuple[float, float]] = {}
    for wanted in (0.9, 0.95, 0.99):
        enough = np.flatnonzero((right >= wanted) & last_of_equals)
        if len(enough):
            last = int(enough[-1])
            found[f"{wanted:g}"] = float(confidence[last]), (last + 1) / len(codes)
    return found
