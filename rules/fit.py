"""Whether a setup fits a card: three numbers, a verdict, and what to change when it does not."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from rules import tables
from rules.errors import UserError
from rules.memory import Estimate, estimate
from rules.memory_step import GIB
from rules.setup import Setup

_MOST_ROWS, _MOST_TOKENS = 4096, 2**20


@dataclass(frozen=True, slots=True)
class Capacity:
    """The memory of one card."""

    bytes: float
    understood: str
    """What the user's words were taken for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An estimate held against a card. Bytes."""

    needs: float
    safe: float
    shown_low: float
    shown_high: float
    capacity: float | None
    fits: bool | None
    """``None`` where the card is not known."""
    tight: bool
    """It may run, but without the room that makes it sure."""
    headroom: float | None
    """What is left; below zero, what is missing."""


def capacity(said: str) -> Capacity:
    """A card by its name, or a size: ``24`` as on the box, ``24GiB``, ``24GB``.

    Raises:
        UserError: It is neither, or a size of nothing.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(gib|gb|g)?\s*", said, re.IGNORECASE)
    if not found:
        return _named(said)
    number, unit = float(found[1]), (found[2] or "").lower()
    if number <= 0:
        fix = "give the card's memory, such as --gpu 24, or leave it out"
        raise UserError(f"a card of {said.strip()}", where="--gpu", fix=fix)
    if unit == "gib":
        return Capacity(number * GIB, f"{number:g} GiB")
    if unit == "gb":
        return Capacity(number * 1e9, f"{number:g} GB of 10**9 bytes: {number * 1e9 / GIB:.1f} GiB")
    return _boxed(number)


def _boxed(number: float) -> Capacity:
    """A number without a unit is the one on the box: GiB, less what error correction takes."""
    alike = [gpu for gpu in tables.gpus() if gpu.marketed_gb == number and gpu.reported_mib]
    if not alike:
        return Capacity(number * GIB, f"{number:g} GiB, as on a card's box")
    least = min(alike, key=lambda gpu: gpu.reported_mib or 0)
    size = (least.reported_mib or 0) * 2**20
    said = (
        f"{number:g} as on the box; of these the {least.name} reports least, {size / GIB:.1f} GiB"
    )
    return Capacity(float(size), said)


def _named(said: str) -> Capacity:
    cards = {gpu.name.lower(): gpu for gpu in tables.gpus()}
    wanted = said.strip().lower()
    found = cards.get(wanted) or next((cards[name] for name in cards if wanted in name), None)
    if not wanted or found is None:
        near = get_close_matches(wanted, cards, n=1)
        hint = f"did you mean {cards[near[0]].name!r}? " if near else ""
        fix = f"{hint}give its memory instead: --gpu 24 as on the box, 24GiB or 24GB"
        raise UserError(f"no card is called {said!r}", where="--gpu", fix=fix)
    return Capacity(found.memory_gib * GIB, f"{found.name}: {found.memory_gib:.1f} GiB")


def verdict(found: Estimate, available: float | None) -> Verdict:
    """Hold an estimate against a card of so many bytes."""
    low, high = found.shown
    room = None if available is None else available - found.safe
    return Verdict(
        needs=found.needs,
        safe=found.safe,
        shown_low=low,
        shown_high=high,
        capacity=available,
        fits=None if room is None else room >= 0,
        tight=available is not None and found.needs <= available < found.safe,
        headroom=room,
    )


def most(setups: Sequence[Setup]) -> tuple[Setup, Estimate]:
    """Of the stages of an approach, the one that needs the most."""
    return max(((setup, estimate(setup)) for setup in setups), key=lambda pair: pair[1].safe)


def fits(setup: Setup, available: float) -> bool:
    """Whether a setup surely runs in so many bytes."""
    return estimate(setup).safe <= available


@dataclass(frozen=True, slots=True)
class Largest:
    """The most of each that fits, everything else as it is; 0: not even one."""

    batch: int
    tokens: int


def largest(setup: Setup, available: float) -> Largest:
    """The largest batch at this length, and the longest rows at this batch."""
    context = setup.shape.context or _MOST_TOKENS
    return Largest(
        batch=_last(lambda n: fits(replace(setup, batch=n), available), _MOST_ROWS),
        tokens=_last(lambda n: fits(replace(setup, tokens=n), available), context),
    )


def _last(holds: Callable[[int], bool], bound: int) -> int:
    """The largest number up to a bound that still holds; memory only grows."""
    low, high = 0, bound
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low
