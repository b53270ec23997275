"""Rows that repeat another one, and questions that are answered in more than one way.

Two texts are the same here when they are equal once case, spacing and letter variants are set
aside: rows that repeat in this sense inflate a score as much as exact copies do.
"""

from collections.abc import Iterator

from advisor.check import Found, Remedy
from advisor.data import answer, question
from advisor.examined import Examined, Side

SAYS = "rows that repeat another one, and texts with more than one answer"
LIBRARIES = ()
COST = 3.0
_LEFT_OUT = Remedy("left out: repeats an earlier row")


def look(examined: Examined) -> Iterator[Found]:
    """Repeats in any kind of rows; contradictions where one answer is right."""
    side = examined.train
    kept = set(side.firsts)
    copies = [place for group in side.same for place in group if place not in kept]
    if copies:
        literal = sum(_literal(side, group) for group in side.same)
        how = f"{literal:,} letter for letter, "
        how += f"{len(copies) - literal:,} but for case, spacing or letter variants"
        fix = "nothing to do: one of each is kept when the data is split"
        text = f"rows that repeat another one: {how}"
        yield Found("repeats", text, sorted(copies), fix=fix, remedy=_LEFT_OUT)
    yield from _contradictions(side, kept)


def _literal(side: Side, group: list[int]) -> int:
    rows = [side.table.rows[place] for place in group]
    return len(rows) - len({(question(row), answer(row)) for row in rows})


def _contradictions(side: Side, kept: set[int]) -> Iterator[Found]:
    mixed = [group for group in side.same if sum(place in kept for place in group) > 1]
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
