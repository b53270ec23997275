"""An answer in words as the label it means: exactly, or but for case and punctuation.

What means no label is never guessed. This is the way back of ``advisor/instruct.py``, for the rows
that it made and for what a model answered to them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from advisor.data import normalised
from runners.base import Row

_NOTHING = ("none", "no label", "nothing of this")
SPOKEN = {"a comma": ", ", "a semicolon": "; ", "a bar": " | ", "a line end": "\n"}
"""What may stand between several labels, as an instruction calls it."""


def between(labels: Sequence[str]) -> str:
    """What stands between several labels: the first separator that is in none of them."""
    signs = [sign for sign in SPOKEN.values() if sign.strip()]
    free = (sign for sign in signs if not any(sign.strip() in label for label in labels))
    return next(free, "\n")


def nothing(labels: Sequence[str]) -> str:
    """What is answered where no label holds: a word that is no label itself."""
    known = set(map(plain, labels))
    return next(word for word in (*_NOTHING, "-") if plain(word) not in known or word == "-")


def said_of(row: Row, labels: Sequence[str]) -> str:
    """What a row teaches as one text: its label, its labels, or its answer."""
    if row.target:
        return row.target
    return between(labels).join(row.labels) or nothing(labels)


class Labels:
    """The labels that answers may mean."""

    def __init__(self, labels: Iterable[str]) -> None:
        """Two labels that differ in case or punctuation alone are told apart only exactly."""
        self.all = tuple(sorted(set(labels)))
        times = Counter(map(plain, self.all))
        self._plain = {plain(label): label for label in self.all if times[plain(label)] == 1}
        self._between = between(self.all)

    def one(self, answer: str) -> str | None:
        """The label an answer means; ``None``: it means none of them."""
        said = answer.strip()
        return said if said in self.all else self._plain.get(plain(said))

    def several(self, answer: str) -> tuple[str, ...] | None:
        """All labels it means, which may be none at all; ``None``: it holds something else."""
        if plain(answer) == plain(nothing(self.all)):
            return ()
        parts = [part for part in answer.split(self._between.strip() or "\n") if part.strip()]
        found = [self.one(part) for part in parts]
        if not found or None in found:
            return None
        return tuple(dict.fromkeys(label for label in found if label is not None))


def spellings(answers: Iterable[str]) -> Labels:
    """The labels of answers where nobody said what they are: the most frequent spelling of each."""
    times = Counter(answer.strip() for answer in answers)
    best: dict[str, str] = {}
    for label, _ in sorted(times.items(), key=lambda item: (-item[1], item[0])):
        best.setdefault(plain(label), label)
    return Labels(best.values())


def plain(text: str) -> str:
    """A text without case and punctuation; one of punctuation alone stays as it is."""
    said = normalised(text)
    return "".join(sign for sign in said if sign.isalnum()) or said
