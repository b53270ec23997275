"""How much can be guessed without reading: a small tree that sees the surface and nothing else.

Length, capitals, digits, marks, the kind of the first and the last character. Cross-validated, and
held against always guessing the most frequent label. In SMS spam length and digits truly tell spam:
that is worth knowing, and no fault. Of Banking77's 77 labels such a tree gets 10 % right.
"""

from collections.abc import Iterator, Sequence

from advisor.check import Found
from advisor.examined import Examined, Side
from advisor.surface import NUMBERS, PAIRS, Seen, drawn, numbers, seen
from runners import _told_apart

SAYS = "labels that can be guessed from length, case and marks alone"
LIBRARIES = ("sklearn",)
COST = 3.0

_NOTABLE, _ALARMING = 0.3, 0.9
"""Share of what the most frequent label leaves wrong that the surface gets right, at least."""
_FEWEST = 50
_NAMED = 2


def look(examined: Examined) -> Iterator[Found]:
    """One label a row, thumbs, and which of two answers was chosen."""
    side = examined.train
    items = [item for item in seen(side) if len(item.classes) == 1]
    if len(items) < _FEWEST:
        return
    pairs = side.kind in PAIRS
    guessed = _pairs(items) if pairs else _classes(items)
    if guessed is None:
        return
    places, found = guessed
    left = 1 - found.majority
    share = (found.accuracy.low - found.majority) / left if left else 0.0
    if share < _NOTABLE:
        return
    severity = "warning" if share >= _ALARMING else "info"
    fix = "hold every result against this: below it, a model has learned nothing but the surface"
    if severity == "warning":
        fix = "find out what sets them apart, and take it out unless texts to come have it too"
    text = f"rows whose {_what(side)} can be guessed without reading{drawn(side)}: {_told(found)}"
    yield Found("shortcut", text, places, severity, fix)


def _classes(items: Sequence[Seen]) -> tuple[list[int], _told_apart.Guessed] | None:
    found = _told_apart.classes(
        [numbers(item.text) for item in items], [item.classes[0] for item in items]
    )
    return found and ([items[place].place for place in found.right], found)


def _pairs(items: Sequence[Seen]) -> tuple[list[int], _told_apart.Guessed] | None:
    """Pairs of two equal answers are left out."""
    better = {item.place: item.text for item in items if item.classes == ("chosen",)}
    worse = {item.place: item.text for item in items if item.classes == ("rejected",)}
    places = [place for place in better if place in worse and better[place] != worse[place]]
    found = _told_apart.better(
        [numbers(better[place]) for place in places], [numbers(worse[place]) for place in places]
    )
    return found and ([places[place] for place in found.right], found)


def _what(side: Side) -> str:
    return {"classification": "label", "multi_label": "label", "liked": "thumb"}.get(
        side.kind, "better answer"
    )


def _told(found: _told_apart.Guessed) -> str:
    score = found.accuracy
    names = " and ".join(NUMBERS[place] for place in found.telling[:_NAMED])
    return (
        f"{score.value:.0%} right ({score.low:.0%} to {score.high:.0%}) where the most frequent "
        f"answer gets {found.majority:.0%}, mostly by {names}"
    )
