"""How sure a verdict may sound: clear, moderate, or a toss-up that only an experiment decides.

Points are arguments, not percent, yet their distance is read as the evidence reads accuracy: more
than 5 is clear, 2 to 5 moderate, less a toss-up. On the described cases with three facts in ten
forgotten, the first approach is an accepted one in 78 % of the toss-ups, and in 96 to 98 % of the
moderate and clear verdicts (docs/benchmarks.md). Two things make a verdict less sure, however far
ahead it is:

* a count within a factor of two of where first place changes: measured switches differ that much
  from data set to data set (rows per label at which tuning overtakes prompting: 20 to 100);
* an open question whose likely answers would change first place.
"""

from collections.abc import Sequence
from typing import Literal

from advisor import plausible, questions
from rules.facts import Facts
from rules.neighbours import changed
from rules.node import Row
from rules.tally import Tally
from runners.base import Frozen

MarginClass = Literal["clear", "moderate", "toss-up"]

CLEAR, MODERATE = 5, 2
"""Clear is more than the first; moderate is at least the second."""
DOUBT, BAND = 0.25, 2
COUNTS = (
    *("n_examples", "labels", "n_documents", "document_tokens", "preference_pairs", "raw_tokens"),
)
"""Facts whose thresholds were measured and so are bands; that weights fit into memory is not."""


class Margin(Frozen):
    """How far the first is ahead of the second, and how much that is worth."""

    verdict: MarginClass
    points: int | None
    """Points ahead of the runner-up; ``None`` where nothing else is possible."""
    doubt: float
    """The share of plausible answers to one open question, the most telling one, that would
    change first place: 0 where none could."""
    doubtful: str | None
    """The fact of that question."""
    because: str
    """The class in words."""


def measure(tally: Tally, points: int | None, facts: Facts) -> Margin:
    """The margin class of the approach in first place."""
    doubt, doubtful = _doubt(tally, questions.asked(facts))
    band = _band(tally)
    if points is None:
        verdict, because = "clear", "nothing else is possible"
    else:
        verdict, because = _by_points(points)
    if band and verdict != "toss-up":
        verdict, because = "toss-up", band
    elif doubt >= 0.5 and verdict != "toss-up":
        verdict = "toss-up"
        because = f"{doubtful} is not known, and most of its answers would change first place"
    elif doubt >= DOUBT and verdict == "clear":
        verdict = "moderate"
        because += f", but {doubtful} is not known and could change it"
    return Margin(
        verdict=verdict,
        points=points,
        doubt=round(doubt, 3),
        doubtful=doubtful,
        because=because,
    )


def _by_points(points: int) -> tuple[MarginClass, str]:
    said = "as many points" if points == 0 else f"{points} point{'s' * (points > 1)} ahead"
    if points > CLEAR:
        return "clear", said
    return ("moderate" if points >= MODERATE else "toss-up"), said


def _doubt(tally: Tally, asked: Sequence[questions.Question]) -> tuple[float, str | None]:
    """The open fact whose answers are most likely to change first place, and how likely."""
    first, row = tally.first(), tally.row
    found: list[tuple[float, str]] = []
    for question in asked:
        if row.get(question.id) is None:
            answers = plausible.shares(question.id, row).items()
            moved = sum(
                share for value, share in answers if tally.first({question.id: value}) != first
            )
            found.append((moved, question.id))
    doubt, fact = max(found, key=lambda item: item[0], default=(0.0, ""))
    return doubt, fact if doubt else None


def _band(tally: Tally) -> str | None:
    """The count, if any, that need only double or halve for another approach to be first."""
    first, row = tally.first(), tally.row
    for fact in COUNTS:
        for value in _around(row, fact):
            changes = changed(row, fact, value)
            other = tally.first(changes) if changes else first
            if other != first:
                word = "twice" if value > row[fact] else "half"
                return f"{word} as many {NOUNS[fact]} would make it {other}"
    return None


def _around(row: Row, fact: str) -> tuple[int, ...]:
    count = row.get(fact)
    if not count:
        return ()
    return (count * BAND,) if count < BAND else (count * BAND, count // BAND)


NOUNS = {
    "n_examples": "rows",
    "labels": "labels",
    "n_documents": "documents",
    "document_tokens": "tokens of documents",
    "preference_pairs": "rated pairs",
    "raw_tokens": "tokens of text",
}
