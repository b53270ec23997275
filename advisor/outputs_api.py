"""What the commands about models behind an address print with ``--json``."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from advisor.dry_run import DryRun
from advisor.outputs_advice import Output


class DryRunOutput(Output):
    """``whichtune run --dry-run --json``."""

    schema_: Literal["whichtune.dry_run/1"] = Field(
        default="whichtune.dry_run/1", serialization_alias="schema"
    )
    plans: tuple[DryRun, ...]


def dry_run(counted: Sequence[DryRun]) -> DryRunOutput:
    """Plans, counted."""
    return DryRunOutput(plans=tuple(counted))
