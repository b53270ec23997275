"""What would change the answer: every one-fact change, judged again.

For each fact, known or open, the values on both sides of every threshold that some rule sets, and
every other word it could be (:mod:`rules.neighbours` derives them from the rules). The nearest
changes that put another approach first are the *flips*; the share of changes that leave first place
as it is, is the *stability*.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import log2
from typing import Any

from advisor import phrases, plausible, questions
from rules import engine, neighbours
from rules.engine import Approach
from rules.facts import Facts
from rules.node import KINDS, Row
from rules.tally import Book, Standing, Tally, book
from runners.base import Frozen

_STEPS = ("static", "monthly", "weekly", "daily", "realtime")
_ANOTHER_CASE = ("task", "goal", "data_kind")


class Flip(Frozen):
    """One change of one fact that puts another approach first."""

    fact: str
    before: Any
    """``None`` where the fact is not known."""
    after: Any
    also: dict[str, Any]
    """What follows from it: with a first GPU comes its number."""
    top: str | None
    """The approach that would be first; ``None`` where every one would be ruled out."""
    distance: float
    """How small or likely the change is: doublings of a count, or bits of surprise."""
    text: str
    """The change in words."""


class Neighbourhood(Frozen):
    """All one-fact changes of a row, and what they do."""

    top: str | None
    same: int
    """How many of them leave first place as it is."""
    total: int
    flips: tuple[Flip, ...]
    """The nearest first; of several that lead to one approach by one fact, the nearest."""


def look_around(facts: Facts, approaches: Sequence[Approach] | None = None) -> Neighbourhood:
    """Judge every one-fact change. Pure, like the recommendation itself."""
    rules = book(approaches or engine.load())
    row = vars(facts)
    tally = Tally(rules, row)
    top = tally.first()
    same = total = 0
    found: dict[tuple[str, str | None], Flip] = {}
    open_ = {question.id for question in questions.asked(facts)}
    for fact in KINDS:
        if row[fact] is None and fact not in open_:
            continue
        for changes, first in _tried(rules, tally, fact):
            total += 1
            same += first == top
            if first == top:
                continue
            flip = _flip(fact, changes, first, row)
            near = found.get((fact, first))
            if near is None or flip.distance < near.distance:
                found[fact, first] = flip
    flips = sorted(found.values(), key=lambda flip: flip.distance)
    return Neighbourhood(top=top, same=same, total=total, flips=tuple(flips))


def flips_to(approach: str, around: Neighbourhood) -> tuple[Flip, ...]:
    """The changes that would put this approach first."""
    return tuple(flip for flip in around.flips if flip.top == approach)


def _tried(rules: Book, tally: Tally, fact: str) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Each change of a fact with who is first then; of numbers that no rule tells apart, one."""
    row = tally.row
    now, found = row[fact], neighbours.values(rules, fact, row)
    number = KINDS[fact][0] == "number"
    likely: Mapping[Any, float] = {}
    sides: list[list[Any]] = [list(found)]
    if number and now is not None:  # from here outwards, so that the nearest of its kind is kept
        sides = [[v for v in found if v > now], [v for v in found if v < now][::-1]]
    elif number:
        likely = plausible.shares(fact, row)
        sides = [sorted({*found, *likely})]
    for side in sides:
        alike: dict[Standing | int, dict[str, Any]] = {}
        for place, value in enumerate(side):
            changes = neighbours.changed(row, fact, value)
            if changes is not None:
                standing = tally.after(changes)
                key = standing if number else place
                if key not in alike or likely.get(value, 0) > likely.get(alike[key][fact], 0):
                    alike[key] = changes
        for changes in alike.values():
            yield changes, tally.first(changes)


def _flip(fact: str, changes: dict[str, Any], top: str | None, row: Row) -> Flip:
    after = changes[fact]
    return Flip(
        fact=fact,
        before=row[fact],
        after=after,
        also={
            name: value for name, value in changes.items() if name != fact and row[name] != value
        },
        top=top,
        distance=round(_distance(fact, after, row), 3),
        text=phrases.change(fact, after, row),
    )


def _distance(fact: str, after: Any, row: Row) -> float:  # noqa: ANN401 - the fact's own type
    """Doublings of a count, steps of a scale; for an open fact, bits of surprise at the answer."""
    before = row[fact]
    if before is None:
        return -log2(plausible.share_of(fact, after, row))
    if fact == "freshness":
        return 1.5 * abs(_STEPS.index(before) - _STEPS.index(after))
    if KINDS[fact][0] == "number":
        return abs(log2((after + 1.0) / (before + 1.0)))
    return 8.0 if fact in _ANOTHER_CASE else 3.0
