"""The form an answer must have: a JSON schema, or a regular expression for the whole of it."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from rules.errors import SettingError


def checker(answer_format: str) -> Callable[[str], bool]:
    """Whether an answer has the form.

    Raises:
        SettingError: The form itself is neither a JSON schema nor a regular expression.
    """
    text = answer_format.strip()
    return _by_schema(text) if text.startswith("{") and text.endswith("}") else _by_pattern(text)


def _by_pattern(text: str) -> Callable[[str], bool]:
    try:
        pattern = re.compile(text, re.DOTALL)
    except re.error as error:
        fix = "quote what stands for itself with a backslash, or give a JSON schema in braces"
        what = f"{text!r} is not a regular expression: {error}"
        raise SettingError(what, where="--answer-format", fix=fix) from error
    return lambda answer: pattern.fullmatch(answer.strip()) is not None


def _by_schema(text: str) -> Callable[[str], bool]:
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    try:
        schema: Any = json.loads(text)
        kind: Any = validator_for(schema)
        kind.check_schema(schema)
    except (ValueError, SchemaError) as error:
        reason = str(getattr(error, "message", error)).splitlines()[0]
        fix = 'write a schema such as {"type": "object", "required": ["name"]}'
        what = f"this is not a JSON schema: {reason}"
        raise SettingError(what, where="--answer-format", fix=fix) from error
    validator: Any = kind(schema)

    def valid(answer: str) -> bool:
        try:
            return bool(validator.is_valid(json.loads(answer)))
        except ValueError:
            return False

    return valid


def one_of(choices: Sequence[str]) -> dict[str, Any]:
    """What OpenAI's protocol calls the form of an answer that is one of some labels."""
    schema = {
        "type": "object",
        "properties": {"label": {"type": "string", "enum": list(choices)}},
        "required": ["label"],
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "label", "strict": True, "schema": schema},
    }
