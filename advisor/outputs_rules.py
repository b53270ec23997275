"""What ``whichtune rules … --json`` prints."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from advisor.outputs_advice import Output
from rules.engine import Approach, Rule
from rules.review import Coverage, Review
from runners.base import Frozen


class RuleLine(Frozen):
    """One rule, in full."""

    approach: str
    id: str
    when: str
    effect: str
    weight: int
    because: str
    source: str
    checked: str
    confidence: str
    where: str
    version: str

    @classmethod
    def of(cls, approach: Approach, rule: Rule) -> "RuleLine":
        """A rule of an approach."""
        plain = rule.model_dump(mode="json", exclude={"line", "file"})
        return cls(approach=approach.name, where=rule.where, version=rule.version, **plain)


class RuleOutput(Output):
    """``whichtune rules explain --json``."""

    schema_: Literal["whichtune.rule/1"] = Field(
        default="whichtune.rule/1", serialization_alias="schema"
    )
    rule: RuleLine
    cases: tuple[dict[str, object], ...]
    """The facts of the cases in which it fires."""

    @classmethod
    def of(cls, approach: Approach, rule: Rule) -> "RuleOutput":
        """A rule with its cases."""
        cases = tuple(
            case.facts.model_dump(exclude_none=True)
            for case in approach.cases
            if rule.id in case.fires
        )
        return cls(rule=RuleLine.of(approach, rule), cases=cases)


class RulesOutput(Output):
    """``whichtune rules list --json``."""

    schema_: Literal["whichtune.rules/1"] = Field(
        default="whichtune.rules/1", serialization_alias="schema"
    )
    rules: tuple[RuleLine, ...]

    @classmethod
    def of(cls, approaches: Sequence[Approach]) -> "RulesOutput":
        """Every rule of these approaches."""
        lines = [RuleLine.of(item, rule) for item in approaches for rule in item.rules]
        return cls(rules=tuple(lines))


class ReviewOutput(Output):
    """``whichtune rules check --json``."""

    schema_: Literal["whichtune.review/1"] = Field(
        default="whichtune.review/1", serialization_alias="schema"
    )
    review: Review


class CoverageOutput(Output):
    """``whichtune rules coverage --json``."""

    schema_: Literal["whichtune.coverage/1"] = Field(
        default="whichtune.coverage/1", serialization_alias="schema"
    )
    coverage: Coverage
