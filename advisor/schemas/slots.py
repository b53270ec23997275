"""Slots and their values, to be said in words: ``name : Aromi | food : Chinese``."""

import re

from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample
from advisor.schemas import prompt_completion

SAYS = "slots and values with the sentence that says them"
ROLES = {"input": "the slots and their values", "target": "the sentence"}
GENERAL = False
_PIPED = re.compile(r"^\s*[\w ]{1,30} ?: ?[^|]+(\| ?[\w ]{1,30} ?: ?[^|]+)*$")
_BRACKETS = re.compile(r"^\s*[\w ]{1,30}\[[^\]]*\](,\s*[\w ]{1,30}\[[^\]]*\])*\s*$")


def match(sample: Sample) -> Match | None:
    """By what the cells look like."""
    slots = sample.role("input", ["mr", "meaning_representation", "slots", "input", "column_1"])
    texts = [name for name in sample.values if name != slots]
    words = ["ref", "human_reference", "reference", "target", "output", "text", "column_2"]
    said = sample.role("target", words) or (texts[0] if len(texts) == 1 else None)
    if slots is None or said is None or slots == said or sample.share(slots, _are_slots) < 0.9:
        return None
    why = f"`{slots}` holds slots with values, `{said}` a sentence"
    return Match({"input": slots, "target": said}, "sure", why)


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """One reference a row; the same slots may come again with another one."""
    return prompt_completion.drafts(cells, roles)


def _are_slots(value: object) -> bool:
    said = str(value)
    return bool(_BRACKETS.match(said)) or (":" in said and bool(_PIPED.match(said)))
