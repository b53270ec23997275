"""A label found in what a model wrote: the whole answer, a field of JSON, or the only one named.

Case, punctuation, ``_`` and ``-`` are not looked at, unless two labels differ in nothing else.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence

_BEFORE = re.compile(r"^(?:label|answer|category|class)\s*[:=]\s*", re.IGNORECASE)
_NOT_WORDS = re.compile(r"[\W_]+")


class Labels:
    """The labels that may be answered."""

    def __init__(self, labels: Sequence[str]) -> None:
        plain = [_plain(label) for label in labels]
        counts = Counter(plain)
        self.exact = set(labels)
        self.known = {
            text: label
            for text, label in zip(plain, labels, strict=True)
            if text and counts[text] == 1
        }

    def find(self, answer: str) -> str | None:
        """The label that an answer says, or none where it says none or several."""
        said = _unwrapped(answer)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        for text in (said, *(_BEFORE.sub("", line) for line in lines[:1])):
            if text in self.exact:
                return text
            if found := self.known.get(_plain(text)):
                return found
        return self._named(said)

    def _named(self, text: str) -> str | None:
        """The only label in a sentence; one inside of a longer one that is named does not count."""
        inside = f" {_plain(text)} "
        named = [plain for plain in self.known if f" {plain} " in inside]
        longest = [
            one
            for one in named
            if not any(one != other and f" {one} " in f" {other} " for other in named)
        ]
        return self.known[longest[0]] if len(longest) == 1 else None


def _plain(text: str) -> str:
    return _NOT_WORDS.sub(" ", text).strip().casefold()


def _unwrapped(answer: str) -> str:
    """What stands in ``{"label": …}``, with or without a fence around, or the answer itself."""
    text = answer.strip()
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        try:
            found = json.loads(text[start : end + 1])
        except ValueError:
            return text
        if isinstance(found, dict) and isinstance(found.get("label"), str):
            return found["label"].strip()
    return text
