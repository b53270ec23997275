"""How often documents change, by the dates written in them: a hint, and only where most are dated.

Each document's latest date stands for it; the median gap between the recent ones of these dates is
the pace. Dates in the future are plans, and 03/04/2024 is not read: nobody can tell which it is.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from statistics import median
from typing import NamedTuple

_ENOUGH = 10
"""Documents with a date below which nothing is said; recent days, for a pace of days or weeks."""
_SEVERAL = 3
"""Recent days below which there is no pace at all."""
_DATED = 0.5
"""Share of the documents that must have a date."""
_RECENT = 730
"""Days before the newest date that show today's pace, and for which the newest is news at all."""
_PACES = ((3.5, "daily"), (17.0, "weekly"), (120.0, "monthly"))
"""Median gaps in days: half-way, as a factor, to the next slower pace."""
DOCUMENTS = 2000
"""Documents that are searched."""
_READ = 20_000
"""Characters of each of them."""
_MONTHS = (  # noqa: SIM905
    "jan feb mar apr may jun jul aug sep oct nov dec "
    "januar februar märz april mai juni juli august september oktober november dezember"
).split()
_MONTH = (
    "jan(?:uar[y]?)?|feb(?:ruar[y]?)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli"
    "|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
)
_WRITTEN = re.compile(
    r"\b(?P<y>(?:19|20)\d\d)[-/.](?P<m>0[1-9]|1[0-2])[-/.](?P<d>0[1-9]|[12]\d|3[01])(?!\d)"
    r"|\b(?P<d2>[0-3]?\d)\.(?P<m2>[01]?\d)\.(?P<y2>(?:19|20)\d\d)\b"
    rf"|\b(?P<d3>[0-3]?\d)(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<n3>{_MONTH})\.?,?\s(?P<y3>(?:19|20)\d\d)\b"
    rf"|\b(?P<n4>{_MONTH})\.?\s(?P<d4>[0-3]?\d)(?:st|nd|rd|th)?,?\s(?P<y4>(?:19|20)\d\d)\b",
    re.I,
)


class Pace(NamedTuple):
    """How often documents change."""

    name: str
    """As a rule knows it: ``daily``, ``weekly``, ``monthly`` or ``static``."""
    how: str


def pace(documents: Iterable[str], name: str, today: date | None = None) -> Pace | None:
    """What the dates in documents say; ``None`` where too few are dated, or all long ago.

    Args:
        documents: Their texts.
        name: What they are called in the reason.
        today: Dates after it are plans; the day of the call, unless given.
    """
    today = today or date.today()
    latest: list[date] = []
    count = 0
    for text in documents:
        count += 1
        newest = max((day for day in dates(text[:_READ]) if day <= today), default=None)
        if newest:
            latest.append(newest)
    if len(latest) < max(_ENOUGH, _DATED * count) or (today - max(latest)).days > _RECENT:
        return None
    recent = sorted({day for day in latest if (max(latest) - day).days <= _RECENT})
    dated = f"the latest dates in {len(latest):,} of {count:,} documents in {name}"
    if len(recent) < _SEVERAL:
        return None
    gap = median((after - before).days for before, after in pairwise(recent))
    found = next((called for days, called in _PACES if gap <= days), "static")
    if found in ("daily", "weekly") and len(recent) < _ENOUGH:
        return None
    since = f"{len(recent):,} days from {recent[0]} to {recent[-1]}"
    return Pace(found, f"{dated} are {since}, half of them at most {gap:g} days apart")


def dates(text: str) -> Iterator[date]:
    """Every date in a text that can be read in one way only."""
    for found in _WRITTEN.finditer(text):
        parts = {key[0]: value for key, value in found.groupdict().items() if value}
        month = int(parts["m"]) if "m" in parts else _month(parts["n"])
        try:
            yield date(int(parts["y"]), month, int(parts["d"]))
        except ValueError:
            continue


def _month(name: str) -> int:
    """Its number, from its first three letters in English or German."""
    start = name.lower()[:3]
    near = next(place for place, month in enumerate(_MONTHS) if month.startswith(start))
    return near % 12 + 1
