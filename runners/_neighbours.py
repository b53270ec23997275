"""What the nearest neighbours of each text say it is, by exact search in blocks.

Never all distances at once: a block of them is ``_BLOCK`` bytes at most. Time grows with the square
of the number of texts; who calls it keeps that number small (50,000 take about a minute).
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 32 << 20
_SHARPNESS = 8
"""Power of the similarity that a neighbour's vote weighs: near ones count for more."""


class Votes(NamedTuple):
    """The votes of the neighbours of each of ``n`` texts, as shares of all votes."""

    own: "np.ndarray"
    """For the class it has, ``(n,)``."""
    other: "np.ndarray"
    """For the class with the most votes among the others, ``(n,)``."""
    which: "np.ndarray"
    """That class, ``(n,)``."""


def votes(features: "np.ndarray", codes: "np.ndarray", neighbours: int) -> Votes:
    """Let the nearest neighbours vote.

    Args:
        features: ``(n, d)`` float32, of unit length.
        codes: The class of each, ``(n,)``, counted from 0.
        neighbours: How many vote; fewer than ``n``.
    """
    import numpy as np

    count = len(features)
    own, other = np.zeros(count, np.float32), np.zeros(count, np.float32)
    which = np.zeros(count, codes.dtype)
    height = max(1, _BLOCK // (4 * max(count, int(codes.max()) + 1)))
    for start in range(0, count, height):
        rows = np.arange(start, min(start + height, count))
        near, alike = _nearest(features, rows, neighbours)
        cast = np.zeros((len(rows), int(codes.max()) + 1), np.float32)
        here = np.arange(len(rows))
        for place in range(neighbours):
            np.add.at(cast, (here, codes[near[:, place]]), alike[:, place])
        cast /= cast.sum(axis=1, keepdims=True) + 1e-12
        own[rows] = cast[here, codes[rows]]
        cast[here, codes[rows]] = -1
        which[rows] = cast.argmax(axis=1)
        other[rows] = cast.max(axis=1)
    return Votes(own, other, which)


def _nearest(
    features: "np.ndarray", rows: "np.ndarray", neighbours: int
) -> "tuple[np.ndarray, np.ndarray]":
    """Places of the nearest others, and the weight of their votes: both ``(rows, neighbours)``."""
    import numpy as np

    alike = features[rows] @ features.T
    alike[np.arange(len(rows)), rows] = -1
    near = np.argpartition(alike, -neighbours, axis=1)[:, -neighbours:]
    weight = np.clip(np.take_along_axis(alike, near, axis=1), 0, None)
    return near, weight**_SHARPNESS
