"""Whether two approaches differ on the same rows, and how many rows it would take to tell.

scipy brings the exact binomial distribution; the rest is arithmetic with its source beside it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 2000
_SEED = 0


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Two-sided exact p-value that two sets of right answers differ by chance (McNemar 1947).

    Only rows that one gets right and the other wrong count; under chance they fall evenly.
    """
    pairs = list(zip(first, second, strict=True))
    only_first = sum(a and not b for a, b in pairs)
    only_second = sum(b and not a for a, b in pairs)
    return sign_test(only_first, only_second)


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact p-value that so many fell on either side by a fair coin."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def paired_bootstrap(targets: Sequence[str], first: Sequence[str], second: Sequence[str]) -> float:
    """Two-sided p-value for a difference in macro-F1, resampling rows (Efron and Tibshirani 1993).

    Twice the smaller share of resamples on either side of no difference, and at least one of them,
    since a finite number of resamples can never show a p-value of zero.
    """
    import numpy as np

    from runners._measure import f1_draws

    weights = np.random.default_rng(_SEED).multinomial(
        len(targets), np.full(len(targets), 1 / len(targets)), size=RESAMPLES
    )
    return two_sided(f1_draws(weights, targets, first) - f1_draws(weights, targets, second))


def two_sided(difference: "np.ndarray") -> float:
    """The p-value of a difference, from its values on resampled rows ``(b,)``."""
    below, above = (difference <= 0).mean(), (difference >= 0).mean()
    return float(min(1.0, max(2 * min(below, above), 2 / len(difference))))


def rows_to_decide(first: Sequence[bool], second: Sequence[bool]) -> int | None:
    """Evaluation rows at which this difference would be found with 80 % power at the 5 % level.

    Connor 1987, *Biometrics* 43:207, from the shares of rows on which exactly one is right.
    ``None`` when both are right equally often: no number of such rows would tell them apart.
    """
    pairs = list(zip(first, second, strict=True))
    n = len(pairs)
    apart = sum(a != b for a, b in pairs) / n
    difference = abs(sum(first) - sum(second)) / n
    if difference == 0:
        return None
    z_level, z_power = 1.959964, 0.841621
    root = z_level * apart**0.5 + z_power * (apart - difference**2) ** 0.5
    return max(n, round((root / difference) ** 2 + 0.5))
