"""How numbers and verdicts are written on screen. Pure, so that every screen writes them alike."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from textual.content import Content

from advisor.recommend import Recommendation, Status
from rules.engine import Reason, Verdict
from runners.base import Interval95, State

VERDICT_MARKS: dict[Status, str] = {"recommended": "●", "viable": "○", "ruled_out": "✗"}
"""Shape as well as colour: the screen has to be readable without colour."""
STATE_MARKS: dict[State, str] = {
    "planned": "·",
    "queued": "◌",
    "running": "▶",
    "done": "✓",
    "failed": "✗",
    "cancelled": "■",
    "died": "†",
}
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SURENESS_LINES = 3


def bar(value: float, most: float, width: int) -> str:
    """A bar in eighths of a cell; nothing for zero and less.

    >>> bar(5, 10, 3)
    '█▌ '
    """
    if value <= 0 or most <= 0:
        return " " * width
    eighths = max(1, round(min(value / most, 1) * width * 8))
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def clip(text: str, width: int) -> str:
    """Cut to a width, and show that something was cut.

    >>> clip("continued_pretraining", 10)
    'continued…'
    """
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def wrapped(text: str, width: int, lines: int, indent: int = 0) -> list[str]:
    """Break between words; what does not fit on the last line is cut between words, and shown.

    >>> wrapped("half as many rows would do", 12, 2)
    ['half as many', 'rows would …']
    >>> wrapped("half as many", 12, 2, indent=2)
    ['  half as', '  many']
    """
    edge = " " * indent
    return wrap(
        text,
        max(width, indent + 10),
        max_lines=lines,
        placeholder=" …",
        initial_indent=edge,
        subsequent_indent=edge,
    )


def duration(seconds: float | None) -> str:
    """Seconds as people say them.

    >>> duration(0.4), duration(75), duration(8000), duration(None)
    ('0.4s', '1m15s', '2h13m', '-')
    """
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


def size(count: int | None) -> str:
    """Bytes in MiB or GiB.

    >>> size(3 * 2**30), size(440 * 2**20), size(None)
    ('3.0 GiB', '440 MiB', '-')
    """
    if count is None:
        return "-"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def interval(share: Interval95) -> str:
    """A share with its 95 % interval: ``0.871 (0.836 to 0.903)``."""
    return f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def chance(p_value: float) -> str:
    """A p-value as it is printed; none is ever zero.

    >>> chance(0.25), chance(0.00002)
    ('p 0.250', 'p <0.001')
    """
    return "p <0.001" if p_value < 0.001 else f"p {p_value:.3f}"


def number(value: float) -> str:
    """A curve's value in at most seven characters or so."""
    return f"{value:.4g}"


def value(item: Any) -> str:  # noqa: ANN401 - the fact's own type
    """The value of a fact, as one would answer the question.

    >>> value(True), value(2000), value(0.5), value("daily"), value(None)
    ('yes', '2,000', '0.5', 'daily', "don't know")
    """
    if item is None:
        return "don't know"
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, (int, float)):
        return f"{item:,.0f}" if float(item).is_integer() else f"{item:,g}"
    return str(item)


def score(points: int) -> str:
    """A sum of points with its sign; zero has none.

    >>> score(4), score(0), score(-2)
    ('+4', '0', '-2')
    """
    return f"{points:+d}" if points else "0"


def points(reason: Reason) -> str:
    """A reason's weight with its sign, or that it settles the matter.

    >>> points(Reason(rule="r", effect="speaks_against", points=-2, text="", source=""))
    '-2'
    """
    return "✗" if reason.effect == "rules_out" else f"{reason.points:+d}"


def top_reason(verdict: Verdict) -> Reason | None:
    """The one reason to show where there is room for one: what rules out, else the weightiest."""
    wanted = [reason for reason in verdict.reasons if reason.effect == "rules_out"]
    if not verdict.ruled_out:
        wanted = list(verdict.reasons)
    return max(wanted, key=lambda reason: (reason.points > 0, abs(reason.points)), default=None)


def sureness(recommendation: Recommendation, width: int) -> list[Content]:
    """How sure the first place is, or what comes before any choice; on three lines at most."""
    stop = next((gate for gate in recommendation.gates if gate.stop), None)
    if stop is not None:
        told = wrapped(f"! {stop.text}", width, _SURENESS_LINES)
        return [Content.styled(line, "bold $warning") for line in told]
    margin = recommendation.margin
    first, *rest = wrapped(f"{margin.verdict}: {margin.because}", width, _SURENESS_LINES)
    head = len(margin.verdict)
    lines = [Content.assemble((first[:head], "bold $accent"), (first[head:], "$foreground-muted"))]
    return lines + [Content.styled(line, "$foreground-muted") for line in rest]


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["heads", "lora", "rag"])
    'heads, lora and rag'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
