"""A classifier on frozen features, fitted by scikit-learn and saved without pickle.

Four families: logistic regression, linear SVM, ridge and nearest neighbours. The first three end as
one matrix; neighbours keep their training features. ``_choose`` picks among them and calibrates.

Letters: ``n`` rows, ``d`` features, ``k`` labels.
"""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runners.base import Prediction, Row

if TYPE_CHECKING:
    import numpy as np

Family = Literal["logistic", "svm", "ridge", "neighbours"]


@dataclass(frozen=True)
class Head:
    """A fitted head. ``labels`` has length k, in the order of the scores' columns."""

    family: Family
    strength: float
    labels: tuple[str, ...]
    arrays: "dict[str, np.ndarray]"
    """``weights (k, d)`` and ``bias (k,)``, or ``features (n, d)`` and ``codes (n,)``."""
    temperature: float = 1.0

    def scores(self, features: "np.ndarray") -> "np.ndarray":
        """Uncalibrated scores, features ``(n, d)`` -> ``(n, k)`` float64."""
        if self.family != "neighbours":
            return features.astype("float64") @ self.arrays["weights"].T + self.arrays["bias"]
        similar = features @ self.arrays["features"].T
        neighbours = max(1, round(self.strength))
        return vote(similar, self.arrays["codes"], len(self.labels), neighbours)

    def probabilities(self, features: "np.ndarray") -> "np.ndarray":
        """Calibrated probabilities, features ``(n, d)`` -> ``(n, k)``, rows sum to 1."""
        return softmax(self.scores(features) / self.temperature)


def vote(similar: "np.ndarray", codes: "np.ndarray", labels: int, neighbours: int) -> "np.ndarray":
    """Logarithm of the share of the vote, similarities ``(n, m)`` -> ``(n, k)``.

    Each of the nearest m rows votes for its label with its cosine similarity.
    """
    import numpy as np

    count = min(neighbours, similar.shape[1])
    nearest = np.argpartition(-similar, count - 1, axis=1)[:, :count]
    weights = np.clip(np.take_along_axis(similar, nearest, axis=1), 1e-6, None)
    shares = np.zeros((len(similar), labels))
    np.add.at(shares, (np.arange(len(similar))[:, None], codes[nearest]), weights)
    return np.log(shares / shares.sum(axis=1, keepdims=True) + 1e-3)


def softmax(scores: "np.ndarray") -> "np.ndarray":
    """Row-wise, ``(n, k)`` -> ``(n, k)``."""
    import numpy as np

    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def fit(family: Family, strength: float, features: "np.ndarray", targets: Sequence[str]) -> Head:
    """Fit one head on features ``(n, d)`` and n labels."""
    import numpy as np

    labels, codes = np.unique(np.asarray(targets), return_inverse=True)
    if family == "neighbours":
        arrays = {"features": features, "codes": codes.astype(np.int64)}
        return Head(family, strength, tuple(map(str, labels)), arrays)
    model = _linear(family, strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model that has not quite converged is still measured
        model.fit(features, codes)
    weights, bias = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    if len(labels) == 2:  # scikit-learn keeps one row for two labels; the other is its mirror
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
        if family == "logistic":
            weights, bias = weights / 2, bias / 2
    arrays = {"weights": weights.astype(np.float64), "bias": bias.astype(np.float64)}
    return Head(family, strength, tuple(map(str, labels)), arrays)


def _linear(family: Family, strength: float):  # noqa: ANN202 - one of three scikit-learn classes
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.svm import LinearSVC

    if family == "logistic":
        return LogisticRegression(C=strength, max_iter=1000)
    if family == "svm":
        return LinearSVC(C=strength, random_state=0)
    return RidgeClassifier(alpha=strength)


def save(head: Head, folder: Path) -> None:
    """Write ``head.safetensors`` and ``head.json``."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    # safetensors writes the buffer as it lies, so a transposed array would come back scrambled.
    arrays = {name: np.ascontiguousarray(array) for name, array in head.arrays.items()}
    save_file(arrays, folder / "head.safetensors")
    about = {
        "family": head.family,
        "strength": head.strength,
        "labels": head.labels,
        "temperature": head.temperature,
    }
    (folder / "head.json").write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")


def load(folder: Path) -> Head:
    """Reopen what :func:`save` wrote."""
    from safetensors.numpy import load_file

    about = json.loads((folder / "head.json").read_text("utf-8"))
    return Head(
        family=about["family"],
        strength=about["strength"],
        labels=tuple(about["labels"]),
        arrays=load_file(folder / "head.safetensors"),
        temperature=about["temperature"],
    )


def predictions(
    head: Head, features: "np.ndarray", rows: Sequence[Row], abstain_below: float = 0.0
) -> list[Prediction]:
    """The most probable label of each row, features ``(n, d)``, with its probability."""
    probabilities = head.probabilities(features)
    best = probabilities.argmax(axis=1)
    return [
        Prediction(
            id=row.id,
            prediction=head.labels[code],
            score=float(confidence),
            abstained=bool(confidence < abstain_below),
        )
        for row, code, confidence in zip(rows, best, probabilities.max(axis=1), strict=True)
    ]
