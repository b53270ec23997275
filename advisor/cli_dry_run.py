"""What ``run --dry-run`` says: calls, tokens and dollars of each plan, before anything is asked."""

from collections.abc import Sequence

from advisor import console
from runners.base import Plan


def show(plans: Sequence[Plan], *, as_json: bool) -> None:
    """Count what each plan would ask; the plans stay, to be started by name."""
    from advisor import dry_run, outputs_api

    counted = dry_run.of(plans)
    if as_json:
        console.emit(outputs_api.dry_run(counted))
        return
    console.show(*(dry_run.told(item) for item in counted))
    console.talk(f"\nNothing was asked. Next: whichtune run {plans[0].name}")
