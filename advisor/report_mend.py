"""What was mended, as rich renderables: the counts, and the first changes of the log."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor.mend import Mended
from advisor.mending import Change
from advisor.report_xray import visible

_WIDE = 160


def mended(done: Mended) -> RenderableType:
    """All of it; the numbers add up: records are those written and those left out."""
    verb, would = ("Mended", "") if done.file else ("What --fix would do", "would be ")
    head = f"{verb}: {done.records:,} records, {done.written:,} {would}written, "
    head += f"{done.left_out:,} left out, {done.changed:,} {would}changed"
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    for line in _lines(done):
        grid.add_row(*line)
    return Group(Text(head, style="bold"), Padding(grid, (0, 0, 0, 2)))


def _lines(done: Mended) -> Iterator[tuple[str, Text]]:
    for code, count in done.by_finding.items():
        yield code, Text(f"{count:,} records")
    for code, count in done.unmended.items():
        yield code, Text(f"{count:,} records stay as they are: not everything can be mended")
    for note in done.notes:
        yield "note", Text(note)
    for change in done.examples:
        yield change.id or f"line {change.line}", _change(change)
    if done.file:
        yield "file", Text(done.file)
        yield "log", Text(f"{done.log}: every row that is not as it was")
    if not done.by_finding:
        yield "ok", Text("nothing had to be changed")


def _change(change: Change) -> Text:
    shown = Text(f"{', '.join(change.done)}  ", style="dim")
    after = "" if change.after is None else f"  ->  {_short(change.after)}"
    shown.append(_short(change.before) + after, style="default")
    return shown


def _short(cells: dict[str, object]) -> str:
    text = visible(" | ".join(str(cell) for cell in cells.values()))
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…"
