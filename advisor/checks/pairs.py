"""Preference pairs: whether the longer answer wins, and pairs that say nothing or contradict.

Of answers with thumbs, whether all point one way.

A model that learns "longer is better" from its pairs gets longer, not better (Park et al. 2024,
arXiv:2403.19159). Whether the share differs from a half is a two-sided binomial test; its interval
is Wilson's (1927).
"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from advisor.check import Found
from advisor.data import normalised
from advisor.examined import Examined, Side, key_of

SAYS = "pairs in which length decides, that say nothing, or contradict another one"
LIBRARIES = ("scipy",)
COST = 2.0
PAIRS = ("preference", "ranked_pairs")

_SURE = 0.001
_LEANS = 0.03
"""Distance from a half below which a share is no bias worth a word."""
_STRONG = 0.1


def look(examined: Examined) -> Iterator[Found]:
    """Of pairs alone."""
    side = examined.train
    if side.kind == "liked":
        yield from _thumbs(side)
    if side.kind not in PAIRS:
        return
    yield from _silent(side)
    yield from _contradicted(side)
    yield from _bias(side)


def _silent(side: Side) -> Iterator[Found]:
    """Pairs that show no difference, or of which one side says nothing."""
    same: list[int] = []
    empty: list[int] = []
    rows = side.table.rows
    answers = zip(rows.column("target"), rows.column("rejected"), strict=True)
    for place, (better, worse) in enumerate(answers):
        if not (worse or "").strip():
            empty.append(place)
        elif abs(len(better) - len(worse)) <= 20 and normalised(better) == normalised(worse):
            same.append(place)
    if same:
        text = "pairs whose answers differ in case or spacing alone"
        fix = "delete them, unless that is what the model should learn"
        yield Found("same_answers", text, same, fix=fix)
    if empty:
        text = "pairs whose worse answer is empty: a model learns from them to say something"
        fix = "delete them, unless silence is what people disliked"
        yield Found("empty_rejected", text, empty, fix=fix)


def _contradicted(side: Side) -> Iterator[Found]:
    """Pairs of which another one says the opposite: the same prompt and answers, turned round."""
    rows = side.table.rows
    answers = list(zip(rows.column("target"), rows.column("rejected"), strict=True))
    places: list[int] = []
    for group in side.same:
        said = {(key_of(answers[n][0]), key_of(answers[n][1] or "")) for n in group}
        places += [
            n
            for n in group
            if (key_of(answers[n][1] or ""), key_of(answers[n][0])) in said
            and normalised(answers[n][0]) != normalised(answers[n][1] or "")
        ]
    if places:
        text = "pairs that another one contradicts: the answer that is better here is worse there"
        fix = "keep what most raters said of each, or leave both out"
        yield Found("contradicting_pairs", text, sorted(places), fix=fix)


def _thumbs(side: Side) -> Iterator[Found]:
    """Answers that are all liked, or all disliked: there is nothing to tell apart."""
    liked = set(side.table.rows.column("liked"))
    if len(liked) == 1:
        which = "liked" if True in liked else "disliked"
        text = f"answers that are all {which}: they show no difference"
        fix = "add some that people disliked; or tune on them as they are: --kind prompt_completion"
        if which == "disliked":
            fix = "add some that people liked: from these a model learns only what to avoid"
        yield Found("one_thumb", text, range(len(side)), fix=fix)


def _bias(side: Side) -> Iterator[Found]:
    """Whether length decides; where one side is empty, length is not what differs."""
    stats: Any = import_module("scipy.stats")
    longer: list[int] = []
    shorter: list[int] = []
    rows = side.table.rows
    answers = zip(rows.column("target"), rows.column("rejected"), strict=True)
    for place, (better, worse) in enumerate(answers):
        if (worse or "").strip() and len(better) != len(worse):
            (longer if len(better) > len(worse) else shorter).append(place)
    pairs = len(longer) + len(shorter)
    if not pairs:
        return
    test = stats.binomtest(max(len(longer), len(shorter)), pairs)
    share = len(longer) / pairs
    around = test.proportion_ci(method="wilson")
    if float(test.pvalue) > _SURE or abs(share - 0.5) < _LEANS:
        return
    which, places = ("longer", longer) if share > 0.5 else ("shorter", shorter)
    text = (
        f"pairs in which the {which} answer is the better one: {len(places) / pairs:.1%} of "
        f"{pairs:,} pairs of different length, 95 % {float(around.low):.1%} to "
        f"{float(around.high):.1%} (binomial test, p {_told(float(test.pvalue))}); "
        f"a model can learn from them that {which} is better"
    )
    fix = "compare every result with a judge that always picks the longer answer; add pairs in "
    fix += f"which the {'shorter' if which == 'longer' else 'longer'} one wins"
    severity = "warning" if abs(share - 0.5) >= _STRONG else "info"
    yield Found("length_bias", text, places, severity, fix)


def _told(chance: float) -> str:
    return "< 0.0001" if chance < 0.0001 else f"= {chance:.4f}"
