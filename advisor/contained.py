"""Questions that stand word for word inside longer texts, such as the documents of a corpus."""

import re
from collections import defaultdict
from collections.abc import Iterable

from advisor.data import normalised

FEWEST = 8
"""Words of a question from which on it is looked for: fewer stand in many a text by chance."""
_WORDS = re.compile(r"\w+")


def contained(questions: Iterable[tuple[int, str]], texts: Iterable[str]) -> dict[int, int]:
    """Places of questions that stand in a text, and the place of the first such text.

    Case and punctuation aside. One look at each word of the texts, however many questions begin
    alike. Languages without spaces have no words here, so nothing is found in them.
    """
    wanted = _by_beginning(questions)
    found: dict[int, int] = {}
    if not wanted:
        return found
    for number, text in enumerate(texts):
        words = _WORDS.findall(normalised(text))
        for start in range(len(words) - FEWEST + 1):
            rest = wanted.get(" ".join(words[start : start + FEWEST]), {})
            for length, places in rest.items():
                for place in places.get(" ".join(words[start : start + length]), ()):
                    found.setdefault(place, number)
    return dict(sorted(found.items()))


def _by_beginning(
    questions: Iterable[tuple[int, str]],
) -> dict[str, dict[int, dict[str, list[int]]]]:
    """Questions by their first words, then by how many words they have, then whole."""
    wanted: defaultdict[str, dict[int, dict[str, list[int]]]] = defaultdict(dict)
    for place, text in questions:
        words = _WORDS.findall(normalised(text))
        if len(words) >= FEWEST:
            same_length = wanted[" ".join(words[:FEWEST])].setdefault(len(words), {})
            same_length.setdefault(" ".join(words), []).append(place)
    return dict(wanted)
