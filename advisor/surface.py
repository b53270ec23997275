"""The surface of a text: what can be seen of it without reading it, such as its first mark or case.

A model that can guess an answer from the surface learns the surface. ``advisor/checks/giveaway.py``
looks for single signs, ``advisor/checks/shortcut.py`` for what they give away together.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from advisor.examined import Side, evenly

PAIRS = ("preference", "ranked_pairs")
"""Kinds of rows that hold a better and a worse answer."""
DRAWN = 20_000
"""Rows that are looked at: drawn evenly, so that a million cost little more."""
_HEAD = 200  # characters at either end in which its first or last words are looked for

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*[.,!?;…]*|[.,!?…]+")
"""What any writer may begin or end with: a word, with the marks of a sentence."""
_LEAD = re.compile(r"(?:[^\w\s'\u2019]+\w*)*[^\w\s'\u2019]+|\w+[^\w\s'\u2019-]+")
"""A mark at the beginning that no space ends: ``<b>``, ``[T-1]``, ``FWD:``."""
_TAIL = re.compile(r"[^\w\s]+$")
_DIGITS = re.compile(r"\d+")
_MARKUP = re.compile(r"&(?:[a-z]{2,6}|#\d{2,5});|</?[a-z][^<>]*>", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://|www\.|\S@\S+\.\w")
_USUAL = frozenset(".,?!'\"-\u2019\u201c\u201d…")
_ENDS = frozenset(".?!…") | {"...", "?!", "!!", "??"}


class Sign(NamedTuple):
    """One thing that can be seen of a text."""

    how: str
    """The group it is told in, as what gives a row away: ``how they start``."""
    what: str
    """Reads on from *texts*: ``that start with 'FWD:'``; digits stand as 0."""
    natural: bool
    """Whether any writer may do it: a plain first word, a question mark."""


class Seen(NamedTuple):
    """A text whose surface is looked at, and what it must not give away."""

    place: int
    text: str
    classes: tuple[str, ...]
    """The labels, or whether an answer is the better one."""


def seen(side: Side, wanted: int = DRAWN) -> list[Seen]:
    """Texts and what they must not give away; none for other kinds.

    A text with one label counts once. Of pairs all are kept, since a text may win and lose.
    """
    places = frozenset(evenly(len(side), wanted))
    items = [item for item in _all(side) if item.place in places]
    if side.kind in PAIRS:
        return items
    return list({item[1:]: item for item in reversed(items)}.values())[::-1]


def _all(side: Side) -> Iterator[Seen]:
    take = _KINDS.get(side.kind)
    return take(side) if take else iter(())


def _labels(side: Side) -> Iterator[Seen]:
    for place, (text, label) in enumerate(zip(side.questions(), side.targets(), strict=True)):
        yield Seen(place, text, (label,))


def _several(side: Side) -> Iterator[Seen]:
    labels = side.table.rows.column("labels")
    for place, (text, held) in enumerate(zip(side.questions(), labels, strict=True)):
        yield Seen(place, text, held)


def _thumbs(side: Side) -> Iterator[Seen]:
    thumbs = side.table.rows.column("liked")
    for place, (text, liked) in enumerate(zip(side.targets(), thumbs, strict=True)):
        yield Seen(place, text, ("liked" if liked else "disliked",))


def _pairs(side: Side) -> Iterator[Seen]:
    worse = side.table.rows.column("rejected")
    for place, (better, other) in enumerate(zip(side.targets(), worse, strict=True)):
        yield Seen(place, better, ("chosen",))
        yield Seen(place, other or "", ("rejected",))


_KINDS: dict[str, Callable[[Side], Iterator[Seen]]] = {
    "classification": _labels,
    "multi_label": _several,
    "liked": _thumbs,
    **dict.fromkeys(PAIRS, _pairs),
}


def drawn(side: Side) -> str:
    """Says that not all rows were looked at, where that is so."""
    return f", of {DRAWN:,} rows drawn evenly" if len(side) > DRAWN else ""


def signs(text: str) -> set[Sign]:
    """Everything of a text that may give something away."""
    return {*_starts(text), *_ends(text), *_characters(text), *_form(text)}


def _starts(text: str) -> Iterator[Sign]:
    words = text[:_HEAD].split(None, 3)[:3]
    lead = _LEAD.match(text.lstrip()[:_HEAD])
    heads = {" ".join(words[:count]) for count in (1, 2, 3)} | {lead[0] if lead else ""}
    for head in heads - {""}:
        natural = all(_WORD.fullmatch(word) and not _loud(word) for word in head.split())
        yield Sign("how they start", f"that start with {_shape(head)!r}", natural)


def _ends(text: str) -> Iterator[Sign]:
    words = text[-_HEAD:].split()[-2:]
    for tail in {" ".join(words), *words[-1:]} - {""}:
        # A plain last word is what the text is about: "reset the settings".
        if not all(_WORD.fullmatch(word) and not _loud(word) for word in tail.split()):
            yield Sign("how they end", f"that end with {_shape(tail)!r}", False)
    mark = _TAIL.search(text.rstrip()[-_HEAD:])
    if mark:
        yield Sign("how they end", f"that end with {mark[0]!r}", mark[0] in _ENDS)
    else:
        yield Sign("how they end", "that end without a mark", True)


def _characters(text: str) -> Iterator[Sign]:
    for letter in set(text) - _USUAL:
        if not (letter.isspace() or (letter.isascii() and letter.isalnum())):
            yield Sign("their characters", f"that hold {letter!r}", letter.isalnum())
    for what, pattern in (("markup", _MARKUP), ("an address", _ADDRESS)):
        if pattern.search(text):
            yield Sign("their characters", f"that hold {what}", False)
    if _DIGITS.search(text):
        yield Sign("their characters", "that hold digits", True)
    if not text.isascii():
        plain = all(letter.isascii() or letter.isalpha() for letter in text)
        what = "that hold letters beyond a to z" if plain else "that hold marks beyond ASCII"
        yield Sign("their characters", what, plain)


def _form(text: str) -> Iterator[Sign]:
    shown = {
        "that begin with a space": text[:1].isspace(),
        "that end with a space": text[-1:].isspace(),
        "with two spaces in a row": "  " in text,
        "with a line break": "\n" in text.strip(),
        "without a capital letter": text.islower(),
        "in capital letters only": text.isupper() and len(text) > 3,
        "that begin with a small letter": text[:1].islower(),
    }
    for what, holds in shown.items():
        if holds:
            yield Sign("their spacing and case", what, False)
    yield Sign("their length", f"of {len(text):,} characters", False)


def _loud(word: str) -> bool:
    """``FWD`` and the like; one letter, as in ``I``, is a word."""
    return len(word) > 1 and word.isupper()


def _shape(text: str) -> str:
    """With any number as 0, so that ticket numbers are one sign."""
    return _DIGITS.sub("0", text)


NUMBERS = (
    *("characters", "words", "length of words", "share of capitals", "share of digits"),
    *("share of marks", "share beyond ASCII", "line breaks", "double spaces", "spaces at the ends"),
    *("markup and addresses", "kind of the first character", "kind of the last character"),
    *("exclamation marks", "question marks", "full stops"),
)
"""What ``numbers`` gives, in this order."""


def numbers(text: str) -> tuple[float, ...]:
    """The surface of a text as numbers, for a classifier that may see nothing else."""
    size, words = max(1, len(text)), len(text.split())
    letters, digits = sum(map(str.isalpha, text)), sum(map(str.isdigit, text))
    spaces = sum(map(str.isspace, text))
    return (
        float(len(text)),
        float(words),
        (size - spaces) / max(1, words),
        sum(map(str.isupper, text)) / max(1, letters),
        digits / size,
        (size - letters - digits - spaces) / size,
        sum(letter > "\x7f" for letter in text) / size if not text.isascii() else 0.0,
        float(text.count("\n")),
        float(text.count("  ")),
        float(len(text) - len(text.strip())),
        float(bool(_MARKUP.search(text)) + bool(_ADDRESS.search(text))),
        _kind(text[:1]),
        _kind(text.rstrip()[-1:]),
        float(text.count("!")),
        float(text.count("?")),
        float(text.count(".")),
    )


def _kind(letter: str) -> float:
    """Small, capital, digit or other; marks by their code, so that a tree can tell them apart."""
    if letter.islower():
        return 0.0
    if letter.isupper():
        return 1.0
    return 2.0 if letter.isdigit() else 3.0 + min(ord(letter or " "), 1000)
