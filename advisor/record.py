"""The decision record: what was decided, on which facts, by which rules, and until when it holds.

JSON for machines, with Markdown beside it for people. A record holds everything it was made from,
so it can be judged again later: with the same rules the same bytes come out, and with others the
record says which rule or fact moved the answer.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import Field, ValidationError

from advisor.advice import Advice, consider
from advisor.facts import Known, Situation
from advisor.outputs_advice import AdviseOutput, Output, advise
from rules.engine import Approach
from rules.errors import DataError
from runners.base import Frozen

SCHEMA = "whichtune.record/1"
SHELF_DAYS = {"A": 365, "B": 270, "C": 180, "D": 120}
"""How long a claim is trusted after its last check: what is measured well ages more slowly."""


class Expiry(Frozen):
    """When to decide again."""

    date: date
    because: str
    when: tuple[str, ...]
    """The changes of the case that would change the answer, the nearest first."""


class Record(Output):
    """One decision, complete."""

    schema_: Literal["whichtune.record/1"] = Field(
        default="whichtune.record/1", alias="schema", serialization_alias="schema"
    )
    whichtune: str
    """The version of the program."""
    made: date
    advice: AdviseOutput
    """Facts with origins, verdicts, flips and gates, as ``advise --json`` prints them."""
    rules: dict[str, str]
    """Every rule and its version, a hash of all it says."""
    efforts: dict[str, int]
    expiry: Expiry


def make(said: Advice, made: date) -> Record:
    """The record of a decision. Pure: the day is given."""
    from importlib.metadata import version  # slow, and only a record needs it

    rules = {rule.id: rule.version for approach in said.approaches for rule in approach.rules}
    return Record(
        whichtune=version("whichtune"),
        made=made,
        advice=advise(said),
        rules=dict(sorted(rules.items())),
        efforts={approach.name: approach.effort for approach in said.approaches},
        expiry=_expiry(said, made),
    )


def _expiry(said: Advice, made: date) -> Expiry:
    """The first day on which one of the rules behind the first two is too old to be trusted."""
    rules = {rule.id: rule for approach in said.approaches for rule in approach.rules}
    used = [
        rules[reason.rule]
        for item in said.recommendation.ranking[:2]
        for reason in item.verdict.reasons
    ]
    due = [(rule.checked + timedelta(days=SHELF_DAYS[rule.confidence]), rule) for rule in used]
    end, rule = min(due, key=lambda item: (item[0], item[1].id), default=(None, None))
    because = "half a year: no rule has spoken yet"
    if rule:
        because = f"{rule.id} was last checked on {rule.checked} (confidence {rule.confidence})"
    when = tuple(f"{flip.text}: {flip.top or 'nothing is left'}" for flip in said.around.flips[:5])
    return Expiry(date=end or made + timedelta(days=180), because=because, when=when)


def text(record: Record) -> str:
    """The record as JSON, byte for byte as it is saved."""
    return record.model_dump_json(indent=2) + "\n"


def save(record: Record, path: Path) -> tuple[Path, Path]:
    """Write the JSON, and the Markdown beside it."""
    beside = path.with_suffix(".md")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(record), "utf-8")
    beside.write_text(markdown(record), "utf-8")
    return path, beside


def read(path: Path) -> Record:
    """Open a record.

    Raises:
        DataError: No such file, no record, or one of another version.
    """
    where, fix = str(path), "make one with: whichtune advise facts.yaml --record FILE.json"
    try:
        values: Any = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError("no such record", where=where, fix=fix) from error
    except (ValueError, OSError) as error:
        raise DataError(f"not a record: {error}", where=where, fix=fix) from error
    mapping = cast("dict[str, Any]", values) if isinstance(values, dict) else {}
    schema = mapping.get("schema")
    if schema != SCHEMA:
        known = isinstance(schema, str) and schema.startswith("whichtune.record/")
        what = f"the record is {schema}, this version reads {SCHEMA}" if known else "not a record"
        again = (
            "decide again from the facts it holds: whichtune advise facts.yaml --record NEW.json"
        )
        raise DataError(what, where=where, fix=again if known else fix)
    try:
        return Record.model_validate(_unaliased(mapping))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"damaged record: {place}: {first['msg']}"
        raise DataError(what, where=where, fix="restore it, or make it again") from error


def _unaliased(values: Mapping[str, Any]) -> dict[str, Any]:
    """The schema's name is written as ``schema``; the model of the advice calls it ``schema_``."""
    advice: Any = values.get("advice")
    if isinstance(advice, dict):
        plain = cast("dict[str, Any]", advice)
        return {**values, "advice": {k: v for k, v in plain.items() if k != "schema"}}
    return dict(values)


def again(
    old: Record, approaches: Sequence[Approach], other: Mapping[str, Known] | None = None
) -> Record:
    """The same case judged by the rules as they are, with other facts where some are given."""
    situation = Situation(known={**old.advice.facts, **(other or {})})
    return make(consider(situation, approaches), old.made)


def markdown(record: Record) -> str:
    """The record for people."""
    from advisor import record_text

    return record_text.markdown(record)
