"""Rows that repeat another one, and questions that are answered in more than one way.

Two texts are the same here when they are equal once case, spacing and letter variants are set
aside: rows that repeat in this sense inflate a score as much as exact copies do.
"""

from collections.abc import Iterator

from advisor.check import Found, Remedy
from advisor.examined import Examined, Side

SAYS = "rows that repeat another one, and texts with more than one answer"
LIBRARIES = ()
COST = 3.0
_LEFT_OUT = Remedy("left out: repeats an earlier row")


def look(examined: Examined) -> Iterator[Found]:
    """Repeats in any kind of rows; contradictions where one answer is right."""
    side = examined.train
    copies = sorted(side.repeated)
    if copies:
        literal = _literal(side)
        how = f"{literal:,} letter for letter, "
        how += f"{len(copies) - literal:,} but for case, spacing or letter variants"
        fix = "nothing to do: one of each is kept when the data is split"
        text = f"rows that repeat another one: {how}"
        yield Found("repeats", text, copies, fix=fix, remedy=_LEFT_OUT)
    yield from _contradictions(side)


def _literal(side: Side) -> int:
    """Rows that repeat an earlier one in every letter of question and answer."""
    alike = {place for group in side.same for place in group}
    rows = zip(side.questions(), side.answers(), strict=True)
    whole = {hash(row) for place, row in enumerate(rows) if place in alike}
    return len(alike) - len(whole)


def _contradictions(side: Side) -> Iterator[Found]:
    mixed = [g for g in side.same if sum(place not in side.repeated for place in g) > 1]
    if not mixed:
        return
    places = sorted(place for group in mixed for place in group)
    if side.labelled:
        text = f"rows whose text has more than one label: {len(mixed):,} such texts"
        fix = "decide on one label for each: no model can get them all right"
        yield Found("contradictions", text, places, fix=fix)
    else:
        text = f"rows whose question is answered in several ways: {len(mixed):,} such questions"
        fix = "nothing to do where several answers are right; they stay on one side of a split"
        yield Found("several_answers", text, places, "info", fix)
