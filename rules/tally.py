"""The rules as numbers: which approach comes first, and what one changed fact does to that.

:func:`rules.engine.judge` says why; this says only how many points, but quickly. A question such as
"what if there were 40 labels?" is asked hundreds of times for one verdict, and of some 200 rules
only the few that look at the changed fact have to be decided again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from rules.condition import parse
from rules.engine import Approach
from rules.node import KINDS, Border, Row

_SIGN = {"speaks_for": 1, "speaks_against": -1, "rules_out": 0}


class Weighed(NamedTuple):
    """A rule, reduced to what it does to its approach."""

    approach: int
    points: int
    rules_out: bool
    holds: Any


@dataclass(frozen=True, slots=True)
class Standing:
    """How the approaches stand, in the order of the book."""

    gates: tuple[int, ...]
    """For each approach the number of rules that rule it out."""
    scores: tuple[int, ...]


class Book:
    """All rules of some approaches, indexed by the facts they look at."""

    def __init__(self, approaches: Sequence[Approach]) -> None:
        self.names = tuple(approach.name for approach in approaches)
        self.efforts = tuple(approach.effort for approach in approaches)
        self.rungs = tuple(approach.rung for approach in approaches)
        self.rules: list[Weighed] = []
        self.by_fact: dict[str, list[int]] = {name: [] for name in KINDS}
        borders: dict[str, dict[tuple[Any, ...], Border]] = {name: {} for name in KINDS}
        for place, approach in enumerate(approaches):
            for rule in approach.rules:
                condition = parse(rule.when, rule.id)
                for name in condition.names:
                    self.by_fact[name].append(len(self.rules))
                for border in condition.borders:
                    for name in border.names:
                        borders[name][border.key] = border
                points = _SIGN[rule.effect] * rule.weight
                out = rule.effect == "rules_out"
                self.rules.append(Weighed(place, points, out, condition.holds))
        self.borders = {name: tuple(found.values()) for name, found in borders.items()}
        """For each number, where a rule compares it with something."""

    def order(self, standing: Standing) -> list[int]:
        """The approaches, best first: not ruled out, then the score, then the lower rung."""
        gates, scores, rungs = standing.gates, standing.scores, self.rungs
        return sorted(
            range(len(rungs)), key=lambda place: (gates[place] > 0, -scores[place], rungs[place])
        )

    def first(self, standing: Standing) -> str | None:
        """The approach in first place, unless every one is ruled out."""
        open_ = [place for place, gates in enumerate(standing.gates) if not gates]
        if not open_:
            return None
        best = max(open_, key=lambda place: (standing.scores[place], -self.rungs[place]))
        return self.names[best]


class _Same:
    """Wraps a value so that a cache compares it by identity, which costs nothing."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # noqa: ANN401 - whatever is to be cached
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


def book(approaches: Sequence[Approach]) -> Book:
    """The book of these approaches, made once for each loaded set."""
    return _book(_Same(approaches))


@lru_cache(maxsize=4)
def _book(same: _Same) -> Book:
    return Book(same.value)


class Tally:
    """The answers of all rules to one row, from which a changed row is reached cheaply."""

    def __init__(self, of: Book, row: Row) -> None:
        self.book, self.row = of, dict(row)
        self.answers: list[bool | None] = [rule.holds(row) for rule in of.rules]
        gates, scores = [0] * len(of.names), [-effort for effort in of.efforts]
        for rule, answer in zip(of.rules, self.answers, strict=True):
            if answer:
                scores[rule.approach] += rule.points
                gates[rule.approach] += rule.rules_out
        self.standing = Standing(tuple(gates), tuple(scores))

    def after(self, changes: Mapping[str, Any]) -> Standing:
        """How the approaches stand when some facts are other ones."""
        book, row = self.book, {**self.row, **changes}
        gates, scores = list(self.standing.gates), list(self.standing.scores)
        for place in self._affected(changes):
            rule = book.rules[place]
            step = (rule.holds(row) is True) - (self.answers[place] is True)
            if step:
                scores[rule.approach] += step * rule.points
                gates[rule.approach] += step * rule.rules_out
        return Standing(tuple(gates), tuple(scores))

    def first(self, changes: Mapping[str, Any] | None = None) -> str | None:
        """The approach in first place, now or with some facts changed."""
        return self.book.first(self.after(changes) if changes else self.standing)

    def _affected(self, changes: Mapping[str, Any]) -> Sequence[int]:
        if len(changes) == 1:
            return self.book.by_fact[next(iter(changes))]
        found: set[int] = set()
        for name in changes:
            found.update(self.book.by_fact[name])
        return tuple(found)
