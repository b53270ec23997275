"""The parts of a checked expression, and the kinds of facts: the ground conditions stand on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple, get_args

from rules.errors import RuleError
from rules.facts import Facts

Row = Mapping[str, Any]
Names = frozenset[str]
Kind = Literal["number", "truth", "text", "choice", "tuple"]

NONE: Names = frozenset()


class Border(NamedTuple):
    """Where two numbers that a condition compares are equal: beyond it, its answer may change."""

    key: tuple[Any, ...]
    """The same for two borders that say the same."""
    names: Names
    gap: Callable[[Row], float | None]
    """Left side less right side; zero on the border."""


@dataclass(frozen=True, slots=True)
class Node:
    """A checked expression, ready to be evaluated."""

    kind: Kind
    value: Callable[[Row], Any]
    """What the expression is for these facts; ``None`` is unknown."""
    lacking: Callable[[Row], Names]
    """The facts that leave it unknown; only asked where ``value`` is ``None``."""
    names: Names = NONE
    if_true: Names = NONE
    """Facts that are certainly known when the expression is true; ``if_false`` likewise."""
    if_false: Names = NONE
    options: tuple[Any, ...] = ()
    """The values a fact may take, or the members of a tuple, or the one value of a constant."""
    key: tuple[Any, ...] = ()
    """What it says, however it is written: two nodes with one key are equal for all facts."""
    borders: tuple[Border, ...] = ()
    """The comparisons of numbers within it."""


def _kind(annotation: object) -> tuple[Kind, tuple[str, ...]]:
    scalars: dict[object, Kind] = {int: "number", float: "number", bool: "truth"}
    if annotation in scalars:
        return scalars[annotation], ()
    parts = get_args(annotation)
    if all(isinstance(part, str) for part in parts):
        return "choice", parts
    return _kind(parts[0])  # the first part of ``X | None`` and of ``Annotated[X, …]`` says it


KINDS = {name: _kind(info.annotation) for name, info in Facts.model_fields.items()}
"""What each fact is, and the values it may take if they are words."""


def nearest(word: str, known: "tuple[str, ...] | list[str]", otherwise: str) -> str:
    """The fix for a misspelt word: the nearest known one, or else a hint where to look."""
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else otherwise


def check_members(left: Node, right: Node, shown: str) -> None:
    """``fact in (…)``: the members are of the fact's own kind."""
    wanted = {"choice": str, "number": (int, float)}.get(left.kind)
    if right.kind != "tuple" or wanted is None:
        fix = 'write: fact in ("one", "two")'
        raise RuleError(f"{shown!r}: 'in' needs a fact and a tuple", where="", fix=fix)
    if not all(isinstance(option, wanted) for option in right.options):
        fix = "list values of the fact's own kind"
        raise RuleError(f"{shown!r} compares unlike things", where="", fix=fix)
    if left.kind == "choice":
        check_words(left, right.options)


def check_words(choice: Node, words: tuple[str, ...]) -> None:
    """Every word is one that the fact can be."""
    for word in words:
        if word not in choice.options:
            fix = nearest(word, choice.options, f"one of {', '.join(choice.options)}")
            raise RuleError(f"{next(iter(choice.names))} is never {word!r}", where="", fix=fix)
