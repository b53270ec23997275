"""Texts that are nearly the same: three quarters of their four-letter sequences in common.

Two texts are near when the Jaccard similarity of their sets of four-letter sequences is 0.75 or
more, case, spacing and punctuation aside: in some twelve words one may differ. Where texts differ
in a number alone they are near too: whoever has learned the one has learned the form of the other.
Texts below 23 letters are never near.

Candidates come from MinHash: texts are sorted by eight of their minima at a time, and each is
compared with those next to it in this order, so that the time grows with the number of texts and
not with its square, whatever they are. Each candidate is then verified by its true similarity: what
is called near is near, and of what is near about one in a hundred is missed (more just above 0.75,
fewer above). Groups are chains: their first and their last need not be near.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from advisor.near_sketch import GRAM, Sketch, sketch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SAYS", "THRESHOLD", "Sketch", "across", "groups", "near_groups", "prepared", "sketch"]

THRESHOLD = 0.75
SAYS = "three of four four-letter sequences in common, or more"
"""What near means, for a message."""
_SURE = 0.08
"""How far below the threshold an estimate may be and still be verified: two standard deviations."""
_RUN, _STEP = 8, 4
"""Minima that texts are sorted by, and how far the next sorting starts behind the last."""
_SHARED = 5
"""Of these minima, in their order, as many as two texts must share to be candidates."""
_BESIDE = (1, 2)
"""Which neighbours in the order a text is compared with."""
_VERIFIED = 400_000
"""Letters that are compared at once."""
_REFUTED = 4_000_000
"""Pairs that are remembered as not near at most, so that no later sorting verifies them again."""


def near_groups(texts: Sequence[str]) -> list[list[int]]:
    """Places of texts that are near each other, in groups of two or more; alone: left out."""
    return groups(prepared(texts))


def prepared(texts: Sequence[str]) -> Sketch:
    """Texts that can be compared, each by its place among them."""
    return sketch(enumerate(texts), len(texts))


def groups(texts: Sketch) -> list[list[int]]:
    """The same for texts that are prepared; the places are those given with them."""
    import numpy as np

    count = len(texts.places)
    first = np.arange(count)
    refuted = np.zeros(0, np.int64)
    for one, other in _neighbours(texts, first):
        one, other = _alike(texts, one, texts, other)
        fresh = ~np.isin(one * count + other, refuted, assume_unique=True)
        one, other = one[fresh], other[fresh]
        near = _near(texts, one, texts, other)
        _join(first, one[near], other[near])
        wrong = one[~near] * count + other[~near]
        refuted = np.concatenate([refuted, wrong])[-_REFUTED:]
    return _gathered(first, texts.places)


def across(texts: Sketch, held: Sketch) -> dict[int, int]:
    """Places of texts that are near one of those held against them, and the place of that one."""
    import numpy as np

    found: dict[int, int] = {}
    left = np.arange(len(texts.places))
    if not len(left) or not len(held.places):
        return found
    width = _width(max(len(texts.places), len(held.places)))
    for column in range(0, min(texts.minima.shape[1], held.minima.shape[1]), _STEP):
        order = np.argsort(keys := _keys(held.minima, column, width), kind="stable")
        keys, wanted = keys[order], _keys(texts.minima, column, width)[left]
        spot = np.searchsorted(keys, wanted)
        for beside in (spot - 1, spot):
            beside = np.clip(beside, 0, len(keys) - 1)
            shared = (keys[beside] ^ wanted) >> np.uint64(width * (_RUN - _SHARED)) == 0
            one, other = _alike(texts, left[shared], held, order[beside[shared]])
            near = _near(texts, one, held, other)
            pairs = zip(texts.places[one[near]], held.places[other[near]], strict=True)
            found.update((int(place), int(twin)) for place, twin in pairs)
        left = left[~np.isin(texts.places[left], list(found))]
    return dict(sorted(found.items()))


def _width(count: int) -> int:
    """Bits of a minimum that fit into a key beside the number of the text."""
    return min(8, (64 - max(count - 1, 1).bit_length()) // _RUN)


def _keys(minima: "NDArray[np.uint8]", column: int, width: int) -> "NDArray[np.uint64]":
    """(n,) some minima of each text in one number, the first of them in front."""
    import numpy as np

    keys = np.zeros(len(minima), np.uint64)
    for nth in range(column, column + _RUN):
        keys <<= np.uint64(width)
        keys |= minima[:, nth % minima.shape[1]] & np.uint8((1 << width) - 1)
    return keys


def _neighbours(
    texts: Sketch, first: "NDArray[np.int64]"
) -> "Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]":
    """Pairs that stand beside each other in one of the orders, and are not in one group yet."""
    import numpy as np

    count = len(texts.places)
    width, bits = _width(count), np.uint64(max(count - 1, 1).bit_length())
    for column in range(0, texts.minima.shape[1], _STEP):
        # The number of the text in the same 64 bits: sorting values is ten times as fast as
        # sorting places, and ties have one order on every machine.
        order = _keys(texts.minima, column, width) << bits | np.arange(count, dtype=np.uint64)
        order.sort()
        places = (order & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
        order >>= bits + np.uint64(width * (_RUN - _SHARED))
        for beside in _BESIDE:
            one, other = places[:-beside], places[beside:]
            apart = (order[:-beside] == order[beside:]) & (first[one] != first[other])
            one, other = one[apart], other[apart]
            yield np.minimum(one, other), np.maximum(one, other)


def _alike(
    texts: Sketch, one: "NDArray[np.int64]", held: Sketch, other: "NDArray[np.int64]"
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Those pairs that have so many minima in common that they may be near."""
    import numpy as np

    columns = min(texts.minima.shape[1], held.minima.shape[1])
    # A quarter of the minima rules most pairs out; all of them decide.
    for part, slack in ((columns // 4, 2 * _SURE), (columns, _SURE)):
        kept = np.empty(len(one), np.bool_)
        for start in range(0, len(one), 1 << 16):
            some = slice(start, start + (1 << 16))
            equal = texts.minima[one[some], :part] == held.minima[other[some], :part]
            kept[some] = np.count_nonzero(equal, axis=1) >= part * (THRESHOLD - slack)
        one, other = one[kept], other[kept]
    return one, other


def _near(
    texts: Sketch, one: "NDArray[np.int64]", held: Sketch, other: "NDArray[np.int64]"
) -> "NDArray[np.bool_]":
    """Which pairs are near, by their true similarity."""
    import numpy as np

    ends = np.cumsum(texts.sizes[one] + held.sizes[other])
    near = np.empty(len(one), np.bool_)
    start = 0
    while start < len(one):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _VERIFIED)))
        near[start:stop] = _similarity(texts, one[start:stop], held, other[start:stop]) >= THRESHOLD
        start = stop
    return near


def _similarity(
    texts: Sketch, one: "NDArray[np.int64]", held: Sketch, other: "NDArray[np.int64]"
) -> "NDArray[np.float64]":
    """(pairs,) the Jaccard similarity of their sets of sequences."""
    import numpy as np

    # Each sequence with its pair in front: what is in both texts stands twice, side by side.
    both = np.concatenate([_sets(texts, one), _sets(held, other)])
    both.sort()
    twice = both[:-1][both[:-1] == both[1:]]
    pairs = len(one)
    shared = np.bincount((twice >> np.uint64(32)).astype(np.int64), minlength=pairs)
    whole = np.bincount((both >> np.uint64(32)).astype(np.int64), minlength=pairs)
    return shared / (whole - shared)


def _sets(texts: Sketch, which: "NDArray[np.int64]") -> "NDArray[np.uint64]":
    """The sequences of some texts, each once, with the number of the text in ``which`` in front."""
    import numpy as np

    counts = texts.sizes[which] - (GRAM - 1)
    number = np.repeat(np.arange(len(which)), counts)
    within = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin = np.repeat(texts.starts[which], counts) + within
    wide = [texts.letters[begin + nth].astype(np.uint64) for nth in range(GRAM)]
    code = number.astype(np.uint64) << np.uint64(32)
    for nth, letters in enumerate(wide):
        code |= letters << np.uint64(8 * nth)
    code.sort()
    return code[np.concatenate([[True], code[1:] != code[:-1]])] if len(code) else code


def _join(first: "NDArray[np.int64]", one: "NDArray[np.int64]", other: "NDArray[np.int64]") -> None:
    """Put each pair into one group; a group goes by the first text in it."""
    above: dict[int, int] = {}

    def top(number: int) -> int:
        while (higher := above.get(number, number)) != number:
            above[number] = number = above.get(higher, higher)
        return number

    for left, right in zip(first[one].tolist(), first[other].tolist(), strict=True):
        low, high = sorted((top(left), top(right)))
        if low != high:
            above[high] = low
    if above:
        import numpy as np

        names = np.arange(len(first))
        moved = list(above)
        names[moved] = [top(number) for number in moved]
        first[:] = names[first]


def _gathered(first: "NDArray[np.int64]", places: "NDArray[np.int64]") -> list[list[int]]:
    """Groups of two and more, each ascending, in the order of their first."""
    import numpy as np

    order = np.argsort(first, kind="stable")
    ends: Iterable[np.int64] = np.flatnonzero(np.diff(first[order], append=-1)) + 1
    found: list[list[int]] = []
    start = 0
    for end in ends:
        if end - start > 1:
            found.append(places[order[start:end]].tolist())
        start = int(end)
    return found
