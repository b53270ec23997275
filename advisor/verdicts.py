"""What the verdicts on pairs of answers come to: win rate, chance, length and position."""

from collections.abc import Sequence
from typing import NamedTuple

from runners import _measure, _measure_text, _significance
from runners._judges import Judged, Pair
from runners.base import Frozen, Interval95

_Z = 1.959964
HOW = "win rate with Wilson's 95 % interval, a tie counted as half a win; p: sign test without ties"
"""Wilson 1927. Halves spread less than wins and losses do: with ties the interval is a little too
wide, never too narrow."""


class Lengths(Frozen):
    """Whether the longer answer tends to win."""

    first_words: Interval95
    """Mean length of an answer, with its interval by the bootstrap over questions."""
    second_words: Interval95
    longer_wins: Interval95 | None
    """Share, of pairs that were won and whose answers differ in length."""
    decided: int
    """Pairs that are counted for it."""

    def told(self) -> str:
        """One sentence."""
        share = self.longer_wins
        if share is None:
            return "no pair of different lengths was decided: whether length matters is unknown"
        text = f"the longer answer wins {_percent(share)} of {self.decided:,} decided pairs"
        if share.low > 0.5:
            return f"{text}: it tends to win, which may be the judge's taste and no quality"
        if share.high < 0.5:
            return f"{text}: the shorter one tends to win"
        return f"{text}: no sign that length decides"


class Places(Frozen):
    """What a judge that sees each pair twice makes of the place of an answer."""

    asked: int
    """Pairs with a verdict in both orders."""
    flipped: int
    """It picked the same place in both orders: both times the other answer."""
    first_picked: Interval95 | None
    """Share of the first place in all its picks; a half: places mean nothing to it."""

    def told(self) -> str:
        """One sentence."""
        if self.first_picked is None:
            return "no place was ever picked: whether the order matters is unknown"
        share = self.first_picked
        text = f"position: the answer that stands first is picked {_percent(share)} of the time"
        fair = share.low <= 0.5 <= share.high
        flips = f"{self.flipped:,} of {self.asked:,} pairs flip with the order and are ties"
        return f"{text}, {flips}{'' if fair else ': the judge leans to one side'}"


class Outcome(NamedTuple):
    """Counts, with what chance makes of them."""

    wins: int
    ties: int
    losses: int
    win_rate: Interval95
    p_value: float


def outcome(judged: Sequence[Judged]) -> Outcome:
    """Of the pairs that have a verdict; there is at least one."""
    wins, ties, losses = (
        sum(item.verdict == name for item in judged) for name in ("first", "tie", "second")
    )
    rate = wilson(wins + ties / 2, wins + ties + losses)
    return Outcome(wins, ties, losses, rate, _significance.sign_test(wins, losses))


def wilson(count: float, of: int) -> Interval95:
    """The interval of a share (Wilson 1927); the count may have halves, which scipy's may not.

    >>> found = wilson(15, 20)
    >>> round(found.low, 3), round(found.high, 3)
    (0.531, 0.888)
    """
    share, z2 = count / of, _Z**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * (share * (1 - share) / of + z2 / (4 * of**2)) ** 0.5
    return Interval95(
        value=share,
        low=max(0.0, min(share, middle - half)),
        high=min(1.0, max(share, middle + half)),
    )


def lengths(pairs: Sequence[Pair], judged: Sequence[Judged]) -> Lengths:
    """Of the same pairs in the same order."""
    words = [[len(_measure_text.words_of(text)) for text in pair[1:]] for pair in pairs]
    told = [
        (first > second, item.verdict == "first")
        for (first, second), item in zip(words, judged, strict=True)
        if item.verdict in ("first", "second") and first != second
    ]
    return Lengths(
        first_words=mean([first for first, _ in words]),
        second_words=mean([second for _, second in words]),
        longer_wins=wilson(sum(one == other for one, other in told), len(told)) if told else None,
        decided=len(told),
    )


def places(judged: Sequence[Judged]) -> Places | None:
    """Of a judge that was asked; ``None`` of one that sees one answer at a time."""
    both = [item.picked for item in judged if item.picked]
    if not both:
        return None
    picks = [place for picked in both for place in picked if place != "tie"]
    return Places(
        asked=len(both),
        flipped=sum(picked in (("1", "1"), ("2", "2")) for picked in both),
        first_picked=wilson(picks.count("1"), len(picks)) if picks else None,
    )


def mean(values: Sequence[float]) -> Interval95:
    """With its percentile bootstrap over questions."""
    import numpy as np

    return _measure.mean(np.array(values, dtype=float))


def _percent(share: Interval95) -> str:
    return f"{share.value:.0%} ({share.low:.0%} to {share.high:.0%})"
