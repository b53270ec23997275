"""How far people agree who rated the same: Cohen's kappa of two, Krippendorff's alpha of more.

Both are 1 where all agree always and 0 where they agree as often as chance would have it. Kappa is
scikit-learn's (Cohen 1960, doi:10.1177/001316446002000104). Alpha for names, which also takes
raters who did not rate everything, is written out from Krippendorff 2011, "Computing Krippendorff's
Alpha-Reliability" (repository.upenn.edu/asc_papers/43), section C. The interval is a percentile
bootstrap over the items (Efron and Tibshirani 1993).
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from runners.base import Frozen

if TYPE_CHECKING:
    import numpy as np

LOW = 0.4
"""Below it, agreement is "fair" at best (Landis and Koch 1977, doi:10.2307/2529310)."""
_RESAMPLES = 1000
_READY = all(map(find_spec, ("numpy", "sklearn")))
_FEWEST = 10
"""Items below which an interval would only look like one."""


class Agreement(Frozen):
    """How far raters agree on what at least two of them rated."""

    measure: Literal["Cohen's kappa", "Krippendorff's alpha"]
    raters: tuple[str, ...]
    items: int
    """Rated by two raters at least; what was skipped does not count."""
    same: float
    """Share of pairs of ratings of the same item that are the same."""
    value: float | None
    """``None``: all said the same of everything, so that chance would agree as well; or a library
    is not installed."""
    low: float | None = None
    high: float | None = None
    """95 %."""
    apart: tuple[str, ...]
    """Items on which they differ."""

    @property
    def advice(self) -> str:
        """What to do where it is low."""
        if not self.items:
            return "no item was rated by two of them: let one go on with the same --out"
        if not _READY:
            return "not worked out: pip install 'whichtune[run]'"
        if self.value is None or self.value >= LOW:
            return ""
        return (
            "low: write down what makes an answer better, talk about the rows on which you differ, "
            "undo and rate those again; a model cannot learn what people do not agree on"
        )


def agreement(said: Mapping[str, Mapping[str, str]]) -> Agreement | None:
    """How far raters agree; ``None`` where there is one alone.

    Args:
        said: What each rater said of each item, skipped ones left out.
    """
    raters = tuple(rater for rater, items in said.items() if items)
    if len(raters) < 2:
        return None
    names = dict.fromkeys(item for items in said.values() for item in items)
    units = {name: [said[rater].get(name) for rater in raters] for name in names}
    both = {name: unit for name, unit in units.items() if sum(map(bool, unit)) > 1}
    table = list(both.values())
    value = _value(table)
    low, high = _interval(table) if value is not None else (None, None)
    pairs = [a == b for unit in table for a, b in combinations(filter(None, unit), 2)]
    return Agreement(
        measure="Cohen's kappa" if len(raters) == 2 else "Krippendorff's alpha",
        raters=raters,
        items=len(table),
        same=sum(pairs) / len(pairs) if pairs else 0.0,
        value=value,
        low=low,
        high=high,
        apart=tuple(name for name, unit in both.items() if len(set(filter(None, unit))) > 1),
    )


_Unit = Sequence[str | None]
"""What each rater said of one item."""


def _value(units: Sequence[_Unit]) -> float | None:
    if len({said for unit in units for said in unit if said}) < 2 or not _READY:
        return None
    return _kappa(units) if len(units[0]) == 2 else alpha(units)


def _kappa(units: Sequence[_Unit]) -> float:
    metrics: Any = import_module("sklearn.metrics")
    one, other = zip(*units, strict=True)
    return float(metrics.cohen_kappa_score(one, other))


def alpha(units: Sequence[_Unit]) -> float:
    """Krippendorff's alpha for names, of which at least two were said.

    Args:
        units: What each rater said of each item; ``None``: that rater did not rate it.
    """
    import numpy as np

    return float(_alphas(np.ones((1, len(units))), units)[0])


def _interval(units: Sequence[_Unit]) -> tuple[float | None, float | None]:
    if len(units) < _FEWEST:
        return None, None
    import numpy as np

    share = np.full(len(units), 1 / len(units))
    weights = np.random.default_rng(0).multinomial(len(units), share, size=_RESAMPLES)
    values = (_kappas if len(units[0]) == 2 else _alphas)(weights, units)
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def _kappas(weights: "np.ndarray", units: Sequence[_Unit]) -> "np.ndarray":
    """Kappa ``(b,)`` for each row of how often each item is drawn ``(b, n)``."""
    import numpy as np

    names = sorted({said for unit in units for said in unit if said})
    one, other = (
        np.array([[unit[rater] == name for name in names] for unit in units], dtype=float)
        for rater in (0, 1)
    )
    drawn = weights.sum(axis=1)
    same = weights @ (one * other).sum(axis=1) / drawn
    chance = ((weights @ one) * (weights @ other)).sum(axis=1) / drawn**2
    return np.where(chance < 1, (same - chance) / np.maximum(1 - chance, 1e-12), 1.0)


def _alphas(weights: "np.ndarray", units: Sequence[_Unit]) -> "np.ndarray":
    """Alpha ``(b,)`` for each row of how often each item is drawn ``(b, n)``."""
    import numpy as np

    names = sorted({said for unit in units for said in unit if said})
    counts = np.array([[unit.count(name) for name in names] for unit in map(list, units)], float)
    raters = counts.sum(axis=1)
    counts, raters = counts * (raters > 1)[:, None], np.maximum(raters, 2)
    same = weights @ ((counts * (counts - 1)).sum(axis=1) / (raters - 1))
    totals = weights @ counts
    values = totals.sum(axis=1)
    chance = (totals * (totals - 1)).sum(axis=1)
    whole = values * (values - 1) - chance
    return np.where(whole > 0, ((values - 1) * same - chance) / np.maximum(whole, 1e-12), 1.0)
