"""Preference pairs: whether the longer answer wins, and pairs whose answers are the same.

A model that learns "longer is better" from its pairs gets longer, not better (Park et al. 2024,
arXiv:2403.19159). Whether the share differs from a half is a two-sided binomial test.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from advisor.check import Found
from advisor.data import normalised
from advisor.examined import Examined

SAYS = "pairs in which length decides, and pairs of the same answer"
LIBRARIES = ("scipy",)
COST = 2.0

_SURE = 0.001
_LEANS = 0.03
"""Distance from a half below which a share is no bias worth a word."""
_STRONG = 0.1


def look(examined: Examined) -> Iterator[Found]:
    """Of pairs alone."""
    side = examined.train
    if side.kind not in ("preference", "ranked_pairs"):
        return
    rows = side.table.rows
    longer: list[int] = []
    shorter: list[int] = []
    same: list[int] = []
    answers = zip(rows.column("target"), rows.column("rejected"), strict=True)
    for place, (better, worse) in enumerate(answers):
        worse = worse or ""
        if len(better) != len(worse):
            (longer if len(better) > len(worse) else shorter).append(place)
        if abs(len(better) - len(worse)) <= 20 and normalised(better) == normalised(worse):
            same.append(place)
    if same:
        text = "pairs whose answers differ in case or spacing alone"
        fix = "delete them, unless that is what the model should learn"
        yield Found("same_answers", text, same, fix=fix)
    yield from _bias(longer, shorter)


def _bias(longer: list[int], shorter: list[int]) -> Iterator[Found]:
    stats: Any = import_module("scipy.stats")
    pairs = len(longer) + len(shorter)
    if not pairs:
        return
    test = stats.binomtest(max(len(longer), len(shorter)), pairs)
    share = len(longer) / pairs
    if float(test.pvalue) > _SURE or abs(share - 0.5) < _LEANS:
        return
    which, places = ("longer", longer) if share > 0.5 else ("shorter", shorter)
    text = (
        f"pairs in which the {which} answer is the better one: {len(places) / pairs:.1%} of "
        f"{pairs:,} pairs of different length (binomial test, p {_told(float(test.pvalue))}); "
        f"a model can learn from them that {which} is better"
    )
    fix = "compare every result with a judge that always picks the longer answer; add pairs in "
    fix += f"which the {'shorter' if which == 'longer' else 'longer'} one wins"
    severity = "warning" if abs(share - 0.5) >= _STRONG else "info"
    yield Found("length_bias", text, places, severity, fix)


def _told(chance: float) -> str:
    return "< 0.0001" if chance < 0.0001 else f"= {chance:.4f}"
