"""What is asked and what should be said: rows with the same question are one, with many answers.

E2E NLG has seven sentences for one meaning, and each of them would have been right. Such rows are
asked once, and the answer is held against all of them.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from runners.base import Row


class Asked(NamedTuple):
    """One question."""

    row: Row
    """The first row that asks it, without the answer where that is a turn of its own."""
    places: tuple[int, ...]
    """Of all rows that ask it."""
    references: tuple[str, ...]
    """What would have been right, without repeats and without space around; none for a text."""


def is_text_alone(row: Row) -> bool:
    """Whether the row is prose to go on with, and asks nothing."""
    return not row.messages and not row.target and not row.labels


def reference(row: Row) -> str:
    """What should be said: the target, or the last turn of the assistant."""
    if row.target or not row.messages:
        return row.target or ", ".join(row.labels)
    said = [turn["content"] for turn in row.messages if turn["role"] == "assistant"]
    return said[-1] if said else ""


def question(row: Row) -> Row:
    """The row up to where the answer begins."""
    if row.target or not row.messages:
        return row.model_copy(update={"target": "", "labels": ()})
    last = max(
        (n for n, turn in enumerate(row.messages) if turn["role"] == "assistant"),
        default=len(row.messages),
    )
    return row.model_copy(update={"messages": row.messages[:last]})


def asked(rows: Sequence[Row]) -> list[Asked]:
    """Every question once, in the order of the rows."""
    places: dict[object, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(_key(row, place), []).append(place)
    return [_asked(rows, found) for found in places.values()]


def known_by(row: Row) -> str:
    """Sixteen hexadecimal digits over what is asked: the same question has the same ones."""
    bare = question(row)
    turns = [[turn["role"], turn["content"].strip()] for turn in bare.messages]
    text = json.dumps([bare.input.strip(), turns])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _key(row: Row, place: int) -> object:
    if is_text_alone(row):
        return place
    bare = question(row)
    turns = tuple((turn["role"], turn["content"]) for turn in bare.messages)
    return bare.input, turns, bare.user  # what may be said can differ with who asks


def _asked(rows: Sequence[Row], places: Sequence[int]) -> Asked:
    first = rows[places[0]]
    said = dict.fromkeys(reference(rows[place]).strip() for place in places)
    references = () if is_text_alone(first) else tuple(said)
    return Asked(question(first), tuple(places), references)
