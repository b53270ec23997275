"""What rows say, column by column, for checks that read their words.

Where every text would take too long, some are drawn at even distances; whoever does so says it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import cast

from advisor.examined import LABELLED, Side

Turns = Sequence[Mapping[str, str]]


def has_answers(side: Side) -> bool:
    """Whether each row has a text that a model should learn to write."""
    return side.kind not in (*LABELLED, "raw_text", "question_documents")


def taught(side: Side) -> Iterator[str]:
    """What a model learns to write: the better answer, or the last turn of the assistant."""
    rows = side.table.rows
    for target, messages in zip(rows.column("target"), rows.column("messages"), strict=True):
        yield target or _last_answer(cast("Turns", messages))


def _last_answer(messages: Turns) -> str:
    spoken = (turn["content"] for turn in reversed(messages) if turn["role"] == "assistant")
    return next(spoken, "")


def picked(texts: Iterable[str], places: Sequence[int], rows: int) -> list[str]:
    """Those of the texts that stand at these places."""
    if len(places) == rows:
        return list(texts)
    mask = bytearray(rows)
    for place in places:
        mask[place] = 1
    return list(compress(texts, mask))


def drawn(places: Sequence[int], side: Side) -> str:
    """How to say that only some rows were looked at; empty where all were."""
    all_of_them = len(places) == len(side)
    return "" if all_of_them else f" (of {len(places):,} rows drawn evenly from {len(side):,})"
