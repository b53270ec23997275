"""Rank every approach for one row of facts. Nothing is hidden, so all of it can be argued with.

Order: not ruled out first, then the score, then the cheaper rung. Beside the order stand how sure
it is, who came second and why, what has to be settled first, and in a toss-up what to measure.
"""

from collections.abc import Sequence
from typing import Literal

from advisor.gates import Experiment, Gate, experiment, gates
from advisor.margin import Margin, measure
from rules import engine, tally
from rules.engine import Approach, Reason, Verdict
from rules.facts import Facts, Task
from runners import base
from runners.base import Frozen

Status = Literal["recommended", "viable", "ruled_out"]
_ROWS: dict[Task | None, tuple[Task, ...]] = {
    "qa_documents": ("generation",),
    "style": ("generation", "instruction_following"),
    "domain_knowledge": ("generation",),
    "new_language": ("generation",),
}
"""What rows of a task look like, where not like the task itself: questions with their answers."""


class Ranked(Frozen):
    """One approach with its place and the reasons for it."""

    place: int
    approach: str
    title: str
    status: Status
    score: int
    rung: int
    can_run: bool
    """Whether this version has a runner for it; an approach without one is advice only."""
    verdict: Verdict


class OpenFact(Frozen):
    """An unknown fact, and how many rules wait for it."""

    fact: str
    rules: tuple[str, ...]
    top_rules: tuple[str, ...]
    """Those of approaches that are not ruled out."""


class RunnerUp(Frozen):
    """The approach in second place, and what kept it from the first."""

    approach: str
    title: str
    points_behind: int
    why: str
    rule: str | None
    """The rule that weighed most, unless effort alone decided."""


class Recommendation(Frozen):
    """Every approach, best first, those ruled out last."""

    facts: Facts
    ranking: tuple[Ranked, ...]
    open_facts: tuple[OpenFact, ...]
    """Most wanted first."""
    margin: Margin
    runner_up: RunnerUp | None
    gates: tuple[Gate, ...]
    """What comes before any choice; those that stop stand first."""
    experiment: Experiment | None
    """What to measure instead of believing a verdict; only in a toss-up."""

    @property
    def top(self) -> str | None:
        """The approach in first place, unless everything is ruled out."""
        first = self.ranking[0]
        return None if first.status == "ruled_out" else first.approach


def can_serve(approach: str, task: Task | None) -> bool:
    """Whether there is a runner for this approach that takes rows of this task."""
    return any(base.can_run(approach, rows) for rows in (task, *_ROWS.get(task, ())))


def recommend(facts: Facts, approaches: Sequence[Approach] | None = None) -> Recommendation:
    """Judge and sort. Pure: the same facts always give the same ranking."""
    approaches = approaches or engine.load()
    verdicts = [engine.judge(approach, facts) for approach in approaches]
    verdicts.sort(key=lambda verdict: (verdict.ruled_out, -verdict.score, verdict.rung))
    ranking = tuple(
        Ranked(
            place=place,
            approach=verdict.approach,
            title=verdict.title,
            status=_status(verdict, place),
            score=verdict.score,
            rung=verdict.rung,
            can_run=can_serve(verdict.approach, facts.task),
            verdict=verdict,
        )
        for place, verdict in enumerate(verdicts, start=1)
    )
    possible = [item for item in ranking if item.status != "ruled_out"]
    efforts = {approach.name: approach.effort for approach in approaches}
    second = _runner_up(possible, efforts)
    counted = tally.Tally(tally.book(approaches), vars(facts))
    margin = measure(counted, second.points_behind if second else None, facts)
    contenders = [item.approach for item in possible[:2]]
    unsure = margin.verdict == "toss-up" and contenders
    return Recommendation(
        facts=facts,
        ranking=ranking,
        open_facts=_open_facts(verdicts),
        margin=margin,
        runner_up=second,
        gates=gates(facts),
        experiment=experiment(facts, contenders, {item.approach for item in possible})
        if unsure
        else None,
    )


def _runner_up(possible: Sequence[Ranked], efforts: dict[str, int]) -> RunnerUp | None:
    if len(possible) < 2:
        return None
    first, second = possible[:2]
    behind = first.score - second.score
    against = _heaviest(second.verdict.reasons, -1)
    shared = {reason.text for reason in second.verdict.reasons}
    ahead = _heaviest([r for r in first.verdict.reasons if r.text not in shared], 1)
    effort = efforts[second.approach] - efforts[first.approach]
    told: Reason | None = None
    if behind == 0:
        why = f"As many points; {first.approach} is the cheaper one, so try it first."
    elif against and -against.points >= effort:
        told, why = against, against.text
    elif effort >= behind or ahead is None:
        why = f"It takes more to set up ({effort} points), and no argument makes up for that."
    else:
        told, why = ahead, f"{first.approach} has the stronger argument: {ahead.text}"
    return RunnerUp(
        approach=second.approach,
        title=second.title,
        points_behind=behind,
        why=why,
        rule=told.rule if told else None,
    )


def _heaviest(reasons: Sequence[Reason], sign: int) -> Reason | None:
    fitting = [reason for reason in reasons if reason.points * sign > 0]
    return max(fitting, key=lambda reason: reason.points * sign, default=None)


def _status(verdict: Verdict, place: int) -> Status:
    if verdict.ruled_out:
        return "ruled_out"
    return "recommended" if place == 1 else "viable"


def _open_facts(verdicts: Sequence[Verdict]) -> tuple[OpenFact, ...]:
    waiting: dict[str, list[str]] = {}
    top: dict[str, list[str]] = {}
    for verdict in verdicts:
        for rule in verdict.undecided:
            for fact in rule.facts:
                waiting.setdefault(fact, []).append(rule.rule)
                if not verdict.ruled_out:
                    top.setdefault(fact, []).append(rule.rule)
    found = [
        OpenFact(fact=fact, rules=tuple(rules), top_rules=tuple(top.get(fact, ())))
        for fact, rules in waiting.items()
    ]
    return tuple(
        sorted(found, key=lambda item: (-len(item.top_rules), -len(item.rules), item.fact))
    )
