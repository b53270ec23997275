"""A model behind an address that writes: asked as a local one is, with the same turns before.

How it cuts a text into tokens nobody here knows, so that prompts are fitted to a window only where
the endpoint says how large it is, and then by a cautious count.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from runners import _asking, _models
from runners._asking import Question
from runners._endpoint import Endpoint
from runners._generation import ABOUT, Shots, Writer
from runners._references import is_text_alone, question, reference
from runners.base import Plan, Prediction, Row

_LEAST, _MOST = 64, 4096
_CAUTIOUS_BYTES = 3
"""Bytes in a token, when too many tokens would not fit."""
_UNKNOWN = 10**9


def prepare(plan: Plan, rows: Sequence[Row], instruction: str) -> None:
    """Write down how the model is to be asked; the rows tell how long answers are."""
    said = json.dumps(about(plan, rows, instruction), ensure_ascii=False, indent=1)
    plan.artifact.mkdir(parents=True, exist_ok=True)
    (plan.artifact / ABOUT).write_text(said, "utf-8")


def about(plan: Plan, rows: Sequence[Row], instruction: str) -> dict[str, Any]:
    """What :class:`ApiWriter` has to know."""
    endpoint = plan.endpoint or Endpoint()
    return {
        "base_model": plan.base_model,
        "fingerprint": _models.fingerprint(plan.base_model),
        "max_new_tokens": endpoint.answer_tokens or _room(rows),
        "instruction": instruction,
        "endpoint": endpoint.model_dump(mode="json"),
    }


def _room(rows: Sequence[Row]) -> int:
    said = [len(reference(row).encode()) for row in rows if not is_text_alone(row)]
    return min(max(_LEAST, math.ceil(max(said, default=0) / _CAUTIOUS_BYTES * 1.25) + 16), _MOST)


def room(endpoint: Endpoint, answer_tokens: int) -> int:
    """Tokens that a prompt may have; next to endless where nobody said how much is read."""
    return (endpoint.window or _UNKNOWN) - answer_tokens


def tokens(turns: Sequence[Mapping[str, str]]) -> int:
    """Tokens of some turns, rather too many than too few."""
    return sum(
        len(turn["content"].encode("utf-8", "surrogatepass")) // _CAUTIOUS_BYTES + 8
        for turn in turns
    )


class ApiWriter(Writer):
    """A model that answers in its own words, somewhere else. It does not say what is likely."""

    def __init__(self, about: dict[str, Any]) -> None:
        endpoint = Endpoint.model_validate(about["endpoint"])
        self.client = _asking.Client(endpoint, about["base_model"])
        self.max_new_tokens: int = about["max_new_tokens"]
        self.instruction: str = about["instruction"]
        self.prompt_tokens = room(endpoint, self.max_new_tokens)
        self.chats = True

    def answer(self, rows: Sequence[Row], shots: Sequence[Shots]) -> list[Prediction]:
        """The answer to each row, after the examples it is shown."""
        asked = [
            Question(self._fitted(question(row), list(few)), self.max_new_tokens)
            for row, few in zip(rows, shots, strict=True)
        ]
        return [
            Prediction(
                id=row.id,
                prediction=reply.text,
                tokens=reply.prompt_tokens + reply.answer_tokens,
                cut=reply.cut,
                refused=reply.refused,
            )
            for row, reply in zip(rows, self.client.ask(asked), strict=True)
        ]

    def turns(self, row: Row) -> tuple[dict[str, str], ...]:
        """What is asked of a row, without examples."""
        return self.framed(question(row), []).messages

    def count(self, row: Row, shots: Shots = ()) -> int:
        """Tokens of the prompt, rather too many than too few."""
        return tokens(self.framed(row, list(shots)).messages)

    def _fitted(self, row: Row, shots: list[tuple[str, str]]) -> tuple[dict[str, str], ...]:
        """The turns; where the window is known the farthest examples go first."""
        while shots and self.count(row, shots) > self.prompt_tokens:
            shots = shots[1:]
        return self.framed(row, shots).messages
