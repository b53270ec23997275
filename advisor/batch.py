"""Many cases in one call: a JSON object of facts on each line in, a verdict on each line out.

A bad line is answered with what is wrong with it, and the others are judged all the same: of ten
thousand rows, one typo must not cost the rest.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from pydantic import ValidationError

from advisor import questions
from advisor.outputs_advice import BatchOutput, batch_line
from advisor.recommend import recommend
from rules.engine import Approach
from rules.errors import FactError
from rules.facts import Facts

_FIX = 'write one object of facts a line, such as {"task": "classification", "labels": 5}'


def judge(
    lines: Iterable[str], approaches: Sequence[Approach], where: str
) -> Iterator[BatchOutput]:
    """Judge line by line; empty lines are passed over.

    A row is an object of facts, or one that holds them under ``facts`` beside an ``id``.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            id_, facts = _row(line, f"{where}:{number}")
        except FactError as error:
            said = {"what": error.what, "where": error.where, "fix": error.fix}
            yield BatchOutput(line=number, error=said)
        else:
            yield batch_line(number, id_, recommend(facts, approaches))


def _row(line: str, where: str) -> tuple[str | None, Facts]:
    try:
        values: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FactError(f"not JSON: {error}", where=where, fix=_FIX) from error
    if not isinstance(values, dict):
        raise FactError("not an object", where=where, fix=_FIX)
    row = cast("dict[str, Any]", values)
    id_: Any = None
    if isinstance(row.get("facts"), dict):
        id_, row = row.get("id"), cast("dict[str, Any]", row["facts"])
    return (None if id_ is None else str(id_)), _facts(row, where)


def _facts(row: dict[str, Any], where: str) -> Facts:
    try:
        return Facts.model_validate(row)
    except ValidationError:  # slow but sure: each value as a person would have typed it
        known: dict[str, Any] = {}
        for fact, value in row.items():
            text = value if isinstance(value, str) else ""
            known[fact] = questions.parse(fact, text, where)
            if value is not None and not isinstance(value, str):
                known[fact] = questions.check(fact, value, where)
        return Facts(**known)
