"""Answers compared as SQuAD does: capitals, punctuation and articles aside, and word by word.

Rajpurkar et al. 2016, arXiv 1606.05250, and its evaluation script. Punctuation is that of any
script, and Chinese and Japanese count by the character, as in MLQA (Lewis et al. 2020, arXiv
1910.07475); the articles are the English ones alone.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable

_ARTICLE = re.compile(r"\b(a|an|the)\b")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")


def words(text: str) -> list[str]:
    """What is compared of a text.

    >>> words("The U.S. president's house!")
    ['us', 'presidents', 'house']
    """
    kept = "".join(mark for mark in text.casefold() if not _is_punctuation(mark))
    return _WORD.findall(_ARTICLE.sub(" ", kept))


def _is_punctuation(mark: str) -> bool:
    return mark in string.punctuation or unicodedata.category(mark).startswith("P")


def match(references: Iterable[str], answer: str) -> bool:
    """Whether the answer is one of the right ones."""
    said = words(answer)
    return any(words(text) == said for text in references)


def f1(references: Iterable[str], answer: str) -> float:
    """Harmonic mean of the shares of words in common, with the reference that is nearest.

    >>> f1(["by phone", "phone"], "By the phone.")
    1.0
    """
    said = words(answer)
    return max((_overlap(words(text), said) for text in references), default=0.0)


def _overlap(right: list[str], said: list[str]) -> float:
    if not right or not said:
        return float(right == said)
    common = sum((Counter(right) & Counter(said)).values())
    return 2 * common / (len(right) + len(said))
