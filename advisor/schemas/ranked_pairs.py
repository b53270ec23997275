"""Two answers and a verdict: which one is better, by one judge or several, with ties.

The rows are preference pairs; what no majority decides is set aside and counted.
"""

import re
from collections import Counter
from collections.abc import Sequence

from advisor.rows import Draft
from advisor.schema import (
    TIE,
    Cells,
    Match,
    Roles,
    Sample,
    Unusable,
    is_blank,
    maybe_text,
    plain,
    text,
)

SAYS = "two answers and who judged which to be better"
ROLES = {
    "input": "the prompt",
    "context": "what the prompt is about, where it stands apart",
    "first": "the first answer",
    "second": "the second answer",
    "votes": "the verdicts: this column and all whose name differs by its number",
}
GENERAL = False
_STEMS = ("response", "answer", "output", "completion", "text", "summary", "response_", "answer_")
_VOTES = ("winner", "preference", "preferred", "label", "vote", "verdict", "choice", "judgment")
_FIRST = {"1", "a", "first", "model_a", "response_a", "response1", "response_1", "answer1"}
_SECOND = {"2", "b", "second", "model_b", "response_b", "response2", "response_2", "answer2"}
_TIE = {"0", "tie", "both", "neither", "equal", "same", "none", "c", "tie (bothbad)", "draw"}


def match(sample: Sample) -> Match | None:
    """By two columns whose names differ by 1 and 2, or by a and b, and a column of verdicts."""
    pair = answers(sample)
    votes = sample.role("votes", [*_VOTES, "annotator", "annotator1", "annotator_1"])
    prompt = sample.role("input", ["instruction", "prompt", "question", "query"])
    if pair is None or votes is None or prompt is None:
        return None
    if sample.share(votes, lambda value: _side(value) is not None) < 0.9:
        return None
    context = sample.role("context", ["input", "context"])
    roles = {"input": prompt, "first": pair[0], "second": pair[1], "votes": votes}
    others = len(judges(votes, list(sample.values))) - 1
    why = f"`{pair[0]}` and `{pair[1]}` are judged in `{votes}`"
    why += f" and {others} more" if others else ""
    return Match(roles | ({"context": context} if context else {}), "sure", why)


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """The majority decides; a tie decides nothing."""
    one = maybe_text(cells, roles["first"], f"answer `{roles['first']}`")
    two = maybe_text(cells, roles["second"], f"answer `{roles['second']}`")
    prompt = text(cells, roles["input"], "prompt")
    context = maybe_text(cells, roles.get("context"), "context")
    said = Counter(_side(cells.get(judge)) for judge in judges(roles["votes"], list(cells)))
    del said[None]
    (winner, most), *others = said.most_common() or [(0, 0)]
    if winner == 0 or (others and others[0][1] == most):
        raise Unusable(TIE)
    if one == two:
        raise Unusable("both answers are the same")
    better, worse = (one, two) if winner == 1 else (two, one)
    if not better:
        raise Unusable("the better answer is empty")
    whole = f"{prompt}\n\n{context}" if context else prompt
    return [Draft(input=whole, target=better, rejected=worse)]


def answers(sample: Sample) -> tuple[str, str] | None:
    """The columns of the two answers, by names that differ in a number or letter alone."""
    names = {plain(column): column for column in sample.values}
    for stem in _STEMS:
        for a, b in (("1", "2"), ("a", "b"), ("_1", "_2"), ("_a", "_b")):
            if stem + a in names and stem + b in names:
                return names[stem + a], names[stem + b]
    given = (sample.given.get("first"), sample.given.get("second"))
    return (given[0], given[1]) if given[0] and given[1] else None


def judges(votes: str, columns: Sequence[str]) -> list[str]:
    """The columns of all verdicts: the one that was found, and those that differ by a number."""
    stem = re.sub(r"\d+$", "", votes)
    return [c for c in columns if c == votes or (stem != votes and re.sub(r"\d+$", "", c) == stem)]


def _side(value: object) -> int | None:
    """1 and 2 for an answer, 0 for a tie; ``None`` is no verdict."""
    if is_blank(value):
        return None
    said = plain(str(int(value) if isinstance(value, float) and value.is_integer() else value))
    sides = ((1, _FIRST), (2, _SECOND), (0, _TIE))
    return next((side for side, words in sides if said in words), None)
