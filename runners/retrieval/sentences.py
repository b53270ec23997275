"""Sentences of passages, and which of them speaks most to a question.

NLTK's Punkt parts them (Kiss and Strunk 2006, https://doi.org/10.1162/coli.2006.32.4.485), in the
form that needs no trained parameters. How much a sentence supports an answer is the cosine
similarity of question and sentence, by the encoder of the index.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from runners.retrieval.search import Hit

if TYPE_CHECKING:
    from runners.retrieval.opened import Index

_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*+#|]|\d+[.)])\s)")
_MARKS = re.compile(r"^\s*(?:#{1,6}|[-*+]|\d+[.)])\s+")
"""Of a heading or an item of a list, in Markdown."""


class Support(NamedTuple):
    """The sentence that speaks most to a question."""

    text: str
    hit: Hit
    similarity: float
    """Cosine, between -1 and 1."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, each in one line; a heading or an item of a list is one too.

    >>> sentences("Cards are sent by post. It takes a week.")
    ['Cards are sent by post.', 'It takes a week.']
    """
    found: list[str] = []
    for part in _PARAGRAPH.split(text):
        line = " ".join(_MARKS.sub("", part).split())
        found += _splitter().tokenize(line)
    return [sentence for sentence in found if any(map(str.isalnum, sentence))]


@lru_cache(maxsize=1)
def _splitter() -> Any:  # noqa: ANN401 - NLTK has no types
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    return PunktSentenceTokenizer()


def best(index: "Index", questions: Sequence[str], hits: Sequence[Sequence[Hit]]) -> list[Support]:
    """For each question, with at least one hit, the sentence of its hits most like it.

    Equal ones: that of the better hit, and in a hit the earlier one.
    """
    import numpy as np

    parts = [[(text, hit) for hit in row for text in _parted(hit)] for row in hits]
    texts = list(dict.fromkeys([*questions, *(text for row in parts for text, _ in row)]))
    vectors = dict(zip(texts, index.encode(texts), strict=True))
    answers: list[Support] = []
    for question, row in zip(questions, parts, strict=True):
        similar = np.array([vectors[text] for text, _ in row]) @ vectors[question]
        place = int(similar.argmax())
        answers.append(Support(*row[place], similarity=float(similar[place])))
    return answers


def _parted(hit: Hit) -> list[str]:
    return sentences(hit.chunk.text) or [hit.chunk.text]
