"""A text and any number of labels: a list, or one cell with a separator."""

import json
from collections.abc import Sequence
from functools import partial
from typing import cast

from advisor.columns import INPUT_NAMES
from advisor.records import json_kind
from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, Unusable, is_blank, text

SAYS = "texts with any number of labels each"
ROLES = {"input": "the text", "labels": "its labels: a JSON list, or one cell with | or ; between"}
GENERAL = False
_NAMES = ("labels", "label", "tags", "topics", "categories", "genres", "intents", "emotions")
_SEPARATORS = "|;,"


def match(sample: Sample) -> Match | None:
    """By a column of lists, or of cells whose parts come again elsewhere."""
    said = sample.role("input", INPUT_NAMES)
    labels = sample.role("labels", [name for name in _NAMES if name != said])
    if said is None or labels is None:
        return None
    if sample.share(labels, _is_list) > 0.9:
        roles = {"input": said, "labels": labels}
        return Match(roles, "sure", f"`{labels}` holds lists of labels")
    for separator in _SEPARATORS:
        if _separates(sample, labels, separator):
            why = f"the parts of `{labels}` between {separator!r} come again in other rows"
            return Match({"input": said, "labels": labels}, "likely", why)
    return None


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """No label at all is an answer, and is remarked."""
    said = text(cells, roles["input"], "text")
    value = cells.get(roles["labels"])
    parts = cast("list[object]", value) if isinstance(value, list) else _split(value)
    wrong = next((part for part in parts if not isinstance(part, str | int)), None)
    if wrong is not None:
        raise Unusable(f"one of the labels is {json_kind(wrong)}")
    labels = tuple(dict.fromkeys(str(part).strip() for part in parts if not is_blank(part)))
    return [Draft(input=said, labels=labels, remark="" if labels else "no label at all")]


def _is_list(value: object) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and value.strip()[:1] == "[")


def _split(value: object) -> Sequence[object]:
    if is_blank(value):
        return ()
    cell = str(value).strip()
    if cell[:1] == "[" and cell[-1:] == "]":
        try:
            return cast("list[object]", json.loads(cell))
        except ValueError:  # as Python or NumPy print lists
            pass
        return [part.strip(" '\"") for part in cell[1:-1].split(",")]
    separator = next((s for s in _SEPARATORS if s in cell), None)
    return cell.split(separator) if separator else [cell]


def _separates(sample: Sample, column: str, separator: str) -> bool:
    """Many cells are parted, and the parts are few and short: a comma in prose does neither."""
    if sample.share(column, partial(_holds, separator)) < 0.1:
        return False
    cells = [str(value) for value in sample.values[column] if not is_blank(value)]
    parts = [part.strip() for cell in cells for part in cell.split(separator)]
    return len(set(parts)) <= len(parts) // 3 and max(map(len, parts)) <= 40


def _holds(separator: str, value: object) -> bool:
    return separator in str(value)
