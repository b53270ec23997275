"""Everything the advisor has to say to one case, put together once for every way of showing it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from advisor.counterfactuals import Neighbourhood, look_around
from advisor.facts import Situation
from advisor.interview import Ask, next_question
from advisor.recommend import Recommendation, recommend
from rules import engine
from rules.engine import Approach


@dataclass(frozen=True)
class Advice:
    """A ranking, what would change it, and what to ask next."""

    situation: Situation
    recommendation: Recommendation
    around: Neighbourhood
    next: Ask | None
    approaches: Sequence[Approach]


def consider(
    situation: Situation,
    approaches: Sequence[Approach] | None = None,
    asked: Collection[str] = (),
) -> Advice:
    """Judge a case. Pure: the same facts and rules always give the same advice."""
    rules = approaches or engine.load()
    facts = situation.facts
    return Advice(
        situation=situation,
        recommendation=recommend(facts, rules),
        around=look_around(facts, rules),
        next=next_question(facts, asked, rules),
        approaches=rules,
    )
