"""The values of a fact that could change an answer, derived from the conditions themselves.

A number matters only where some rule compares it, so the values worth trying lie on both sides of
each such border. For ``n_examples / labels >= 40`` with 12 labels known that is 479 and 480 rows;
where to look is solved for, not written down a second time.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from math import ceil, floor, isfinite
from typing import Any

from rules.node import KINDS, Border, Row
from rules.tally import Book

SIZES: dict[str, tuple[float, ...]] = {
    "gpu_memory_gb": (0, 4, 6, 8, 12, 16, 24, 32, 40, 48, 80, 96, 141, 192, 288),
    "n_gpus": (0, 1, 2, 4, 8, 16, 32, 64, 128, 512),
    "model_params_b": (0.1, 0.3, 0.6, 1, 1.7, 3, 4, 8, 14, 32, 70, 120, 235, 405, 671),
}
"""What can be had: nobody can buy a card of 20.4 GB, or download a model of 9.13B parameters."""
_LEAST = {"labels": 1}
_MOST = 1e13


def values(book: Book, fact: str, row: Row) -> tuple[Any, ...]:
    """What this fact could be instead: every word, or numbers on both sides of each border."""
    kind, options = KINDS[fact]
    now = row.get(fact)
    if fact == "gpu_memory_gb" and row.get("n_gpus") == 0:
        row = {**row, "n_gpus": 1}  # where there is memory, there is a card
    if kind == "truth":
        found: list[Any] = [value for value in (True, False) if value is not now]
    elif kind == "choice":
        found = [value for value in options if value != now]
    else:
        borders = sorted({at for border in book.borders[fact] for at in _roots(border, fact, row)})
        tried = {value for at in borders for value in _beside(fact, at)}
        found = [value for value in sorted(tried) if value != now]
    return tuple(found)


def changed(row: Row, fact: str, value: Any) -> dict[str, Any] | None:  # noqa: ANN401
    """This change with what follows from it; ``None`` where it cannot happen by itself.

    A machine without a GPU that gets 24 GB has one GPU; 20 rows of the rarest of 5 labels are 100
    rows at least.
    """
    changes: dict[str, Any] = {fact: value}
    rows, labels, rarest = (row.get(name) for name in ("n_examples", "labels", "rarest_label"))
    if fact == "gpu_memory_gb" and row.get("n_gpus") is not None:
        changes["n_gpus"] = max(1, row["n_gpus"]) if value else 0
    elif fact == "n_gpus" and (not value or row.get("gpu_memory_gb") == 0):
        return None  # no memory means no GPU, and says so already
    elif fact in ("n_examples", "labels") and rarest is not None:
        rows, labels = (value, labels) if fact == "n_examples" else (rows, value)
        if rows is not None:
            changes["rarest_label"] = min(rarest, rows // (labels or 1))
    elif fact == "rarest_label" and rows is not None:
        changes["n_examples"] = max(rows, value * (labels or 1))
    return changes


def _beside(fact: str, at: float) -> Iterator[Any]:
    """Possible values just below, on, and just above a border."""
    least = _LEAST.get(fact, 0)
    if fact in SIZES:
        sizes = SIZES[fact]
        below, above = [s for s in sizes if s < at], [s for s in sizes if s > at]
        near = [*below[-1:], *(s for s in sizes if s == at), *above[:1]]
        whole = fact == "n_gpus"
        yield from (int(size) if whole else float(size) for size in near)
        return
    at = round(at, 6)  # 479.9999999 is 480
    for value in (ceil(at) - 1, ceil(at), floor(at) + 1):
        if least <= value <= _MOST:
            yield value


def _roots(border: Border, fact: str, row: Row) -> tuple[float, ...]:
    others = tuple((name, row.get(name)) for name in sorted(border.names - {fact}))
    if any(value is None for _, value in others):
        return ()
    return _solved(border, fact, others)


@lru_cache(maxsize=8192)
def _solved(border: Border, fact: str, others: tuple[tuple[str, Any], ...]) -> tuple[float, ...]:
    """Where the border lies: exactly for ``a x + b`` and ``a / x + b``, else by halving."""
    row = dict(others)

    def gap(value: float) -> float | None:
        return border.gap({**row, fact: value})

    one, two, four = gap(1.0), gap(2.0), gap(4.0)
    if one is None or two is None or four is None:
        return ()
    scale = 1e-9 * (abs(one) + abs(two) + abs(four))
    if abs((four - two) - 2 * (two - one)) <= scale:
        slope, start = two - one, 2 * one - two
        return _kept(-start / slope) if slope else ()
    if abs((two - four) * 2 - (one - two)) <= scale:
        share = 2 * (one - two)
        return _kept(-share / (one - share)) if one != share else ()
    return tuple(at for low, high in _signs(gap) for at in _kept(_halved(gap, low, high)))


def _kept(at: float) -> tuple[float, ...]:
    return (at,) if isfinite(at) and 0 <= at <= _MOST else ()


def _signs(gap: Any) -> Iterator[tuple[float, float]]:  # noqa: ANN401 - a function of one number
    """Stretches, each twice as long as the last, over which the sign changes."""
    points = [0.0, *(2.0**step for step in range(-4, 44))]
    for low, high in pairwise(points):
        first, last = gap(low), gap(high)
        if first is not None and last is not None and (first < 0) != (last < 0):
            yield low, high


def _halved(gap: Any, low: float, high: float) -> float:  # noqa: ANN401 - a function of one number
    rising = gap(high) > gap(low)
    for _ in range(60):
        middle = (low + high) / 2
        if (gap(middle) < 0) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2
