"""What ``advise --json``, ``ask --json`` and ``advise --batch`` print.

Apart from the other outputs, so that deciding imports nothing that only running needs.
"""

from typing import Literal

from pydantic import ConfigDict, Field

from advisor import base_models, memory_advice, staged
from advisor.advice import Advice
from advisor.base_models import BaseModelAdvice
from advisor.counterfactuals import Flip
from advisor.facts import Known
from advisor.gates import Experiment, Gate
from advisor.margin import Margin, MarginClass
from advisor.memory_advice import Held
from advisor.questions import BY_ID
from advisor.recommend import Ranked, Recommendation, RunnerUp, Status
from advisor.staged import Step
from rules.facts import Facts
from runners.base import Frozen


class Output(Frozen):
    """What one command prints; its first field says which form this is."""

    model_config = ConfigDict(serialize_by_alias=True)


class ReasonOutput(Frozen):
    """A rule that fired."""

    rule: str
    effect: str
    points: int
    text: str
    source: str
    where: str = ""
    """The file and line of the rule."""


class UndecidedOutput(Frozen):
    """A rule that waits for facts."""

    rule: str
    facts: tuple[str, ...]
    text: str


class RankedOutput(Frozen):
    """One approach with its place and its reasons."""

    place: int
    approach: str
    title: str
    status: Status
    score: int
    rung: int
    can_run: bool
    reasons: tuple[ReasonOutput, ...]
    undecided: tuple[UndecidedOutput, ...]
    memory: Held | None = None
    """What it takes of the card with a model that is named for the case."""


class OpenOutput(Frozen):
    """An unknown fact, and the question that would settle it."""

    fact: str
    question: str
    rules: tuple[str, ...]


class StabilityOutput(Frozen):
    """How many one-fact changes leave first place as it is."""

    same: int
    total: int


class NextOutput(Frozen):
    """The open question whose answer is most likely to change first place."""

    fact: str
    question: str
    worth: float
    between: tuple[str, ...]
    why_now: str


class AdviseOutput(Output):
    """``whichtune advise --json`` and ``whichtune ask --json``."""

    schema_: Literal["whichtune.advise/1"] = Field(
        default="whichtune.advise/1", serialization_alias="schema"
    )
    top: str | None
    margin: Margin
    runner_up: RunnerUp | None
    gates: tuple[Gate, ...]
    experiment: Experiment | None
    ranking: tuple[RankedOutput, ...]
    flips: tuple[Flip, ...]
    stability: StabilityOutput
    next_question: NextOutput | None
    steps: tuple[Step, ...]
    """The way to first place; ``FILE`` stands for the data."""
    base_model: BaseModelAdvice
    facts: dict[str, Known]
    open: tuple[OpenOutput, ...]


class BatchRanked(Frozen):
    """One approach in a line of a batch."""

    approach: str
    status: Status
    score: int
    ruled_out_by: str | None = None
    """The first rule that rules it out."""


class BatchOutput(Output):
    """One line of ``whichtune advise --batch``: an answer, or what is wrong with that line."""

    schema_: Literal["whichtune.batch/1"] = Field(
        default="whichtune.batch/1", serialization_alias="schema"
    )
    line: int
    id: str | None = None
    """The row's own id, where it has one."""
    top: str | None = None
    margin: MarginClass | None = None
    points: int | None = None
    runner_up: str | None = None
    gates: tuple[str, ...] = ()
    ranking: tuple[BatchRanked, ...] = ()
    error: dict[str, str] | None = None


def advise(advice: Advice) -> AdviseOutput:
    """The whole recommendation, with the origin of every fact."""
    found, around, ask = advice.recommendation, advice.around, advice.next
    return AdviseOutput(
        top=found.top,
        margin=found.margin,
        runner_up=found.runner_up,
        gates=found.gates,
        experiment=found.experiment,
        ranking=tuple(_ranked(item, advice.situation.facts) for item in found.ranking),
        flips=around.flips,
        stability=StabilityOutput(same=around.same, total=around.total),
        next_question=NextOutput(
            fact=ask.question.id,
            question=ask.question.text,
            worth=ask.worth,
            between=ask.between,
            why_now=ask.why_now,
        )
        if ask
        else None,
        steps=staged.plan(advice.situation.facts, found.top),
        base_model=base_models.advise(advice.situation.facts),
        facts=advice.situation.known,
        open=tuple(
            OpenOutput(
                fact=item.fact,
                question=BY_ID[item.fact].text if item.fact in BY_ID else "",
                rules=item.rules,
            )
            for item in found.open_facts
        ),
    )


def _ranked(item: Ranked, facts: Facts) -> RankedOutput:
    plain = item.model_dump(exclude={"verdict"})
    reasons = tuple(ReasonOutput(**reason.model_dump()) for reason in item.verdict.reasons)
    undecided = tuple(UndecidedOutput(**rule.model_dump()) for rule in item.verdict.undecided)
    memory = memory_advice.held(facts, item.approach)
    return RankedOutput(**plain, reasons=reasons, undecided=undecided, memory=memory)


def batch_line(line: int, id_: str | None, found: Recommendation) -> BatchOutput:
    """A recommendation in one line."""
    return BatchOutput(
        line=line,
        id=id_,
        top=found.top,
        margin=found.margin.verdict,
        points=found.margin.points,
        runner_up=found.runner_up.approach if found.runner_up else None,
        gates=tuple(gate.id for gate in found.gates),
        ranking=tuple(
            BatchRanked(
                approach=item.approach,
                status=item.status,
                score=item.score,
                ruled_out_by=next(
                    (r.rule for r in item.verdict.reasons if r.effect == "rules_out"), None
                ),
            )
            for item in found.ranking
        ),
    )
