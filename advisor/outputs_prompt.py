"""What ``whichtune prompt … --json`` prints."""

from typing import Literal

from pydantic import Field

from advisor.outputs_advice import Output
from advisor.prompts import Checked
from runners._prompt_trials import Prompt, Searched


class PromptOutput(Output):
    """``whichtune prompt check --json``."""

    schema_: Literal["whichtune.prompt/1"] = Field(
        default="whichtune.prompt/1", serialization_alias="schema"
    )
    checked: tuple[Checked, ...]


class PromptSearchOutput(Output):
    """``whichtune prompt search --json``."""

    schema_: Literal["whichtune.prompt_search/1"] = Field(
        default="whichtune.prompt_search/1", serialization_alias="schema"
    )
    data: str
    base_model: str
    training_rows: int
    """Rows to learn from, of which some were set aside to choose by; no other row was asked."""
    prompts: tuple[Prompt, ...]
    """All texts that were tried."""
    searched: Searched
    file: str | None
    """The picked prompt; ``None`` where no instruction is the best one."""
    command: str
    """What to type to measure it on the rows that were not looked at."""
