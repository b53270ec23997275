"""Answers that teach a model not to answer: refusals, placeholders, turns left empty.

Refusals are known by their first words in English, German, French and Spanish, and by an assistant
that speaks of itself as an AI. In preference pairs a refusal may be the better answer on purpose.
"""

import re
from collections.abc import Iterator

from advisor.check import Found
from advisor.examined import Examined, Side
from advisor.said import Turns, has_answers, taught

SAYS = "answers that refuse, or say nothing"
LIBRARIES = ()
COST = 0.8

_CANNOT = (
    r"can(?:no|')t|can not|could(?:n't| not)|unable|not able|won't|will not|must decline"
    r"|(?:don't|do not) (?:feel comfortable|have (?:access|the ability|personal|real-time))"
    r"|(?:am|'m|is|be) (?:not|in)\s?(?:comfortable|allowed|permitted|appropriate|programmed)"
)
_DO = (
    "help|assist|provide|answer|fulfill?|comply|do that|discuss|generate|create|write|engage|offer"
    "|share|support|respond|give|complete|participate|access|browse|open|recommend|condone|tell"
)
_SORRY = (
    r"i'?\s?a?m\s(?:so\s|very\s|really\s)?sorry|(?:i\s)?apologi[sz]e|my\sapologies|sorry"
    r"|unfortunately|i\sappreciate|i\sunderstand"
)
_REFUSAL = re.compile(
    rf"""\W*(?:
      (?:{_SORRY})\b[^.!?\n]{{0,60}}?\b(?:{_CANNOT.replace(" ", "[ ]")})
      |(?:but\s)?i(?:\s(?:really\s|simply\s)?(?:can(?:no|')t|can\snot|won't|will\snot)
        |\s?'?a?m\s(?:unable|not\sable)\sto)\s(?:\w+\s){{0,2}}?(?:{_DO.replace(" ", "[ ]")})\b
      |i\smust\s(?:respectfully\s)?decline
      |es\stut\smir\sleid,\saber\sich\s|(?:dabei|damit)\skann\sich\s(?:\w+\s)?nicht\shelfen
      |(?:je\ssuis\s)?d[ée]sol[ée]e?,\s(?:mais\s)?je\s(?:ne\s)?peux\s
      |lo\s(?:siento|lamento),\s(?:pero\s)?no\spuedo\s
    )""",
    re.I | re.X,
)
_ITSELF = re.compile(
    r"\bas an? (?:(?:large )?language model|AI\b|artificial intelligence)|\bI(?: a|')m an? "
    r"(?:AI\b|(?:large )?language model)|\bals (?:ein )?KI-(?:Sprachm|M)odell\b"
    r"|\ben tant qu(?:e mod[èe]le|'IA)\b|\bcomo (?:un )?modelo de lenguaje\b",
    re.I,
)
_NOTHING = frozenset(
    "n/a na nan null none nil todo tbd - -- ? ... … . [] {} undefined #n/a".split()  # noqa: SIM905
)
_LONGEST = max(map(len, _NOTHING))


def look(examined: Examined) -> Iterator[Found]:
    """Of rows with answers to write; a label says what it says."""
    side = examined.train
    if not has_answers(side):
        return
    refused: list[int] = []
    blank: list[int] = []
    for place, answer in enumerate(taught(side)):
        if len(answer) <= _LONGEST and says_nothing(answer):
            blank.append(place)
        elif refuses(answer):
            refused.append(place)
    if blank:
        yield _blank(side, blank)
    if refused:
        yield _refused(side, refused)
    yield from _empty_turns(side)


def says_nothing(answer: str) -> bool:
    """Whether an answer is empty, or what programs and people write into an empty cell."""
    said = answer.strip().casefold()
    return not said or said in _NOTHING


def refuses(answer: str) -> bool:
    """Whether an answer begins as a refusal does, or speaks of itself as an AI."""
    answer = answer.replace("\u2019", "'")
    if _REFUSAL.match(answer):
        return True
    tells = "AI" in answer or "model" in answer or "KI" in answer or "IA" in answer
    return tells and bool(_ITSELF.search(answer))


def _blank(side: Side, places: list[int]) -> Found:
    text = "rows whose answer says nothing, such as 'N/A' or '...'"
    if len(places) == len(side):
        fix = "name the column of the answers: --target COLUMN"
        return Found("no_answers", f"{text}: all of them", places, "blocking", fix)
    fix = "write their answers or delete the rows, unless nothing is the right answer there"
    return Found("blank_answer", text, places, fix=fix)


def _refused(side: Side, places: list[int]) -> Found:
    share = len(places) / len(side)
    text = f"answers that refuse or speak of themselves as an AI ({share:.1%} of the rows)"
    if side.kind in ("preference", "ranked_pairs", "liked"):
        fix = "look at them: right where the question deserves it, else a habit to unlearn"
        return Found("refusal", text, places, "info", fix)
    fix = "delete those whose question deserves an answer: a model learns to refuse from few"
    return Found("refusal", text, places, fix=fix)


def _empty_turns(side: Side) -> Iterator[Found]:
    if "messages" not in side.table.mapping.roles:
        return
    conversations: Iterator[Turns] = side.table.rows.column("messages")
    places = [place for place, turns in enumerate(conversations) if _has_empty_turn(turns)]
    if places:
        text = "conversations in which a turn of the assistant is empty"
        fix = "write these turns, or delete the rows: the model learns to say nothing"
        yield Found("empty_turn", text, places, fix=fix)


def _has_empty_turn(turns: Turns) -> bool:
    return any(turn["role"] == "assistant" and not turn["content"].strip() for turn in turns)
