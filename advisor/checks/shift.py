"""Training and evaluation texts that a classifier can tell apart: they are not alike.

It sees words, marks, case and length, and is cross-validated. Told is an area under its curve of
0.7 or more (0.5 is chance), or one evaluation text in ten beyond 99 % of the training texts (1 % is
chance), both at the lower end of the interval. Published splits are not perfectly alike either:
Banking77 has 0.53 and 1 %, GSM8K 0.51 and 1 %, CLINC150 0.62 to 0.65 and 3 to 4 %. That they differ
does not make a split wrong: one by time or by source is meant to, and then this says how much.
"""

from collections.abc import Iterator, Sequence
from statistics import median

from advisor.check import Found
from advisor.examined import Examined, Side, evenly
from advisor.surface import numbers
from runners import _told_apart

SAYS = "evaluation texts that are unlike those in training"
LIBRARIES = ("sklearn", "scipy")
COST = 4.0

_DRAWN = 5000
"""Texts of either side, drawn evenly."""
_FEWEST = 20
_READ = 2000  # characters of a text
_AREA, _STRANGE = 0.7, 0.1
_NAMED = 3
_LONGER = 1.5
_FIX = "measure on rows like those to come: draw both files from one source"


def look(examined: Examined) -> Iterator[Found]:
    """Where there is an evaluation file, and both sides have some texts."""
    if examined.evaluation is None:
        return
    held_out = examined.evaluation
    here, there = _drawn(examined.train), _drawn(held_out)
    if min(len(here), len(there)) < _FEWEST:
        return
    surface = [numbers(text) for text in (*here, *there)]
    apart = _told_apart.sources([*here], [*there], surface)
    area, share = apart.area, apart.share
    drawn = f", of {_DRAWN:,} drawn evenly" if len(held_out) > _DRAWN else ""
    if area.low >= _AREA:
        unlike = [*there]
        told = "a classifier tells both sides apart with an area of "
        told += f"{area.value:.2f} ({area.low:.2f} to {area.high:.2f}; chance is 0.5)"
    elif share.low >= _STRANGE:
        texts = [*there]
        unlike = [texts[place] for place in apart.strange]
        told = f"{share.value:.0%} of them lie beyond 99% of the training texts "
        told += f"({share.low:.0%} to {share.high:.0%}; chance is 1%)"
    else:
        return
    evidence = "; ".join((*_words([*here], unlike), *_lengths([*here], unlike)))
    text = f"rows of {held_out.table.path.name} unlike those in training{drawn}: {told}: {evidence}"
    where = held_out.ids(sorted(there[text] for text in unlike))
    yield Found("shift", text, where=where, fix=_FIX)


def _drawn(side: Side) -> dict[str, int]:
    """Some texts, drawn evenly, with their places.

    Each text once: a repeat on the other side of a fold would be recognised by itself.
    """
    places = frozenset(evenly(len(side), _DRAWN))
    found: dict[str, int] = {}
    for place, text in enumerate(side.questions()):
        if place in places and text.strip():
            found.setdefault(text[:_READ], place)
    return found


def _words(here: Sequence[str], unlike: Sequence[str]) -> Iterator[str]:
    for word in _told_apart.words(here, unlike, _NAMED):
        yield f"{word.text!r} in {word.first:.0%} of training and {word.second:.0%} of these"


def _lengths(here: Sequence[str], there: Sequence[str]) -> Iterator[str]:
    first, second = (median(map(len, texts)) for texts in (here, there))
    if max(first, second) >= _LONGER * max(1, min(first, second)):
        yield f"{first:.0f} characters in the middle of training and {second:.0f} of these"
