"""What ``whichtune judge --json`` prints."""

from typing import Literal

from pydantic import Field

from advisor.judgement import Judgement
from advisor.outputs_advice import Output


class JudgeOutput(Output):
    """``whichtune judge --json``."""

    schema_: Literal["whichtune.judge/1"] = Field(
        default="whichtune.judge/1", serialization_alias="schema"
    )
    judgement: Judgement
