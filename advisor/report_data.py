"""A data file as rich renderables: what it holds, three of its rows, and what is wrong with it."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor.check import Finding
from advisor.data import Table as DataTable
from advisor.glimpse import Glimpse
from advisor.lengths import TokenLengths
from advisor.profile import DataProfile
from advisor.report_xray import visible
from advisor.schema import schemas

MARKS = {"blocking": "x", "warning": "!", "info": "-"}


def profile(table: DataTable, found: DataProfile) -> RenderableType:
    """All of it."""
    head = f"{found.file}: {table.records_read:,} records, {found.rows:,} rows ({table.format})"
    parts: list[RenderableType] = [Text(head, style="bold"), Padding(_about(table, found), _IN)]
    parts.append(Padding(_findings(table, found), _IN))
    if found.glimpses:
        parts.append(Text("Rows as the model will see them", style="bold"))
        parts += [Padding(_glimpse(item), _IN) for item in found.glimpses]
    return Group(*parts)


_IN = (0, 0, 0, 2)


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    return grid


def _about(table: DataTable, found: DataProfile) -> Table:
    grid = _grid()
    grid.add_row("rows", f"{schemas()[found.kind].SAYS} ({found.kind})")
    grid.add_row("columns", Text(_columns(table)))
    if found.labels:
        grid.add_row("labels", Text(_labels(found)))
    size = found.characters
    grid.add_row("length", f"p50 {size.p50:,} · p95 {size.p95:,} · max {size.max:,} characters")
    if found.tokens:
        for line in _tokens(found.tokens, found.rows):
            grid.add_row("", Text(line))
    for note in table.notes:
        grid.add_row("note", Text(note))
    return grid


def _columns(table: DataTable) -> str:
    roles = ", ".join(f"{role} {column!r}" for role, column in table.mapping.roles.items())
    return f"{roles}; {table.mapping.how}"


def _labels(found: DataProfile) -> str:
    labels = [f"{label} {count:,}" for label, count in found.labels.items()]
    most = " · ".join(labels[:6]) + (f" · … {len(labels) - 6} more" if len(labels) > 6 else "")
    return f"{len(labels)}: {most}   rarest: {found.rarest_label}, {min(found.labels.values()):,}"


def _tokens(found: TokenLengths, rows: int) -> Iterator[str]:
    size = found.lengths
    drawn = "" if found.rows == rows else f", of {found.rows:,} rows drawn evenly"
    sizes = f"p50 {size.p50:,} · p95 {size.p95:,} · max {size.max:,}"
    yield f"{sizes} tokens of {found.base_model}{drawn}"
    cuts = [f"{cut.tokens:,} cut {_share(cut.share)}" for cut in found.cut]
    if cuts:
        yield f"a limit of {' · '.join(cuts)} of the rows"


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "<1%"


def _findings(table: DataTable, found: DataProfile) -> Table:
    grid = _grid()
    for finding in found.findings:
        grid.add_row(f"{MARKS[finding.severity]} {finding.code}", finding_text(finding))
    if not found.findings:
        looked = "all that was looked for is in order"
        grid.add_row("ok", f"{table.encoding}, no repeats, no empty texts or labels: {looked}")
    for item in found.skipped:
        told = Text(f"not looked for: {item.says}; {item.reason}")
        told.append(f"  fix: {item.fix}", style="dim")
        grid.add_row("?", told)
    return grid


def finding_text(finding: Finding) -> Text:
    """One finding: count, what, where, and what to do."""
    rows = f"  rows {', '.join(finding.rows[:5])}" if finding.rows else ""
    more = ", …" if finding.rows and finding.count > 5 else ""
    text = Text(f"{finding.count:,} {finding.text}{rows}{more}")
    text.append(f"  fix: {finding.fix}" if finding.fix else "", style="dim")
    return text


def _glimpse(item: Glimpse) -> Text:
    text = item.text if len(item.text) <= 400 else f"{item.text[:399]}…"
    how = "" if item.how == "plain" else f" [{item.how}]"
    shown = Text(f"{item.id}{how}  ", style="dim")
    shown.append(visible(text), style="default")
    return shown
