"""Rows that were converted or labelled, as rich renderables."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from advisor import draw, labelling
from advisor.converting import Converted
from advisor.data import Excluded
from advisor.labelling import Session
from advisor.report_xray import visible

_IN = (0, 0, 0, 2)
_PLACES = 5
_LONGEST = 400


def converted(found: Converted) -> RenderableType:
    """Counts, what was left out and why, and three of the rows."""
    head = f"{found.path}: {found.rows:,} rows of {found.records_read:,} records"
    parts: list[RenderableType] = [Text(head, style="bold")]
    if found.templates:
        dealt = " · ".join(f"{name} {count:,}" for name, count in found.templates.items())
        parts.append(Padding(Text(f"templates  {dealt}"), _IN))
    parts += [Padding(Text(f"note  {note}"), _IN) for note in found.notes]
    parts += [Padding(Text(line), _IN) for line in left_out(found.left_out)]
    parts += [Padding(Text(_shown(cells)), _IN) for cells in found.examples]
    return Group(*parts)


def labelled(session: Session, out: Path) -> RenderableType:
    """How far labelling has come, and what the rows are good for."""
    count = len(session.items)
    parts = [Text(f"{out}: {session.answered:,} of {count:,} rows labelled", style="bold")]
    lines = [f"drawn  {session.drawn}"]
    if session.skipped:
        lines.append(f"skipped  {session.skipped:,}")
    if given := session.given():
        lines.append("labels  " + " · ".join(f"{name} {times:,}" for name, times in given.items()))
    if session.agreed:
        same, both = session.agreed
        lines.append(f"agreed  {same:,} of {both:,} answers are what the file says")
    if session.answered:
        points = 100 * draw.margin(session.answered)
        lines.append(f"precision  an accuracy of 80 % will be known to ± {points:.0f} points")
    lines.append(f"session  {labelling.beside(out)}: where the rows come from, and how to go on")
    return Group(*parts, *(Padding(Text(line), _IN) for line in lines))


def left_out(records: Sequence[Excluded]) -> Iterator[str]:
    """A line for each reason, with the first places."""
    for reason, count in Counter(item.reason for item in records).most_common():
        places = [str(item.line) for item in records if item.reason == reason][:_PLACES]
        more = ", …" if count > _PLACES else ""
        yield f"! left out  {count:,}: {reason}; line {', '.join(places)}{more}"


def _shown(cells: dict[str, object]) -> str:
    said = visible(json.dumps(cells, ensure_ascii=False, default=str))
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
