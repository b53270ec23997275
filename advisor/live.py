"""The numbers of a training while it goes on: the newest of each, and the way there, in a line."""

import math
from collections import deque
from collections.abc import Sequence

from runners.base import Progress

_BARS = "▁▂▃▄▅▆▇█"
_POINTS = 8
"""Of a curve, the newest ones."""
_SHOWN = {
    "reward": "reward {:.3f}",
    "kl": "KL {:.3f}",
    "answer_tokens": "{:.0f} tokens",
    "loss": "loss {:.3f}",
    "embedding_loss": "loss {:.3f}",
}


def curve(values: Sequence[float]) -> str:
    """Numbers as heights of a line of text; what is no number leaves a gap.

    >>> curve([3, 2, 1, 1.5])
    '█▅▁▃'
    >>> curve([1, 1])
    '▄▄'
    """
    known = [value for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    top = len(_BARS) - 1

    def bar(value: float) -> str:
        if not math.isfinite(value):
            return " "
        share = (value - low) / (high - low) if high > low else 0.5
        return _BARS[int(share * top + 0.5) if high > low else top // 2]

    return "".join(map(bar, values))


class Live:
    """What one run has told so far; a new stage begins anew."""

    def __init__(self) -> None:
        self._stage = ""
        self._seen: dict[str, deque[float]] = {}

    def told(self, progress: Progress) -> str:
        """Reward, KL and length where there are some, else the loss; empty where it tells none."""
        parted = {name: name.rpartition(" ") for name in progress.values}
        shown = {name: part for name, part in parted.items() if part[2] in _SHOWN}
        if not shown:
            return ""
        for name, (stage, _, last) in shown.items():
            if stage != self._stage:
                self._stage, self._seen = stage, {}
            points = self._seen.setdefault(last, deque(maxlen=_POINTS))
            points.append(progress.values[name])
        names = [name for name in _SHOWN if name in self._seen]
        if "reward" in names:  # what online learning minimises says nothing by itself
            names = [name for name in names if "loss" not in name]
        parts = [
            _SHOWN[name].format(self._seen[name][-1]) + _way(self._seen[name]) for name in names
        ]
        return "".join(f", {part}" for part in parts)


def _way(points: Sequence[float]) -> str:
    return f" {curve(points)}" if len(points) > 1 else ""
