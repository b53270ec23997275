"""Training rows that nearly repeat another one, and those among them that are labelled otherwise.

Near means three of four four-letter sequences in common (``advisor/near.py``). Exact repeats are
another check's. Nothing is mended: two texts that differ in a word or a number may both be right.
"""

from collections.abc import Iterator, Mapping, Sequence

from advisor import near
from advisor.check import Found
from advisor.examined import Examined, Side

SAYS = "rows that nearly repeat another one"
LIBRARIES = ("numpy",)
COST = 12.0


def look(examined: Examined) -> Iterator[Found]:
    """Of any kind of rows, by what they ask."""
    groups = examined.near.groups
    if not groups:
        return
    copies = sorted(place for group in groups for place in group[1:])
    largest = max(map(len, groups))
    text = f"rows that nearly repeat another one ({near.SAYS}): {len(groups):,} groups, "
    text += f"the largest of {largest:,} rows"
    fix = "nothing to do: they are kept on one side when the data is split"
    if examined.evaluation:
        fix = "nothing to do: that both are learned from does no harm"
    yield Found("near_duplicates", text, copies, "info", fix)
    yield from _otherwise(examined.train, groups)


def _otherwise(side: Side, groups: Sequence[Sequence[int]]) -> Iterator[Found]:
    if not side.labelled:
        return
    inside = {place for group in groups for place in group}
    labels = {place: label for place, label in enumerate(side.targets()) if place in inside}
    mixed = [group for group in groups if len({labels[place] for place in group}) > 1]
    if mixed:
        first, second = _pair(mixed[0], labels)
        names = side.ids((first, second))
        text = f"rows labelled otherwise than one that is nearly the same: {len(mixed):,} groups"
        fix = f"look at them, starting with {names[0]} ({labels[first]!r}) and {names[1]} "
        fix += f"({labels[second]!r}): one label may be wrong"
        places = sorted(place for group in mixed for place in group)
        yield Found("near_contradictions", text, places, "info", fix)


def _pair(group: Sequence[int], labels: Mapping[int, str]) -> tuple[int, int]:
    """The first row, and the first of another label."""
    return group[0], next(place for place in group if labels[place] != labels[group[0]])
