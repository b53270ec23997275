"""Pairs of answers of which one is better, with the prompt beside them or inside both.

TRL's explicit prompts (``prompt``, ``chosen``, ``rejected``) and implicit ones (both answers begin
with the prompt), as texts, as turns, or as HH-RLHF's transcripts.
"""

from collections.abc import Sequence
from typing import NamedTuple

from advisor.records import json_kind
from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, Unusable, is_blank, maybe_text, text
from advisor.schemas.chat import NAMES as CHAT
from advisor.turns import (
    Turns,
    are_turns,
    as_text,
    is_transcript,
    is_turn,
    shared,
    transcript,
    turns,
)

SAYS = "pairs of a better and a worse answer"
ROLES = {
    "input": "the prompt, where it stands apart: a text or turns",
    "target": "the better answer",
    "rejected": "the worse answer",
}
GENERAL = False
_PROMPT: Sequence[str] = ("prompt", "question", "instruction", "input", "query", *CHAT)
BETTER = ("chosen", "preferred", "accepted", "better", "winner_response", "response_chosen")
WORSE = ("rejected", "dispreferred", "non_preferred", "worse", "response_rejected")


class _Pair(NamedTuple):
    prompt: str
    turns: Turns
    better: str
    worse: str
    remark: str = ""


def match(sample: Sample) -> Match | None:
    """By the names of both answers."""
    better, worse = sample.role("target", BETTER), sample.role("rejected", WORSE)
    if better is None or worse is None or better == worse:
        return None
    prompt = sample.role("input", _PROMPT)
    roles = {"target": better, "rejected": worse} | ({"input": prompt} if prompt else {})
    where = f"the prompt in `{prompt}`" if prompt else "the prompt inside both"
    return Match(roles, "sure", f"the columns `{better}` and `{worse}`, {where}")


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """A pair of equal answers says nothing and is set aside."""
    pair = _told(cells, roles) if "input" in roles else None
    pair = pair or _implied(cells, roles)
    if pair.better == pair.worse:
        raise Unusable("both answers are the same")
    return [
        Draft(
            input=pair.prompt,
            messages=pair.turns,
            target=pair.better,
            rejected=pair.worse,
            remark=pair.remark,
        )
    ]


def _told(cells: Cells, roles: Roles) -> _Pair | None:
    """With the prompt beside the answers; ``None`` where its cell is empty."""
    prompt = cells.get(roles["input"])
    if is_blank(prompt) or prompt == []:
        return None
    better, worse = (_answer(cells, roles[role], role) for role in ("target", "rejected"))
    if are_turns(prompt):
        return _Pair("", turns(prompt, "prompt"), better, worse)
    said = text(cells, roles["input"], "prompt")
    return (
        _Pair("", transcript(said), better, worse)
        if is_transcript(said)
        else _Pair(said, (), better, worse)
    )


def _answer(cells: Cells, column: str, role: str) -> str:
    what = "better answer" if role == "target" else "worse answer"
    value = cells.get(column)
    if is_turn(value) or are_turns(value):
        said = as_text(turns(value, what))
        if not said.strip():
            raise Unusable(f"no {what}")
        return said
    return (text if role == "target" else maybe_text)(cells, column, what)


def _implied(cells: Cells, roles: Roles) -> _Pair:
    """With the prompt at the beginning of both answers."""
    better, worse = cells.get(roles["target"]), cells.get(roles["rejected"])
    if is_transcript(better) and is_transcript(worse):
        return _parted(transcript(str(better)), transcript(str(worse)))
    if are_turns(better) and are_turns(worse):
        return _parted(turns(better, "better answer"), turns(worse, "worse answer"))
    first = text(cells, roles["target"], "better answer")
    second = text(cells, roles["rejected"], "worse answer")
    if not isinstance(better, str) or not isinstance(worse, str):
        raise Unusable(f"one answer is {json_kind(better)}, the other {json_kind(worse)}")
    same = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), 0)
    cut = first.rfind(" ", 0, same) + 1
    return _Pair(first[:cut].rstrip(), (), first[cut:], second[cut:])


def _parted(better: Turns, worse: Turns) -> _Pair:
    """What both begin with is the prompt; the rest are the answers."""
    count = min(shared(better, worse), len(better) - 1, len(worse) - 1)
    one, other = better[count:], worse[count:]
    answers = all(len(rest) == 1 and rest[0]["role"] == "assistant" for rest in (one, other))
    remark = "" if answers else "the two differ before their last answer"
    return _Pair("", better[:count], as_text(one), as_text(other), remark)
