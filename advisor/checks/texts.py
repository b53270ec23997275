"""Texts that are very long, damaged by a wrong encoding, or full of HTML."""

import html
import re
from collections.abc import Iterator

from advisor.check import Found, Remedy
from advisor.examined import Examined

SAYS = "texts that are very long, damaged by a wrong encoding, or full of HTML"
LIBRARIES = ()
COST = 2.0

_LONG = 20_000
_DAMAGED = re.compile("â€|[ÃÂ][\u0080-\u00bf]|‰Û|åÕ|å£|\ufffd")
"""What is left of quotes and accents when text was decoded with the wrong encoding."""
_MARKUP = re.compile(r"&(?:[a-z]{2,6}|#\d{2,5});|<br\s*/?>|</?(?:p|div|span|b|i|a)\b[^<>]*>", re.I)
_UNESCAPED = Remedy("HTML entities turned into characters", html.unescape)


def look(examined: Examined) -> Iterator[Found]:
    """What a row asks and what it answers alike."""
    long: list[int] = []
    damaged: list[int] = []
    marked: list[int] = []
    side = examined.train
    for place, texts in enumerate(zip(side.questions(), side.answers(), strict=True)):
        if max(map(len, texts)) > _LONG:
            long.append(place)
        if any(not text.isascii() and _DAMAGED.search(text) for text in texts):
            damaged.append(place)
        if any(("&" in text or "<" in text) and _MARKUP.search(text) for text in texts):
            marked.append(place)
    if long:
        text = f"texts of more than {_LONG:,} characters, of which a model reads a part only"
        fix = "look at them: a quote may be missing; else split or shorten them"
        yield Found("long_text", text, long, fix=fix)
    if damaged:
        text = "texts with damaged letters, such as â€™ for an apostrophe"
        fix = "export them again as UTF-8, or repair them: pip install ftfy"
        yield Found("damaged_letters", text, damaged, fix=fix)
    if marked:
        fix = "take it out, unless the texts to come will have it too"
        text = "texts with HTML in them, such as &amp;"
        yield Found("markup", text, marked, "info", fix, _UNESCAPED)
