"""Texts as letters, four-letter sequences and the least of their hashes (MinHash).

What no reader would call a difference is set aside: case, spacing, punctuation, letter variants.
All of a block's texts are worked on at once, as one array of bytes; a short text takes some four
microseconds and 200 bytes. Nothing is random: the hash functions are the same on every machine.

Broder, "On the resemblance and containment of documents" (1997); of each minimum eight bits are
kept (Li and König, "b-Bit Minwise Hashing", arXiv:0910.3349).
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GRAM = 4
"""Letters in a sequence. Letters and not words: a typing error changes a few sequences, and
languages without spaces have words too."""
FEWEST = 20
"""Sequences (so 23 letters) from which on a text is looked at: in a shorter one a single word is
the meaning, and those that are equal are found as repeats."""
_READ = 10_000
"""Letters of a text that are compared at most: the first, some 1,700 words."""
_BLOCK = 250_000
"""Letters that are worked on at once: their hashes stay in a processor's cache."""
_MANY, _SOME, _FEW = 128, 64, 1_500_000
"""Minima a text, up to so many texts, and beyond: a matter of memory."""
_GAP, _END = 32, 0


class Sketch(NamedTuple):
    """Texts prepared to be compared, n of them."""

    places: "NDArray[np.int64]"
    """(n,) where each text stood in what was given, ascending."""
    minima: "NDArray[np.uint8]"
    """(n, m) the last eight bits of the least hash, for each of m hash functions."""
    letters: "NDArray[np.uint8]"
    """All texts one after the other, a byte a letter; those beyond Latin-1 share 128 values."""
    starts: "NDArray[np.int64]"
    """(n,) where in ``letters`` each begins."""
    sizes: "NDArray[np.int64]"
    """(n,) the letters of each."""


def sketch(texts: Iterable[tuple[int, str]], most: int) -> Sketch:
    """Prepare texts, each with its place.

    Args:
        texts: Places ascend; texts that are too short are left out.
        most: So many texts or fewer will come.
    """
    import numpy as np

    functions = multipliers(_MANY if most <= _FEW else _SOME)
    minima = np.empty((most, len(functions)), np.uint8)
    letters = bytearray()
    places: list[NDArray[np.int64]] = []
    sizes: list[NDArray[np.int64]] = []
    count = 0
    for block in _blocks(texts):
        line, size = _letters([text for _, text in block])
        long = size >= FEWEST + GRAM - 1
        line = line[np.repeat(long, size + 1)]
        found = int(long.sum())
        if not found:
            continue
        minima[count : count + found] = _least(line, size[long], functions)
        letters += line[line != _END].tobytes()
        places.append(np.array([place for place, _ in block], np.int64)[long])
        sizes.append(size[long])
        count += found
    whole = np.concatenate([np.zeros(0, np.int64), *sizes])
    return Sketch(
        np.concatenate([np.zeros(0, np.int64), *places]),
        minima[:count],
        np.frombuffer(letters, np.uint8) if letters else np.zeros(0, np.uint8),
        np.cumsum(whole) - whole,
        whole,
    )


@cache
def multipliers(count: int) -> "tuple[np.uint32, ...]":
    """One odd number for each hash function: mixed bits times it are another order of them."""
    import numpy as np

    drawn = np.frombuffer(hashlib.shake_256(b"near").digest(4 * count), "<u4")
    return tuple(np.uint32(number) for number in drawn | np.uint32(1))


def _blocks(texts: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    block: list[tuple[int, str]] = []
    size = 0
    for place, text in texts:
        block.append((place, text[:_READ]))
        size += len(text[:_READ]) + 1
        if size >= _BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def _letters(texts: Sequence[str]) -> "tuple[NDArray[np.uint8], NDArray[np.int64]]":
    """The letters of all texts, each text with an end mark, and how many letters each has."""
    import numpy as np

    joined = "\0".join(texts)
    if joined.count("\0") >= len(texts):
        joined = "\0".join(text.replace("\0", " ") for text in texts)
    if not joined.isascii():
        joined = unicodedata.normalize("NFKC", joined)
    coded = (joined.casefold() + "\0").encode("utf-16-le", "surrogatepass")
    line = _alphabet()[np.frombuffer(coded, "<u2")]
    after_letter = np.empty(len(line), np.bool_)
    after_letter[0] = False
    np.greater(line[:-1], _GAP, out=after_letter[1:])
    line = line[(line != _GAP) | after_letter]
    trailing = np.zeros(len(line), np.bool_)
    np.logical_and(line[:-1] == _GAP, line[1:] == _END, out=trailing[:-1])
    line = line[~trailing]
    return line, np.diff(np.flatnonzero(line == _END), prepend=-1) - 1


@cache
def _alphabet() -> "NDArray[np.uint8]":
    """A byte for each UTF-16 unit: letters, marks and digits as such, all else a gap."""
    import numpy as np

    table = np.full(1 << 16, _GAP, np.uint8)
    for code in range(1, 1 << 16):
        kind = unicodedata.category(chr(code))
        if kind[0] in "LMN" or kind == "Cs":
            # Neighbours in an alphabet stay apart: the last seven bits are those that differ.
            table[code] = code if code < 256 else 128 | code & 127
    table[0] = _END
    return table


def _least(
    line: "NDArray[np.uint8]", sizes: "NDArray[np.int64]", functions: "Sequence[np.uint32]"
) -> "NDArray[np.uint8]":
    """(n, m) the least hash of the sequences of each text, its last eight bits."""
    import numpy as np

    inside = line != _END
    whole = inside[:-3] & inside[1:-2] & inside[2:-1] & inside[3:]
    wide = line.astype(np.uint32)
    four = wide[:-3]  # the letters of a sequence are the four bytes of one number
    for nth, after in enumerate((wide[1:-2], wide[2:-1], wide[3:]), 1):
        four = four | after << np.uint32(8 * nth)
    mixed = _mix(four[whole])
    counts = sizes - (GRAM - 1)
    starts = np.cumsum(counts) - counts
    hashed = np.empty_like(mixed)
    found = np.empty((len(functions), len(sizes)), np.uint8)
    for row, function in zip(found, functions, strict=True):
        np.multiply(mixed, function, out=hashed)
        row[:] = np.minimum.reduceat(hashed, starts) & np.uint32(255)
    return found.T


def _mix(numbers: "NDArray[np.uint32]") -> "NDArray[np.uint32]":
    """Spread every bit over all others (the finaliser of MurmurHash3, public domain)."""
    import numpy as np

    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        numbers = numbers ^ numbers >> np.uint32(shift)
        numbers *= np.uint32(factor)
    return numbers ^ numbers >> np.uint32(16)
