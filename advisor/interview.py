"""The question that pays most, and when to stop asking.

The cases that are still possible are drawn from :mod:`advisor.plausible`: a handful of complete
ones, always the same. In each, one fact after the other is changed to its other plausible answers.
What a question is worth is the share of these changes that put another approach first, so a
question that no answer makes matter is worth nothing, whatever else is open. When no question is
worth asking, the interview ends.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from advisor import plausible, questions
from advisor.questions import Question
from rules import engine
from rules.engine import Approach
from rules.facts import Facts
from rules.sentence import shown
from rules.tally import Book, Tally, book
from runners.base import Frozen

LIMIT = 14
"""More questions than these nobody answers with care."""
DRAWS = 12
_DECIDING = ("task", "data_kind")
"""Facts from which the likely values of others follow."""
WORTH = 0.05
"""A question that would change first place in fewer than 1 of 20 plausible cases is not asked."""


class Ask(Frozen):
    """A question worth asking now."""

    question: Question
    worth: float
    """How likely its answer is to change first place, over all plausible cases."""
    between: tuple[str, ...]
    """The approaches it decides between."""
    why_now: str


@dataclass(frozen=True)
class _Case:
    """What is known, and complete cases that agree with it."""

    row: dict[str, Any]
    asked: Collection[str]
    now: Tally
    drawn: tuple[Tally, ...]


@dataclass(frozen=True)
class _Weighed:
    fact: str
    worth: float
    outcomes: Mapping[Any, Mapping[str, float]]
    """For each answer, who would be first and how often."""


def next_question(
    facts: Facts, asked: Collection[str] = (), approaches: Sequence[Approach] | None = None
) -> Ask | None:
    """The open question worth most, or nothing when no answer could change first place.

    ``asked`` holds what was asked already, "I don't know" included: that stays unknown for good.
    """
    if len(asked) >= LIMIT:
        return None
    found = worth_asking(facts, asked, approaches)
    return found[0] if found else None


def worth_asking(
    facts: Facts, asked: Collection[str] = (), approaches: Sequence[Approach] | None = None
) -> tuple[Ask, ...]:
    """Every open question that could change first place, the most telling one first."""
    rules = book(approaches or engine.load())
    row = dict(vars(facts))
    open_ = [
        question.id
        for question in questions.asked(facts)
        if row[question.id] is None and question.id not in asked
    ]
    drawn = tuple(Tally(rules, _case(row, asked, draw)) for draw in range(DRAWS))
    case = _Case(row, asked, Tally(rules, row), drawn)
    weighed = [item for fact in open_ if (item := _weigh(fact, case)).worth >= WORTH]
    weighed.sort(key=lambda item: -item.worth)
    return tuple(_ask(item, rules) for item in weighed)


def _weigh(fact: str, case: _Case) -> _Weighed:
    """The mean over the cases, and what the ranking as it stands would do, whichever is more."""
    moved, outcomes = 0.0, dict[Any, dict[str, float]]()
    for draw, drawn in enumerate(case.drawn):
        if questions.applies(fact, drawn.row):
            moved += _moved(fact, case, drawn, draw, outcomes) / len(case.drawn)
    at_once = _moved(fact, case, case.now, None, outcomes)
    return _Weighed(fact, round(max(moved, at_once), 4), outcomes)


def _moved(
    fact: str,
    case: _Case,
    at: Tally,
    draw: int | None,
    outcomes: dict[Any, dict[str, float]],
) -> float:
    """The share of the plausible answers that put another approach first in this case."""
    first, moved = at.first(), 0.0
    for value, share in plausible.shares(fact, at.row).items():
        changes = {fact: value}
        if fact in _DECIDING and draw is not None:  # what else is likely follows from it
            other_case = _case({**case.row, fact: value}, case.asked, draw)
            changes = {name: new for name, new in other_case.items() if new != at.row[name]}
        other = first if at.row.get(fact) == value else at.first(changes)
        counts = outcomes.setdefault(value, {})
        name = other or "nothing"
        counts[name] = counts.get(name, 0.0) + share
        moved += share * (other != first)
    return moved


def _case(row: dict[str, Any], asked: Collection[str], draw: int) -> dict[str, Any]:
    """A complete case that agrees with what is known; what the user does not know stays so."""
    case = dict(row)
    for place, fact in enumerate(plausible.TABLE):
        if case[fact] is None and fact not in asked and questions.applies(fact, case):
            case[fact] = _drawn(plausible.shares(fact, case), _even(place, draw))
    return case


def _drawn(shares: Mapping[Any, float], point: float) -> Any:  # noqa: ANN401 - the fact's own type
    upto = 0.0
    for value, share in shares.items():
        upto += share
        if point < upto:
            return value
    return next(reversed(shares), None)


@cache
def _even(place: int, draw: int) -> float:
    """Evenly spread numbers in [0, 1), another row for each fact: multiples of an irrational."""
    return (draw + 0.5) * (2 + 3 * place) ** 0.5 % 1


def _ask(item: _Weighed, rules: Book) -> Ask:
    question = questions.BY_ID[item.fact]
    leading = {
        value: max(counts, key=lambda name: counts[name]) for value, counts in item.outcomes.items()
    }
    order = {name: place for place, name in enumerate(rules.names)}
    between = sorted(set(leading.values()), key=lambda name: order.get(name, -1))
    if len(between) < 2:
        every = {name for counts in item.outcomes.values() for name in counts}
        between = sorted(every, key=lambda name: order.get(name, -1))
    shares = f"it decides between {', '.join(between)}"
    if len(set(leading.values())) > 1:
        shares = _by_answer(question, leading)
    chance = f"changes first place in about {100 * item.worth:.0f} of 100 plausible cases"
    return Ask(
        question=question,
        worth=item.worth,
        between=tuple(between),
        why_now=f"{chance}: {shares}",
    )


def _by_answer(question: Question, leading: Mapping[Any, str]) -> str:
    """Who is first after which answer; the most frequent outcome last, as the rest."""
    by_name: dict[str, list[str]] = {}
    for value, name in leading.items():
        by_name.setdefault(name, []).append(_told(question, value))
    ordered = sorted(by_name.items(), key=lambda item: len(item[1]))
    told = [f"{name} if {' or '.join(values)}" for name, values in ordered]
    if len(ordered[-1][1]) > 2:
        told[-1] = f"else {ordered[-1][0]}"
    return ", ".join(told)


def _told(question: Question, value: Any) -> str:  # noqa: ANN401 - the fact's own type
    if question.kind == "number":
        return f"{shown(value)} {question.unit}" if len(question.unit) < 8 else shown(value)
    return shown(value)
