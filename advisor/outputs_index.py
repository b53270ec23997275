"""What ``index --json`` prints."""

from typing import Literal

from pydantic import Field

from advisor.outputs_advice import Output
from runners.retrieval.index import Built, Stale


class IndexOutput(Output):
    """``whichtune index --json``."""

    schema_: Literal["whichtune.index/1"] = Field(
        default="whichtune.index/1", serialization_alias="schema"
    )
    index: str
    """The folder or the server."""
    built: Built
    stale: tuple[Stale, ...] | None = None
    """With ``--stale-days``: documents older than that, oldest first."""
