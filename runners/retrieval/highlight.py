"""Where a text answers to a question's words, for a person who looks at hits."""

import re
from typing import NamedTuple

from runners.retrieval import sparse

_WORD = re.compile(sparse.WORD)


class Excerpt(NamedTuple):
    """A piece of a text."""

    text: str
    marks: list[tuple[int, int]]
    """Where words of the question stand in it, in any of their forms."""


def marks(question: str, text: str) -> list[tuple[int, int]]:
    """Where words stand that have the stem of a word of the question; stop words have none."""
    return [(start, end) for start, end, _ in _found(question, text)]


def excerpt(question: str, text: str, length: int) -> Excerpt:
    """The piece of ``length`` characters at most with most of the question's words, in one line."""
    line = " ".join(text.split())
    found = _found(question, line)
    start = _best(found, length) if len(line) > length else 0
    start = max(0, min(start, len(line) - length))
    if start:  # begin with a whole word, unless it is longer than the piece
        start = line.rfind(" ", start - length, start) + 1 or start
    piece = line[start : start + length]
    if start + length < len(line) and " " in piece:
        piece = piece[: piece.rindex(" ")]
    end = start + len(piece)
    inside = [(a - start, b - start) for a, b, _ in found if start <= a and b <= end]
    before, after = "… " if start else "", " …" if end < len(line) else ""
    shift = len(before)
    return Excerpt(f"{before}{piece}{after}", [(a + shift, b + shift) for a, b in inside])


def _best(found: list[tuple[int, int, str]], length: int) -> int:
    """Where a piece begins that holds the most different words of the question."""
    most, best = 0, 0
    for number, (start, _, _) in enumerate(found):
        inside = {word for _, end, word in found[number:] if end <= start + length}
        if len(inside) > most:
            most, best = len(inside), start
    return max(0, best - length // 8)


def _found(question: str, text: str) -> list[tuple[int, int, str]]:
    """Start, end and stem of each word of the text that is one of the question's."""
    (asked,) = sparse.words([question])
    places = [match.span() for match in _WORD.finditer(text)]
    stems = sparse.words([text[start:end] for start, end in places])
    wanted = set(asked)
    return [
        (start, end, stem[0])
        for (start, end), stem in zip(places, stems, strict=True)
        if stem and stem[0] in wanted
    ]
