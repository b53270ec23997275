"""The knobs a user typed, checked against those an approach has."""

from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError

from rules.errors import SettingError
from rules.facts import Task
from runners._cards import Frozen

SettingsType = TypeVar("SettingsType", bound=Frozen)


_OF_TEXTS = "Of texts"
"""How the description of a setting begins that has no effect where the answer is a label."""


def settings_of(
    kind: type[SettingsType], given: dict[str, Any], approach: str, task: Task | None = None
) -> SettingsType:
    """Check the knobs a user typed against those an approach has, and has for this task.

    Raises:
        SettingError: An unknown knob, one that the task does not use, or a value out of range.
    """
    try:
        found = kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        knob = ".".join(str(part) for part in first["loc"])
        known = ", ".join(kind.model_fields) or "none"
        if first["type"] == "extra_forbidden":
            near = get_close_matches(knob, kind.model_fields, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            what, fix = f"unknown setting {knob!r}", f"{hint}{approach} has: {known}"
        else:
            what = f"setting {knob}={first['input']!r}: {first['msg']}"
            fix = f"see the settings of {approach}: whichtune plan --approach {approach} --settings"
        raise SettingError(what, where="--setting", fix=fix) from error
    if task == "classification":
        _refuse_of_texts(kind, given, approach)
    return found


def _refuse_of_texts(kind: type[Frozen], given: dict[str, Any], approach: str) -> None:
    """A setting that would be read by nobody is a mistake, not a wish."""
    fields = kind.model_fields
    idle = {
        name for name, field in fields.items() if (field.description or "").startswith(_OF_TEXTS)
    }
    if wrong := [name for name in given if name in idle]:
        left = ", ".join(name for name in fields if name not in idle) or "none"
        what = f"setting {wrong[0]!r} is of texts alone, and the answers here are labels"
        fix = f"leave it out; {approach} has for labels: {left}"
        raise SettingError(what, where="--setting", fix=fix)
