"""Reading the rules against each other: contradictions, rules without effect, and what is covered.

A rule that can never fire does not load, because every rule needs a case in which it does. What is
left to find here takes two rules at once: the same condition with opposite effects, and an argument
that is only ever made when the approach is ruled out anyway. Whether a condition can hold without
another is tried, not proved: on the cases, on the border values of both, and on ordinary values. A
finding therefore says "in none of the rows tried".
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice, product
from typing import Any

from rules.condition import Condition, parse
from rules.engine import Approach, Frozen, Rule, judge
from rules.node import KINDS, Row

_TRIES, _BUDGET = 2000, 3_000_000
_ORDINARY = (0, 1, 2, 7, 20, 60, 150, 600, 3000, 20_000, 10**6, 10**8, 10**10)
_SIZES = {"model_params_b": (0.3, 1, 8, 70), "gpu_memory_gb": (0, 8, 24, 80), "n_gpus": (0, 1, 8)}


class Finding(Frozen):
    """Something that two rules, or a rule and a case, disagree about."""

    kind: str
    """``contradiction``, ``no_effect`` or ``case``."""
    where: str
    rules: tuple[str, ...]
    text: str
    fix: str


class Review(Frozen):
    """What was found, and how far it was looked."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


class ApproachCoverage(Frozen):
    """What the rules say about one approach."""

    approach: str
    speaks_for: int
    speaks_against: int
    rules_out: int
    grades: dict[str, int]
    """Rules by confidence."""
    oldest: date
    """The day of the oldest check."""
    facts: tuple[str, ...]
    """What its rules look at."""


class Coverage(Frozen):
    """What the rules look at, and what they do not."""

    approaches: tuple[ApproachCoverage, ...]
    facts: dict[str, int]
    """For each fact the number of rules that look at it."""
    words: dict[str, tuple[str, ...]]
    """For each fact the values that no rule names."""


def check(approaches: Sequence[Approach]) -> Review:
    """Every contradiction, argument without effect, and case that does not hold."""
    findings: list[Finding] = []
    notes: list[str] = []
    budget = [_BUDGET]
    for approach in approaches:
        findings += [*_cases(approach), *_opposites(approach), *_without_effect(approach, budget)]
    if budget[0] <= 0:
        notes.append("there are too many rules to try every pair; the rest was not compared")
    return Review(findings=tuple(findings), notes=tuple(notes))


def _cases(approach: Approach) -> Iterator[Finding]:
    """Cases speak about the rules of their own file; what a folder added is not theirs."""
    files = [rule.file for rule in approach.rules if rule.file.startswith("rules/approaches/")]
    file = files[0] if files else approach.rules[0].file
    own = {rule.id for rule in approach.rules if rule.file == file}
    for number, case in enumerate(approach.cases, start=1):
        fired = {reason.rule for reason in judge(approach, case.facts).reasons} & own
        for rule in sorted(fired ^ (set(case.fires) & own)):
            how = "fires, which it does not say" if rule in fired else "does not fire"
            yield Finding(
                kind="case",
                where=file,
                rules=(rule,),
                text=f"case {number}: {rule} {how}",
                fix="change the case, or the condition of the rule",
            )


def _opposites(approach: Approach) -> Iterator[Finding]:
    seen: dict[tuple[Any, ...], Rule] = {}
    for rule in approach.rules:
        first = seen.setdefault(parse(rule.when, rule.where).key, rule)
        if first.effect != rule.effect:
            yield Finding(
                kind="contradiction",
                where=rule.where,
                rules=(first.id, rule.id),
                text=f"{rule.id} {_verb(rule)} {approach.name} exactly when {first.id} "
                f"({first.where}) {_verb(first)} it",
                fix="keep one of them, or tell their conditions apart",
            )


def _verb(rule: Rule) -> str:
    return {"rules_out": "rules out", "speaks_for": "speaks for"}.get(rule.effect, "speaks against")


def _without_effect(approach: Approach, budget: list[int]) -> Iterator[Finding]:
    gates = [(r, parse(r.when, r.where)) for r in approach.rules if r.effect == "rules_out"]
    for rule in approach.rules:
        if rule.effect == "rules_out" or budget[0] <= 0:
            continue
        condition = parse(rule.when, rule.where)
        near = [gate for gate in gates if gate[1].names & condition.names]
        blocking = _always_blocked(approach, rule, condition, near, budget)
        if blocking is not None:
            yield Finding(
                kind="no_effect",
                where=rule.where,
                rules=(rule.id, blocking.id),
                text=f"{rule.id} {_verb(rule)} {approach.name} only when {blocking.id} "
                f"({blocking.where}) rules it out, in all rows tried",
                fix="drop it, or narrow the condition of one of them",
            )


def _always_blocked(
    approach: Approach,
    rule: Rule,
    condition: Condition,
    gates: Sequence[tuple[Rule, Condition]],
    budget: list[int],
) -> Rule | None:
    """The rule that rules out in every row in which this one fires, if there is one each time."""
    blocking: Counter[str] = Counter()
    if not gates:
        return None
    for row in _rows(approach, rule, condition):
        budget[0] -= 1 + len(gates)
        if condition.holds(row) is not True:
            continue
        blocker = next((gate for gate, when in gates if when.holds(row) is True), None)
        if blocker is None or budget[0] <= 0:
            return None
        blocking[blocker.id] += 1
    if not blocking:
        return None
    most = blocking.most_common(1)[0][0]
    return next(gate for gate, _ in gates if gate.id == most)


def _rows(approach: Approach, rule: Rule, condition: Condition) -> Iterator[Row]:
    """Rows in which a condition may hold: its cases, cut to its own facts, then combinations."""
    blank: dict[str, Any] = dict.fromkeys(KINDS)
    for case in approach.cases:
        if rule.id in case.fires:
            yield blank | {name: getattr(case.facts, name) for name in condition.names}
    names = sorted(condition.names)
    for values in islice(product(*(_values(name, condition) for name in names)), _TRIES):
        yield blank | dict(zip(names, values, strict=True))


def _values(name: str, condition: Condition) -> Sequence[Any]:
    kind, options = KINDS[name]
    if kind == "truth":
        return (True, False)
    if kind == "choice":
        return options
    found: set[float] = set(_SIZES.get(name, _ORDINARY))
    for border in condition.borders:
        if len(border.names) == 1:
            one, two = border.gap({name: 1.0}), border.gap({name: 2.0})
            if one is not None and two is not None and one != two:
                at = 1 - one / (two - one)
                found |= {value for value in (at - 1, at, at + 1) if value >= 0}
    return sorted(found)


def coverage(approaches: Sequence[Approach]) -> Coverage:
    """What the rules look at, by approach and by fact, and which values none of them names."""
    facts: Counter[str] = Counter()
    words: dict[str, set[str]] = {name: set(options) for name, (_, options) in KINDS.items()}
    for approach in approaches:
        for rule in approach.rules:
            condition = parse(rule.when, rule.where)
            facts.update(condition.names)
            for name in condition.names:
                words[name] -= {word for word in words[name] if f'"{word}"' in rule.when}
    return Coverage(
        approaches=tuple(_covered(approach) for approach in approaches),
        facts={name: facts[name] for name in KINDS},
        words={name: tuple(sorted(left)) for name, left in words.items() if left},
    )


def _covered(approach: Approach) -> ApproachCoverage:
    effects = Counter(rule.effect for rule in approach.rules)
    names = {name for rule in approach.rules for name in parse(rule.when, rule.where).names}
    return ApproachCoverage(
        approach=approach.name,
        speaks_for=effects["speaks_for"],
        speaks_against=effects["speaks_against"],
        rules_out=effects["rules_out"],
        grades=dict(sorted(Counter(rule.confidence for rule in approach.rules).items())),
        oldest=min(rule.checked for rule in approach.rules),
        facts=tuple(sorted(names)),
    )
