"""Conversations as every source writes them, as turns of ``role`` and ``content``.

OpenAI writes ``role`` and ``content``, ShareGPT ``from`` and ``value``, HH-RLHF one text with
``Human:`` and ``Assistant:`` before each turn.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import cast

from advisor import source as sources
from advisor.records import json_kind
from advisor.schema import Unusable

Turn = dict[str, str]
Turns = tuple[Turn, ...]

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function_call": "assistant",
}
_SPOKEN = re.compile(r"(?:\A|\n\n)(Human|Assistant):[ \n]?")


def are_turns(value: object) -> bool:
    """Whether a value looks like a conversation: a list of objects with a role and a text."""
    items = cast("Sequence[object]", value) if isinstance(value, list) else ()
    return bool(items) and all(is_turn(item) for item in items)


def is_turn(value: object) -> bool:
    """Whether a value looks like one turn."""
    return isinstance(value, dict) and ({"role", "content"} <= value.keys() or "from" in value)


def turns(value: object, what: str) -> Turns:
    """The turns of a conversation, or of one turn alone.

    Raises:
        Unusable: It is no conversation, and where it stops being one.
    """
    listed: object = [cast("object", value)] if isinstance(value, dict) else value
    if not isinstance(listed, list):
        raise Unusable(f"the {what} is {json_kind(listed)}, not a list of turns")
    items = cast("list[object]", listed)
    if not items:
        raise Unusable(f"the {what} is empty")
    return tuple(_turn(item, f"turn {n} of the {what}") for n, item in enumerate(items, 1))


def _turn(item: object, place: str) -> Turn:
    if not isinstance(item, dict):
        raise Unusable(f"{place} is {json_kind(item)}, not an object")
    cells = cast("Mapping[str, object]", item)
    told = cells.get("role", cells.get("from"))
    role = _ROLES.get(str(told).strip().lower())
    if role is None:
        raise Unusable(f"{place} has the role {told!r}: none of system, user, assistant, tool")
    return {"role": role, "content": _content(cells, place)}


def _content(cells: Mapping[str, object], place: str) -> str:
    value = cells.get("content", cells.get("value"))
    if isinstance(value, list):
        parts = cast("list[object]", value)
        texts = [cast("Mapping[str, object]", p).get("text") for p in parts if isinstance(p, dict)]
        if len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
            raise Unusable(f"{place} holds more than text")
        value = "".join(cast("list[str]", texts))
    if value is None:
        raise Unusable(f"{place} has no text")
    if not isinstance(value, str):
        raise Unusable(f"the text of {place} is {json_kind(value)}")
    return sources.sound(value)


def is_transcript(value: object) -> bool:
    r"""Whether a text is a dialogue with ``Human:`` and ``Assistant:`` before each turn."""
    if not isinstance(value, str):
        return False
    speakers = _SPOKEN.findall(value[:100_000])
    return _SPOKEN.match(value.lstrip()) is not None and set(speakers) == {"Human", "Assistant"}


def transcript(text: str) -> Turns:
    """The turns of such a dialogue."""
    parts = _SPOKEN.split(text.lstrip())
    return tuple(
        {"role": _ROLES[speaker.lower()], "content": said.strip()}
        for speaker, said in zip(parts[1::2], parts[2::2], strict=True)
    )


def shared(one: Turns, other: Turns) -> int:
    """How many turns both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def as_text(said: Turns) -> str:
    """Turns as one text; a single answer is the answer alone."""
    if len(said) == 1 and said[0]["role"] == "assistant":
        return said[0]["content"]
    return "\n\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in said)
