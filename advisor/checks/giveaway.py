"""Labels that a single sign gives away: a prefix, a mark, a space at the end, one length.

A sign counts when nearly all texts with it have one label, most texts of that label have it, and
nearly no other text has. What any writer may do, such as a first word or a question mark, has to
separate a label better still, and is told without alarm. On Banking77 and CLINC150 no sign of
either sort is found; the nearest is ``401k`` at the end of 51 % of one label's texts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from advisor.check import Found
from advisor.examined import Examined
from advisor.surface import Seen, Sign, drawn, seen, signs

SAYS = "labels that a single sign gives away, such as a prefix or a space at the end"
LIBRARIES = ()
COST = 4.0

_ROWS = 8
"""Texts with the sign and the label, below which chance may do it."""
_RIGHT, _COVERED = 0.9, 0.6
"""Shares of the sign's texts that have the label, and of the label's texts that have the sign."""
_NATURAL = 0.9
"""Both shares, for what any writer may do."""
_ELSEWHERE = 0.1
"""How often other texts have the sign at most, as a share of how often the label's have it."""
_TOLD = 3


class Hint(NamedTuple):
    """A sign that gives a class away."""

    sign: Sign
    name: str
    rows: int
    """Texts with both."""
    total: int
    """Texts of the class."""
    others: int
    """Texts of other classes with the sign."""

    @property
    def covered(self) -> float:
        """Share of the class's texts that have the sign."""
        return self.rows / self.total


def look(examined: Examined) -> Iterator[Found]:
    """Labels, several labels, thumbs, and which of two answers was chosen."""
    items = seen(examined.train)
    hints = _best(_hints(items))
    groups: defaultdict[tuple[bool, str], list[Hint]] = defaultdict(list)
    for hint in hints:
        groups[hint.sign.natural, hint.sign.how].append(hint)
    for (natural, how), members in sorted(groups.items()):
        text = f"rows given away by {how}{drawn(examined.train)}: {_told(members)}"
        fix = "take it out, unless all texts to come will have it too: a model will learn this sign"
        severity = "warning"
        if natural:
            severity, fix = "info", "make sure that texts to come are written alike"
        yield Found("giveaway", text, _places(items, members), severity, fix)


def _hints(items: Sequence[Seen]) -> Iterator[Hint]:
    total: Counter[str] = Counter()
    shown: Counter[Sign] = Counter()
    both: Counter[tuple[Sign, str]] = Counter()
    for item in items:
        found = signs(item.text)
        total.update(item.classes)
        shown.update(found)
        both.update((sign, name) for sign in found for name in item.classes)
    for (sign, name), rows in both.items():
        if rows >= _ROWS and rows < len(items):
            hint = Hint(sign, name, rows, total[name], shown[sign] - rows)
            if _telling(hint, len(items) - total[name]):
                yield hint


def _telling(hint: Hint, other_texts: int) -> bool:
    right = hint.rows / (hint.rows + hint.others)
    wanted = (_NATURAL, _NATURAL) if hint.sign.natural else (_RIGHT, _COVERED)
    elsewhere = hint.others / max(1, other_texts)
    enough = right >= wanted[0] and hint.covered >= wanted[1]
    return enough and elsewhere <= _ELSEWHERE * hint.covered


def _best(hints: Iterator[Hint]) -> list[Hint]:
    """One for each class: the sign that covers most of it, the longest among equals."""
    best: dict[str, Hint] = {}
    for hint in hints:
        if hint.name not in best or _rank(hint) > _rank(best[hint.name]):
            best[hint.name] = hint
    return sorted(best.values(), key=lambda hint: (-hint.rows, hint.name))


def _rank(hint: Hint) -> tuple[bool, float, bool, int, str]:
    starts = hint.sign.how == "how they start"
    value = round(hint.covered - hint.others / hint.rows, 2)
    return not hint.sign.natural, value, starts, len(hint.sign.what), hint.sign.what


def _told(hints: Sequence[Hint]) -> str:
    parts = [
        f"{hint.name!r} by texts {hint.sign.what} ({hint.rows:,} of its {hint.total:,}, "
        f"{hint.others:,} others)"
        for hint in hints[:_TOLD]
    ]
    more = len(hints) - _TOLD
    return "; ".join(parts) + (f"; and {more:,} more" if more > 0 else "")


def _places(items: Sequence[Seen], hints: Sequence[Hint]) -> list[int]:
    wanted: Mapping[str, Sign] = {hint.name: hint.sign for hint in hints}
    names = wanted.keys()
    places = {
        item.place
        for item in items
        if not names.isdisjoint(item.classes)
        and any(wanted[name] in signs(item.text) for name in item.classes if name in names)
    }
    return sorted(places)
