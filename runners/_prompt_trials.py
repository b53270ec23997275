"""What a search over prompts tries, in which rounds, and what it found."""

import math
from typing import Literal

from rules.errors import SettingError
from runners.base import Frozen, Interval95, Usage

FINALISTS = 4
"""Candidates that are asked about all rows at the least."""
LEAST = 5
"""Rows below which nothing is dropped for what it answered."""
AGAIN = 3
"""Calls for a row at most, where an answer that is no label is asked for again."""


class Prompt(Frozen):
    """An instruction."""

    name: str
    """Its file, ``own`` for that of the approach, or one of these ``+ rules``: rewritten."""
    text: str | None
    """``None``: the approach's own, or none at all."""
    version: str


class Candidate(Frozen):
    """An instruction with a number of examples."""

    prompt: Prompt
    shots: int
    """0: none, which is ``zero_shot``; else the nearest ones, which is ``few_shot``."""

    @property
    def approach(self) -> str:
        """What carries it out."""
        return "few_shot" if self.shots else "zero_shot"

    @property
    def settings(self) -> dict[str, str | int]:
        """What it takes for that."""
        told: dict[str, str | int] = {}
        if self.prompt.text is not None:
            told["instruction"] = self.prompt.text
        return told | ({"shots": self.shots} if self.shots else {})


class Round(Frozen):
    """One step of a search, known before it starts."""

    candidates: int
    rows: int
    """That each candidate has answered when it ends, those of earlier rounds among them."""
    calls: int
    """At most."""


class Trial(Frozen):
    """One candidate, measured."""

    prompt: str
    version: str
    shots: int
    rows: int
    """That it was asked about: fewer where it was dropped on the way."""
    score: Interval95
    tokens: float
    """Read and written for a row, on average."""
    ties: bool = False
    """Asked about all rows, and within a standard error of the best."""


class Searched(Frozen):
    """What a search found."""

    metric: Literal["accuracy", "chrf"]
    """``chrf``: the mean over rows, 0 to 100."""
    rows: tuple[str, ...]
    """Ids of the rows to choose by, in the order in which they were asked."""
    examples: int
    """Rows that examples were taken from: the others to learn from."""
    rounds: tuple[Round, ...]
    trials: tuple[Trial, ...]
    """The best first; those that were dropped at the end."""
    best: Trial
    picked: Trial
    own: Trial
    """The approach's own instruction with the fewest examples."""
    gain: Interval95
    """Of the picked one over ``own``, on the same rows."""
    optimism: float
    """How much the best one looks better than it is, for having been the best on these rows."""
    usage: Usage | None
    seconds: float


def schedule(candidates: int, rows: int, calls: int, each: int) -> tuple[Round, ...]:
    """All rounds: everything at once where the calls suffice, else halving, a like share each.

    Args:
        candidates: How many there are.
        rows: That there are to choose by.
        calls: At most, in all.
        each: Calls that a row may take.

    Raises:
        SettingError: Too few calls for a few rows each.
    """
    counts = [candidates]
    if candidates * rows * each > calls:
        while counts[-1] > FINALISTS:
            counts.append(max(FINALISTS, math.ceil(counts[-1] / 2)))
    rounds: list[Round] = []
    left, done = calls, 0
    for number, count in enumerate(counts):
        new = min(rows - done, left // (len(counts) - number) // (count * each))
        if new <= 0:
            break
        left, done = left - new * count * each, done + new
        rounds.append(Round(candidates=count, rows=done, calls=new * count * each))
    if not rounds or rounds[0].rows < min(LEAST, rows):
        needed = len(counts) * candidates * each * min(LEAST, rows)
        what = f"{calls:,} calls are too few for {candidates} candidates"
        fix = f"give --max-calls {needed} or more, or fewer instructions and --shots"
        raise SettingError(what, where="--max-calls", fix=fix)
    return tuple(rounds)
