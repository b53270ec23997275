"""What ``rate`` prints with ``--json``."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from advisor import rating_log, rating_pairs
from advisor.outputs_advice import Output
from advisor.rating import Ratings
from advisor.rating_pairs import Tally


class RateOutput(Output):
    """``whichtune rate --json``."""

    schema_: Literal["whichtune.rate/1"] = Field(
        default="whichtune.rate/1", serialization_alias="schema"
    )
    out: Path
    """The log: one line for everything that was said."""
    candidates: Path
    """What there was to rate; with it, rating goes on."""
    export: Path | None
    """Rows to learn from; nothing where there is not one."""
    rater: str
    tally: Tally
    complete: bool
    """This rater has rated everything."""
    unread: tuple[str, ...]
    """Lines of the log that were cut off when they were written."""
    notes: tuple[str, ...]


def rated(ratings: Ratings, written: Path | None) -> RateOutput:
    """Ratings, as far as they have come."""
    return RateOutput(
        out=ratings.out,
        candidates=rating_log.beside(ratings.out),
        export=written,
        rater=ratings.rater,
        tally=rating_pairs.tally(ratings),
        complete=ratings.current is None,
        unread=ratings.unread,
        notes=ratings.candidates.notes,
    )
