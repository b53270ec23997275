"""Words that are insults, slurs or sexual in many contexts: markers, not a judgement.

The words are those of ``badwords-py`` (its own and two public collections). A list knows no
context: it finds a medical question and misses an insult in polite words. So rows are counted and
shown, and none is ever left out because of it.
"""

from collections.abc import Iterator
from itertools import zip_longest

from advisor.check import Found
from advisor.examined import LABELLED, Examined, evenly
from advisor.said import drawn, picked

SAYS = "words that may be insulting or sexual, by a list of English words"
LIBRARIES = ("badwords",)
COST = 0.4
_READ = 50_000
"""Rows of which words are looked up; a short text takes 5 microseconds, a page 100."""
_CHARACTERS = 50_000_000
"""And so many characters of them at most."""
_SHOWN = 3


def look(examined: Examined) -> Iterator[Found]:
    """What a row asks and what it teaches, letter for letter as words."""
    side = examined.train
    places = evenly(len(side), _READ)
    asked = picked(side.questions(), places, len(side))
    taught = [] if side.kind in LABELLED else picked(side.answers(), places, len(side))
    limit = _CHARACTERS // max(len(places), 1)
    texts = [
        f"{question[:limit]}\n{answer[:limit]}"
        for question, answer in zip_longest(asked, taught, fillvalue="")
    ]
    marked = [place for place, found in zip(places, _marked(texts), strict=True) if found]
    if marked:
        text = f"rows with words that may be insulting or sexual{drawn(places, side)}; "
        text += "a list of English words knows no context: these are markers, not a judgement"
        fix = "look at some of them, and decide whether a model should learn to write so"
        yield Found("toxic_words", text, marked, "info", fix)


def _marked(texts: list[str]) -> list[bool]:
    from badwords import ProfanityFilter

    words = ProfanityFilter()
    # Without folding Cyrillic onto Latin letters, which makes words of other languages into these.
    words.init(["en"], processing_transliterate=False, processing_replace_homoglyphs=False)
    return words.is_profane_many(texts)
