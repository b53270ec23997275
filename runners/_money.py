"""What questions cost: known afterwards from the provider's counts, bounded before they are sent.

Nobody but the provider knows how it cuts a text into tokens. No tokenizer in use makes more tokens
than there are bytes, so that bytes bound the price of a question from above, and the most tokens of
an answer that of the answer.
"""

import json
from typing import Any

from runners._endpoint import Endpoint
from runners._replies import Reply

_AROUND_MESSAGE = 16
_AROUND_ALL = 64
"""Tokens that a provider's own template may add, at most: measured ones add 3 to 40."""
_BYTES_PER_TOKEN = 4
"""About as many as there are of English, for what is likely; said as "about"."""


def most_tokens(body: dict[str, Any]) -> int:
    """Tokens of a question, at most."""
    return sum(map(_bytes, body["messages"])) + _schema(body) + _around(body)


def likely_tokens(body: dict[str, Any]) -> int:
    """Tokens of a question, about."""
    return (sum(map(_bytes, body["messages"])) + _schema(body)) // _BYTES_PER_TOKEN + 4 * len(
        body["messages"]
    )


def dollars(endpoint: Endpoint, prompt_tokens: int, answer_tokens: int) -> float:
    """The price of so many tokens; nothing where there is no price."""
    asked, said = endpoint.price or (0.0, 0.0)
    return (asked * prompt_tokens + said * answer_tokens) / 1e6


def at_most(endpoint: Endpoint, body: dict[str, Any], answer_tokens: int) -> float:
    """What a question can cost, in dollars."""
    return dollars(endpoint, most_tokens(body), answer_tokens)


def of(endpoint: Endpoint, reply: Reply) -> float:
    """What an answer has cost, in dollars."""
    return dollars(endpoint, reply.prompt_tokens, reply.answer_tokens)


def _bytes(message: dict[str, str]) -> int:
    return len(message["content"].encode("utf-8", "surrogatepass"))


def _schema(body: dict[str, Any]) -> int:
    return len(json.dumps(body["response_format"])) if "response_format" in body else 0


def _around(body: dict[str, Any]) -> int:
    return _AROUND_ALL + _AROUND_MESSAGE * len(body["messages"])
