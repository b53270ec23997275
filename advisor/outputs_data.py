"""What ``convert`` and ``label`` print with ``--json``."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from advisor import draw, labelling
from advisor.converting import Converted
from advisor.labelling import Session
from advisor.outputs_advice import Output


class ConvertOutput(Output):
    """``whichtune convert --json``."""

    schema_: Literal["whichtune.convert/1"] = Field(
        default="whichtune.convert/1", serialization_alias="schema"
    )
    converted: Converted


class LabelOutput(Output):
    """``whichtune label --json``."""

    schema_: Literal["whichtune.label/1"] = Field(
        default="whichtune.label/1", serialization_alias="schema"
    )
    out: Path
    session: Path
    """Where the rows come from and how they were drawn; with it, labelling goes on."""
    drawn: int
    how: str
    answered: int
    skipped: int
    labels: dict[str, int]
    """Rows of each label that can be given; empty where answers are in words."""
    agreed: tuple[int, int] | None
    """Answers that are what the row had already, of how many; ``None`` where no row had one."""
    margin: float | None
    """Half the width of the 95 % interval of an accuracy of 80 % on the answered rows."""
    complete: bool


def labelled(session: Session, out: Path) -> LabelOutput:
    """A set of rows, as far as it is labelled."""
    return LabelOutput(
        out=out,
        session=labelling.beside(out),
        drawn=len(session.items),
        how=session.drawn,
        answered=session.answered,
        skipped=session.skipped,
        labels=session.given(),
        agreed=session.agreed,
        margin=draw.margin(session.answered) if session.answered else None,
        complete=session.next is None,
    )
