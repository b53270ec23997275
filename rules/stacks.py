"""The software stack of a setup, by its name."""

from difflib import get_close_matches
from functools import cache

from rules import tables
from rules.entries import Stack
from rules.errors import UserError


@cache
def known() -> dict[str, Stack]:
    """Every stack by its id."""
    return {stack.id: stack for stack in tables.stacks()}


def find(name: str) -> Stack:
    """The stack of that id.

    Raises:
        UserError: There is none.
    """
    stack = known().get(name)
    if stack is None:
        near = get_close_matches(name, known(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{hint}these are known: {', '.join(known())}"
        raise UserError(f"unknown stack {name!r}", where="--stack", fix=fix)
    return stack
