"""Texts that are very long, damaged by a wrong encoding, or full of HTML."""

import html
import re
from collections.abc import Iterator
from functools import cache

from advisor.check import Found, Remedy
from advisor.examined import Examined

SAYS = "texts that are very long, damaged by a wrong encoding, or full of HTML"
LIBRARIES = ("ftfy",)
COST = 2.1

_LONG = 20_000
_LOST = re.compile("\ufffd|â€|‰Û|[ÌåÃÂ]_|Ì(?:[^\x00-\x7f\\w]|Ï)|å[£À-Ý]")
"""Damage beyond what ``ftfy`` knows: letters that are gone, and UTF-8 read as cp1252, written as
Mac Roman and read as cp1252 again, as in the SMS Spam Collection."""
_TWICE = re.compile("‰Û[^\x00-\x7f]|Ì[^\x00-\x7f]|å[£À-Ý\u0080-\u00bf]")
_TAIL = (
    "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013-\u203a\u20ac\u2122"
)
_SUSPECT = re.compile(
    f"[À-ßĂ][{_TAIL}]|[à-ô][{_TAIL}]{{2}}|[ÂÃ] |\u201aÄ|[√¬][^\x00-\x7f]|[┬├]"
    "|[ВГРС][\u0080-\u040f\u0450\u0452-\u045f\u2010-\u2122]"
)
"""A byte that begins a letter in UTF-8 and one that goes on with it, as cp1252, Mac Roman, DOS and
cp1251 show them. Without them ``ftfy``, which takes ten times as long, has nothing to find."""
_MARKUP = re.compile(r"&(?:[a-z]{2,6}|#\d{2,5});|<br\s*/?>|</?(?:p|div|span|b|i|a)\b[^<>]*>", re.I)


def look(examined: Examined) -> Iterator[Found]:
    """What a row asks and what it answers alike."""
    long: list[int] = []
    damaged: list[int] = []
    marked: list[int] = []
    side = examined.train
    for place, texts in enumerate(zip(side.questions(), side.answers(), strict=True)):
        if max(map(len, texts)) > _LONG:
            long.append(place)
        if any(not text.isascii() and is_damaged(text) for text in texts):
            damaged.append(place)
        if any(("&" in text or "<" in text) and _MARKUP.search(text) for text in texts):
            marked.append(place)
    if long:
        text = f"texts of more than {_LONG:,} characters, of which a model reads a part only"
        fix = "look at them: a quote may be missing; else split or shorten them"
        yield Found("long_text", text, long, fix=fix)
    if damaged:
        text = "texts with damaged letters, such as â€™ for an apostrophe"
        fix = "export them again as UTF-8, or have them repaired: --fix OUT"
        yield Found("damaged_letters", text, damaged, fix=fix, remedy=_REPAIRED)
    if marked:
        fix = "take it out, unless the texts to come will have it too"
        text = "texts with HTML in them, such as &amp;"
        yield Found("markup", text, marked, "info", fix, _UNESCAPED)


def is_damaged(text: str) -> bool:
    """Whether letters of the text were decoded with the wrong encoding."""
    return bool(_LOST.search(text) or (_SUSPECT.search(text) and _badness()(text)))


@cache
def _badness():  # noqa: ANN202 -- a function of a library that is imported late
    from ftfy.badness import is_bad

    return is_bad


def repaired(text: str) -> str:
    """The text as it was before it was decoded wrongly; what is lost stays lost."""
    from ftfy import fix_encoding

    return text if text.isascii() else fix_encoding(_TWICE.sub(_undone, text))


def _undone(found: re.Match[str]) -> str:
    """One letter that went through cp1252, Mac Roman and cp1252; itself where it did not."""
    from ftfy.fixes import fix_c1_controls

    try:
        wrong = found.group().encode("cp1252").decode("mac_roman")
        return fix_c1_controls(wrong.encode("sloppy-windows-1252").decode())
    except UnicodeError:
        return found.group()


_REPAIRED = Remedy("damaged letters repaired", repaired)
_UNESCAPED = Remedy("HTML entities turned into characters", html.unescape)
