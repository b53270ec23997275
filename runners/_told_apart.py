"""How well a classifier tells texts apart that should look alike, by cross-validation.

Three of them: two sources by their words (Lopez-Paz and Oquab 2017, "Revisiting classifier
two-sample tests", arXiv 1610.06545), classes by numbers, and the better of two by the difference of
its numbers. scikit-learn does the work: a second or two on 10,000 texts. Random is only the order
of the folds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

FOLDS = 5
_USUAL = 0.99
"""Share of the first source's texts that a strange one is beyond."""
_SEED = 0
_NEAR = 0.01
"""Of the classifier: a tenth of the time of the usual 0.0001, and the same area."""
_Z = 1.959964
_LEAF = 5
_SPREAD = 0.25
"""Weight of a number of the surface beside the words, whose vector has length 1."""
_TOKEN = r"[\u3040-\u9fff]|[^\W\u3040-\u9fff]+|[^\w\s]"
"""A word, a mark, or one character of a script that sets no spaces between words."""
_WORDS = 50_000

Numbers = Sequence[Sequence[float]]


class Score(NamedTuple):
    """A share, or an area under a curve, with its 95 % interval."""

    value: float
    low: float
    high: float


class Word(NamedTuple):
    """A word, or two in a row, that one source has more often than the other."""

    text: str
    first: float
    """Share of the first source's texts that hold it."""
    second: float


class Apart(NamedTuple):
    """How far two sources of texts are apart."""

    area: Score
    """Under the curve of the classifier; 0.5 is chance."""
    strange: list[int]
    """Places in the second source of texts that are unlike 99 % of the first."""
    share: Score
    """Of the second source that is strange; 0.01 is chance."""


class Guessed(NamedTuple):
    """What was guessed from numbers alone."""

    accuracy: Score
    majority: float
    """What always guessing the most frequent class gets right."""
    right: list[int]
    """Places of the items that were guessed right."""
    telling: list[int]
    """The numbers that told most, the best first."""


def sources(first: Sequence[str], second: Sequence[str], numbers: Numbers) -> Apart:
    """Tell two sources of texts apart.

    The interval of the area is Hanley and McNeil's (1982), over all texts. A mixture is seen better
    by its strange texts: a third from elsewhere among the usual has an area of 0.67 at most.

    Args:
        first: Texts of one source, as many as there are folds at least.
        second: Texts of the other.
        numbers: Of the first texts, then of the second: case and length, which words do not show.
    """
    import numpy as np
    from scipy.sparse import csr_matrix, hstack
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    side = np.repeat([0, 1], [len(first), len(second)])
    words: Any = _counter(weighted=True).fit_transform([*first, *second])
    spread = csr_matrix(_SPREAD * _scaled(np.log1p(np.asarray(numbers))))
    features: Any = hstack([words, spread]).tocsr()
    areas: list[float] = []
    scores = np.zeros(len(side))
    for learn, test in _folds(side):
        model = LogisticRegression(class_weight="balanced", solver="liblinear", tol=_NEAR)
        # Vectors too short to share: on a busy machine, threads made it ten times slower.
        with threadpool_limits(1, "blas"):
            model.fit(features[learn], side[learn])
        scores[test] = model.decision_function(features[test])
        areas.append(float(roc_auc_score(side[test], scores[test])))
    beyond = scores[side == 1] > np.quantile(scores[side == 0], _USUAL)
    area = _area(sum(areas) / len(areas), len(first), len(second))
    return Apart(area, np.flatnonzero(beyond).tolist(), _share(beyond))


def words(first: Sequence[str], second: Sequence[str], wanted: int) -> list[Word]:
    """The words, or two in a row, whose shares differ most, in units of their standard error."""
    import numpy as np

    counter = _counter(weighted=False)
    present: Any = counter.fit_transform([*first, *second])
    here = np.asarray(present[: len(first)].mean(axis=0)).ravel()
    there = np.asarray(present[len(first) :].mean(axis=0)).ravel()
    both = (here * len(first) + there * len(second)) / (len(first) + len(second))
    error = np.sqrt(both * (1 - both) * (1 / len(first) + 1 / len(second))) + 1e-9
    names = counter.get_feature_names_out()
    best = np.argsort(-np.abs(here - there) / error, kind="stable")[: 10 * wanted]
    found: list[Word] = []
    for place in best:
        name = str(names[place])
        # "thanks" says all that "thanks !" says.
        if not any(name in word.text or word.text in name for word in found):
            found.append(Word(name, float(here[place]), float(there[place])))
    return found[:wanted]


def classes(numbers: Numbers, names: Sequence[str]) -> Guessed | None:
    """Guess the class of each item by a small tree; ``None`` with too few items of two classes."""
    import numpy as np
    from sklearn.tree import DecisionTreeClassifier

    known, codes, counts = np.unique(np.asarray(names), return_inverse=True, return_counts=True)
    kept = np.flatnonzero(counts[codes] >= 2 * FOLDS)
    if len(np.unique(codes[kept])) < 2:
        return None
    features, wanted = np.asarray(numbers)[kept], codes[kept]
    leaves = max(16, 2 * len(known))
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=_LEAF, random_state=_SEED)
    right = np.zeros(len(kept), dtype=bool)
    for learn, test in _folds(wanted):
        tree.fit(features[learn], wanted[learn])
        right[test] = tree.predict(features[test]) == wanted[test]
    told = np.argsort(-tree.fit(features, wanted).feature_importances_, kind="stable")
    majority = float(np.bincount(wanted).max() / len(wanted))
    return Guessed(_share(right), majority, kept[right].tolist(), told.tolist())


def better(chosen: Numbers, rejected: Numbers) -> Guessed | None:
    """Guess which of two is the chosen one; ``None`` with too few pairs."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    if len(chosen) < 4 * FOLDS:
        return None
    turned = np.where(np.arange(len(chosen)) % 2, -1, 1)  # half of the pairs the other way round
    gaps = np.log1p(np.asarray(chosen)) - np.log1p(np.asarray(rejected))
    gaps = gaps / (gaps.std(axis=0) + 1e-9) * turned[:, None]
    model = LogisticRegression(fit_intercept=False)
    right = np.zeros(len(chosen), dtype=bool)
    for learn, test in _folds(turned):
        model.fit(gaps[learn], turned[learn])
        right[test] = model.predict(gaps[test]) == turned[test]
    told = np.argsort(-np.abs(model.fit(gaps, turned).coef_[0]), kind="stable")
    return Guessed(_share(right), 0.5, np.flatnonzero(right).tolist(), told.tolist())


def _counter(*, weighted: bool) -> Any:  # noqa: ANN401 -- two classes without a common one
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

    shared: dict[str, Any] = {"token_pattern": _TOKEN, "ngram_range": (1, 2)}
    shared["max_features"] = _WORDS
    if weighted:
        return TfidfVectorizer(sublinear_tf=True, **shared)
    return CountVectorizer(binary=True, **shared)


def _folds(side: "np.ndarray") -> Any:  # noqa: ANN401 -- pairs of arrays
    from sklearn.model_selection import StratifiedKFold

    return StratifiedKFold(FOLDS, shuffle=True, random_state=_SEED).split(side, side)


def _scaled(values: "np.ndarray") -> "np.ndarray":
    return (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-9)


def _area(area: float, first: int, second: int) -> Score:
    above, twice = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (second - 1) * (above - area**2) + (first - 1) * (twice - area**2)
    reach = _Z * (max(0.0, spread) / (first * second)) ** 0.5
    return Score(area, max(0.0, area - reach), min(1.0, area + reach))


def _share(right: "np.ndarray") -> Score:
    """With Wilson's interval (1927)."""
    count, share = len(right), float(right.mean())
    middle = (share + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
    inside = share * (1 - share) / count + _Z**2 / (4 * count**2)
    reach = _Z * inside**0.5 / (1 + _Z**2 / count)
    return Score(share, middle - reach, middle + reach)
