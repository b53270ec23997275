"""The nearest of what may be seen, without asking a store to filter all it has.

Chroma needs 10 ms for each thousand entries that a condition lets through, and most conditions let
most through: nobody else's documents are many. So what is nearest of all is asked for first and
looked at; only where too little of it may be seen, the store is asked with the condition. The
answer is the same, since whatever is nearer has been looked at.
"""

from collections.abc import Callable, Sequence

Found = list[tuple[str, float]]
"""Ids of chunks with their scores, the best first."""
WIDER = 4
"""How many times as much is looked at before the store has to filter."""

Ask = Callable[[Sequence[int], int], list[Found]]
"""The best of all chunks for these questions, by their numbers, and how many of them."""


def visible(
    questions: int,
    most: int,
    ask: Ask,
    seen: Callable[[set[str]], set[str]],
    filtered: Ask,
) -> list[Found]:
    """For each question the best that may be seen.

    Args:
        questions: How many there are.
        most: Chunks for each at most.
        ask: Searches everything.
        seen: Which of these ids may be seen.
        filtered: Searches only what may be seen.
    """
    rows: list[Found] = [[] for _ in range(questions)]
    left = list(range(questions))
    for width in (most, WIDER * most):
        if not left:
            break
        got = ask(left, width)
        allowed = seen({key for row in got for key, _ in row})
        short: list[int] = []
        for place, row in zip(left, got, strict=True):
            rows[place] = [pair for pair in row if pair[0] in allowed][:most]
            if len(rows[place]) < most and len(row) == width:  # there is more to be looked at
                short.append(place)
        left = short
    if left:
        for place, row in zip(left, filtered(left, most), strict=True):
            rows[place] = row
    return rows
