"""What is different between two decision records, and what of it changed the answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from advisor import phrases
from advisor.advice import consider
from advisor.facts import Known, Situation
from advisor.outputs_advice import Output
from advisor.record import Record
from rules.engine import Approach


class Difference(Output):
    """What is different between two records, and what of it changed the answer."""

    schema_: Literal["whichtune.difference/1"] = Field(
        default="whichtune.difference/1", serialization_alias="schema"
    )
    before: str | None
    after: str | None
    facts: tuple[str, ...]
    rules: tuple[str, ...]
    moved: tuple[str, ...]
    """The facts and rules that changed first place, each alone; empty where it is the same."""


def difference(old: Record, new: Record, approaches: Sequence[Approach]) -> Difference:
    """Which facts and rules differ, and which of them changed the answer.

    A fact did, if giving the new case its old value brings the old answer back. A rule did, if
    giving it back the points it gave in the old record does.
    """
    facts = _facts(old, new)
    rules = _rules(old, new)
    moved: list[str] = []
    if old.advice.top != new.advice.top:
        moved = [f for f in facts if _brings_back(f, old, new, approaches)]
        moved += _rules_that_moved(old, new)
        moved = moved or ["no single one: several together"]
    told = tuple(_fact_told(fact, old, new) for fact in facts)
    return Difference(
        before=old.advice.top, after=new.advice.top, facts=told, rules=rules, moved=tuple(moved)
    )


def _facts(old: Record, new: Record) -> list[str]:
    one, two = old.advice.facts, new.advice.facts
    return [n for n in {**one, **two} if _value(one, n) != _value(two, n)]


def _value(facts: Mapping[str, Known], name: str) -> Any:  # noqa: ANN401 - the fact's own type
    return facts[name].value if name in facts else None


def _fact_told(name: str, old: Record, new: Record) -> str:
    before, after = (_value(record.advice.facts, name) for record in (old, new))
    return f"{name}: {phrases.told(name, before)} -> {phrases.told(name, after)}"


def _rules(old: Record, new: Record) -> tuple[str, ...]:
    names = sorted({**old.rules, **new.rules})
    told: list[str] = []
    for name in names:
        before, after = old.rules.get(name), new.rules.get(name)
        if before != after:
            how = "added" if before is None else "removed" if after is None else "changed"
            told.append(f"{name}: {how}")
    efforts = {**old.efforts, **new.efforts}
    told += [
        f"effort of {name}: {old.efforts.get(name)} -> {new.efforts.get(name)}"
        for name in sorted(efforts)
        if old.efforts.get(name) != new.efforts.get(name)
    ]
    return tuple(told)


def _brings_back(fact: str, old: Record, new: Record, approaches: Sequence[Approach]) -> bool:
    known = {name: item for name, item in new.advice.facts.items() if name != fact}
    if fact in old.advice.facts:
        known[fact] = old.advice.facts[fact]
    return consider(Situation(known=known), approaches).recommendation.top == old.advice.top


_Points = dict[str, dict[str, tuple[int, bool]]]


def _points(record: Record) -> _Points:
    """By approach and rule: points, and whether it rules out."""
    return {
        item.approach: {r.rule: (r.points, r.effect == "rules_out") for r in item.reasons}
        for item in record.advice.ranking
    }


def _rules_that_moved(old: Record, new: Record) -> Iterator[str]:
    """Rules that say something else now, and whose old points would bring the old answer back."""
    before, after = _points(old), _points(new)
    for approach in {**before, **after}:
        one, two = before.get(approach, {}), after.get(approach, {})
        for rule in sorted({**one, **two}):
            if one.get(rule) == two.get(rule) or old.rules.get(rule) == new.rules.get(rule):
                continue
            points = {name: two[name] for name in two if name != rule}
            points |= {rule: one[rule]} if rule in one else {}
            reverted = {**after, approach: points}
            if _first(reverted, new) == old.advice.top:
                yield rule
    yield from _approaches_that_moved(old, new, before, after)


def _approaches_that_moved(
    old: Record, new: Record, before: _Points, after: _Points
) -> Iterator[str]:
    """An approach that was added or removed, or whose effort is another one."""
    for name in sorted({**old.efforts, **new.efforts}):
        if name not in before or name not in after:
            if name in (old.advice.top, new.advice.top):
                yield f"approach {name}"
        elif old.efforts.get(name) != new.efforts.get(name):
            efforts = {**new.efforts, name: old.efforts.get(name, 0)}
            if _first(after, new.model_copy(update={"efforts": efforts})) == old.advice.top:
                yield f"effort of {name}"


def _first(points: _Points, record: Record) -> str | None:
    rungs = {item.approach: item.rung for item in record.advice.ranking}
    standing = [
        (
            -sum(value for value, _ in rules.values()) + record.efforts.get(approach, 0),
            rungs.get(approach, 99),
            approach,
        )
        for approach, rules in points.items()
        if approach in rungs and not any(out for _, out in rules.values())
    ]
    return min(standing)[2] if standing else None
