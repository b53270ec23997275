"""What a judge says of two runs, complete: ``whichtune judge --json``."""

from datetime import date

from advisor import verdicts
from runners import _judges
from runners._judges import Judged
from runners.base import Endpoint, Frozen, Interval95, Usage


class Wanted(Frozen):
    """How to judge."""

    judge: str
    """A run, the folder of a reward model, or ``api:NAME``."""
    endpoint: Endpoint | None = None
    criterion: str = _judges.CRITERION
    """What better means, to a model that is asked."""
    rows: int | None = None
    """At most so many questions, drawn by the seed."""
    seed: int = 0
    not_held_out: bool = False
    """Judge even where the judge is no stranger."""


class Side(Frozen):
    """One of the two runs."""

    run: str
    approach: str
    model: str
    plan_sha256: str
    reward: Interval95 | None = None
    """Mean score of its answers, by a reward model."""


class Judge(Frozen):
    """Who judged."""

    name: str
    model: str
    """The base model of a reward model, or what the server calls it."""
    place: str = ""
    """Its address."""
    weights_sha256: str = ""
    criterion: str = ""
    held_out: bool | None
    """Whether it learned from none of these questions and pairs; of a model that is asked, and of
    one that does not say, nobody knows."""
    accuracy: Interval95 | None = None
    """Share of the rows' own pairs in which a reward model takes the answer that people took."""
    pairs: int = 0
    """Of people's that it was held against."""


class Judgement(Frozen):
    """Which run answers better, as a judge says."""

    made: date
    judge: Judge
    first: Side
    second: Side
    evaluation_sha256: str
    questions: int
    """That were put to the judge."""
    wins: int
    """Of the first run."""
    ties: int
    losses: int
    faults: dict[str, int]
    """Questions without a verdict, by the reason; they count for nobody."""
    same_answers: int
    """Ties in which both said the same."""
    win_rate: Interval95
    """Of the first run over the second."""
    p_value: float
    how: str = verdicts.HOW
    lengths: verdicts.Lengths
    places: verdicts.Places | None
    usage: Usage | None
    warnings: tuple[str, ...]
    """Each begins with its code."""
    verdicts: tuple[Judged, ...]
