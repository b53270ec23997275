"""A prompt with the sentences that it lacks and the training rows can fill in: simple, fixed rules.

What ``prompt check`` finds missing is added where no person has to say it: the form of the answer,
as the rows have it; an order of steps; of labels, what to do where several fit. Who reads the
answers, and what to say where an input holds none, no row tells; these are left to the user. A
prompt that is not English is left as it is, and so are rows that are not.
"""

import json
from collections.abc import Iterable, Sequence
from statistics import median

from advisor import prompts
from rules.facts import Task
from runners._measure_text import words_of
from runners._references import reference
from runners.base import Row

_SHARE = 0.95
"""Of the answers that a form has to hold for."""
_SHORT = 5
"""Words of an answer that is hardly a sentence."""
_ENOUGH = 500
"""Rows that are looked at, at most."""
_OF_LABELS = {
    "format": "Answer with exactly one label and nothing else.",
    "steps": "First read the whole text, then compare it with each label, and finally choose.",
    "otherwise": "If several labels fit, choose the one that says most exactly what it is about.",
}
_STEPS = "First read everything that is given, then answer exactly what is asked."


def rules(rows: Sequence[Row], task: Task) -> dict[str, str]:
    """The sentence for each part of a prompt that the rows can fill in; none where not English."""
    some = rows[:_ENOUGH]
    if not prompts.is_english(" ".join(f"{row.input} {_turns(row)}" for row in some)):
        return {}
    if task == "classification":
        return dict(_OF_LABELS)
    return {"format": _form([reference(row) for row in some]), "steps": _STEPS}


def rewritten(text: str, sentences: dict[str, str]) -> str | None:
    """The prompt with the sentences it lacks; nothing where it lacks none, or is not English."""
    found = prompts.check_text(text)
    if text and not found.english:
        return None
    missing = {part.code for part in found.missing} if text else set(sentences)
    more = [sentence for code, sentence in sentences.items() if code in missing]
    return "\n".join([text, *more] if text else more) if more else None


def _turns(row: Row) -> str:
    return " ".join(turn["content"] for turn in row.messages)


def _form(answers: Sequence[str]) -> str:
    """The form that nearly all answers have."""
    if _most(_is_object(answer) for answer in answers):
        return "Answer with one JSON object and nothing else."
    counts = [len(words_of(answer)) for answer in answers]
    if _most(count <= _SHORT for count in counts):
        return f"Answer in at most {max(counts)} words and nothing else."
    return f"Answer in about {round(median(counts))} words."


def _most(held: Iterable[bool]) -> bool:
    found = list(held)
    return sum(found) >= _SHARE * len(found)


def _is_object(answer: str) -> bool:
    try:
        return isinstance(json.loads(answer), dict)
    except ValueError:
        return False
