"""Near texts among the rows on the examiner's table: within training, and across what is apart.

Rows that ask the same are looked at once, by the first of them. Prepared texts (some 200 bytes
each) are let go of as soon as all have been compared.
"""

from typing import TYPE_CHECKING, NamedTuple

from advisor import near

if TYPE_CHECKING:
    from advisor.examined import Examined, Side
    from advisor.near import Sketch


class NearRows(NamedTuple):
    """Which rows are near which, by their places; those that ask the very same aside."""

    groups: list[list[int]]
    """Training rows that are near each other, one of each question."""
    leaked: dict[int, int]
    """Training rows that are near an evaluation row, and the place of that one there."""
    shown: dict[int, int]
    """Evaluation rows that are near a row of the corpus, and the place of that one there; without
    an evaluation, training rows, of which some will be set aside to measure on."""


def near_rows(examined: "Examined") -> NearRows:
    """Compare everything with everything that it must not repeat."""
    train, held_out, corpus = examined.train, examined.evaluation, examined.corpus
    texts = _prepared(train)
    groups = near.groups(texts)
    held = _prepared(held_out) if held_out else None
    leaked = _across(train, texts, held_out, held)
    if held_out:
        shown = _across(held_out, held, corpus, _prepared(corpus) if corpus else None)
    else:
        shown = _across(train, texts, corpus, _prepared(corpus) if corpus else None)
    return NearRows(groups, leaked, shown)


def _prepared(side: "Side") -> "Sketch":
    return near.sketch(side.distinct(), len(side))


def _across(
    side: "Side", texts: "Sketch | None", other: "Side | None", held: "Sketch | None"
) -> dict[int, int]:
    """Rows near one of the other side, with all that ask the same; those that stand there aside."""
    if texts is None or other is None or held is None:
        return {}
    known = set(other.keys)
    near_to = near.across(texts, held)
    found = {place: twin for place, twin in near_to.items() if side.keys[place] not in known}
    for first, *later in side.same:
        if first in found:
            found.update(dict.fromkeys(later, found[first]))
    return dict(sorted(found.items()))
