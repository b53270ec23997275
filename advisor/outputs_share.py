"""What ``export`` prints with ``--json``."""

from typing import Literal

from pydantic import Field

from advisor.outputs_advice import Output
from advisor.share import Exported


class ExportOutput(Output):
    """``whichtune export --json``."""

    schema_: Literal["whichtune.export/1"] = Field(
        default="whichtune.export/1", serialization_alias="schema"
    )
    exported: Exported
