"""What ``sweep --json`` prints."""

from typing import Literal

from pydantic import Field

from advisor.outputs_advice import Output
from runners.retrieval.sweep import Swept


class SweepOutput(Output):
    """``whichtune sweep --json``."""

    schema_: Literal["whichtune.sweep/1"] = Field(
        default="whichtune.sweep/1", serialization_alias="schema"
    )
    corpus: str
    data: str
    training_rows: int
    """Rows to learn from, of which the questions were drawn; no row to measure on was read."""
    swept: Swept
    commands: tuple[str, ...]
    """What to type with the setting that was picked."""
