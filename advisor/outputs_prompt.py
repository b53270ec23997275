"""What ``whichtune prompt check --json`` prints."""

from typing import Literal

from pydantic import Field

from advisor.outputs_advice import Output
from advisor.prompts import Checked


class PromptOutput(Output):
    """``whichtune prompt check --json``."""

    schema_: Literal["whichtune.prompt/1"] = Field(
        default="whichtune.prompt/1", serialization_alias="schema"
    )
    checked: tuple[Checked, ...]
