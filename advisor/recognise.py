"""Which template a prompt was made with, read off its words: the text in it comes out unchanged.

The labels need not be known: those that the instruction lists are read off it, too.
"""

import re
import string
from functools import cache
from typing import NamedTuple

from advisor import instruct
from advisor.answers import SPOKEN
from advisor.examined import LABELLED

_PLACES = {
    "labels": "(?P<labels>.+?)",
    "between": f"(?P<between>{'|'.join(SPOKEN)})",
    "none": '"(?P<none>[^"\n]+)"',
}


class Recognised(NamedTuple):
    """A prompt taken apart."""

    kind: str
    """What the rows were: ``classification`` or ``multi_label``."""
    text: str
    labels: tuple[str, ...]
    """Those that the instruction lists; empty where it lists none."""
    between: str
    """What stands between several labels of an answer."""
    nothing: str
    """The answer where no label holds; empty where one always does."""


def recognise(prompt: str) -> Recognised | None:
    """Take a prompt apart; ``None``: it was made with no template for labels."""
    for kind, pattern in _patterns():
        if found := pattern.fullmatch(prompt):
            parts = found.groupdict()
            between = SPOKEN.get(parts.pop("between", None) or "", "")
            labels = parts.get("labels") or ""
            sign = between or next((s for s in ("; ", " | ") if s in labels), ", ")
            listed = tuple(labels.split(sign)) if labels else ()
            nothing = parts.get("none") or ""
            return Recognised(kind, parts["text"], listed, sign, nothing)
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Those with labels first: an instruction that lists them is the more telling one."""
    found = [item for item in instruct.files().values() if item.kind in LABELLED]
    wordings = [
        (item.kind, wording)
        for item in found
        for template in item.templates.values()
        for wording in (template.instruction, template.unlisted)
        if wording
    ]
    return tuple((kind, _pattern(wording)) for kind, wording in wordings)


def _pattern(wording: str) -> re.Pattern[str]:
    parts: list[str] = []
    seen: set[str] = set()
    for literal, place, _, _ in string.Formatter().parse(wording):
        parts.append(re.escape(literal))
        if place:
            parts.append(f"(?P={place})" if place in seen else _PLACES[place])
            seen.add(place)
    return re.compile("".join(parts) + "\n\n(?P<text>.+)", re.DOTALL)
