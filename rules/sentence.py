"""The sentences of the rules: text in which ``{fact}`` and ``{fact / fact}`` become values."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from rules.condition import KINDS, Names, Row, read
from rules.errors import RuleError

_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Amount:
    """A value to be written: a fact, or arithmetic over facts."""

    text: str
    names: Names
    of: Callable[[Row], object] = field(compare=False, repr=False)
    """The value for these facts; ``None`` where it is unknown."""


@dataclass(frozen=True)
class Sentence:
    """A sentence whose every placeholder is a fact, or arithmetic over facts."""

    pieces: tuple[str | Amount, ...]
    """Plain text and amounts by turns, beginning and ending with plain text."""
    names: Names
    """Every fact it quotes."""

    def told(self, facts: Row) -> str:
        """The sentence for these facts; ``[fact]`` stands where a value is unknown."""
        return "".join(
            piece if isinstance(piece, str) else shown(piece.of(facts), f"[{piece.text}]")
            for piece in self.pieces
        )


def parse_sentence(text: str, where: str) -> Sentence:
    """Read a sentence.

    Raises:
        RuleError: A placeholder names an unknown fact, or is not a value.
    """
    pieces = tuple(
        _amount(part, where) if place % 2 else part
        for place, part in enumerate(_BRACES.split(text))
    )
    if any(isinstance(piece, str) and set(piece) & set("{}") for piece in pieces):
        fix = "write {fact}, with one brace on each side"
        raise RuleError(f"a lone brace in {text!r}", where=where, fix=fix)
    amounts = [piece for piece in pieces if isinstance(piece, Amount)]
    return Sentence(pieces, frozenset[str]().union(*(amount.names for amount in amounts)))


def _amount(text: str, where: str) -> Amount:
    node = read(text, where)
    if not node.names or (node.kind == "truth" and text not in KINDS):
        fix = "put a fact or arithmetic over facts between the braces"
        raise RuleError(f"{{{text}}} is not a value", where=where, fix=fix)
    return Amount(text, node.names, node.value)


def shown(value: object, unknown: str = "unknown") -> str:
    """Write a value as a person would.

    >>> shown(2000), shown(0.355), shown(7.0), shown("api_only"), shown(None)
    ('2,000', '0.355', '7', 'api only', 'unknown')
    """
    if value is None:
        return unknown
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, (int, float)):
        return str(value).replace("_", " ")
    if value >= 10**12:
        return f"{value:.3g}" if value < 10**300 else "very many"
    return f"{value:,.0f}" if isinstance(value, int) or value >= 1000 else f"{value:.3g}"
