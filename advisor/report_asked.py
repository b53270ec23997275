"""What asking costs and finds, in words: how long one question takes."""

from typing import TYPE_CHECKING

from runners.base import Result

if TYPE_CHECKING:
    from advisor.compare import Comparison


def latency(result: Result) -> list[str]:
    """How long somebody waits who asks one question."""
    if (found := result.latency) is None:
        return []
    slow = f"95 % of {found.questions} take at most {found.p95_ms:,.1f} ms"
    return [f"asked one by one: half of the questions take at most {found.p50_ms:,.1f} ms, {slow}"]


def compared(found: "Comparison") -> list[str]:
    """The same of all runs that know it."""
    each = [f"{line.name} {line.latency.p95_ms:,.1f}" for line in found.lines if line.latency]
    return [f"Asked one by one, ms for 95 % of the questions: {', '.join(each)}."] if each else []
