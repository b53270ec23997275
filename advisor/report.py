"""What was looked at, as rich renderables: a data file and the machine."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor import console, doctor
from advisor.data import Table as DataTable
from advisor.hardware import GIB, HardwareProfile
from advisor.profile import DataProfile

MARKS = {"blocking": "x", "warning": "!", "info": "-"}
_READY = {"ready": "ok", "install": "..", "no_memory": "x ", "advice_only": "--"}


def profile(table: DataTable, found: DataProfile) -> RenderableType:
    """What a file holds, and what is wrong with it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    labels = [f"{label} {count:,}" for label, count in found.labels.items()]
    most = " · ".join(labels[:6]) + (f" · … {len(labels) - 6} more" if len(labels) > 6 else "")
    rarest = f"rarest: {found.rarest_label}, {min(found.labels.values()):,}"
    size = found.characters
    grid.add_row("columns", table.mapping.how)
    grid.add_row("labels", f"{len(labels)}: {most}   {rarest}")
    grid.add_row("length", f"p50 {size.p50:,} · p95 {size.p95:,} · max {size.max:,} characters")
    for note in table.notes:
        grid.add_row("note", note)
    for finding in found.findings:
        rows = f"  rows {', '.join(finding.rows[:5])}" if finding.rows else ""
        text = Text(f"{finding.text}{rows}")
        text.append(f"  fix: {finding.fix}" if finding.fix else "", style="dim")
        grid.add_row(f"{MARKS[finding.severity]} {finding.code}", text)
    if not found.findings:
        grid.add_row("ok", f"{table.encoding}, no repeats, no empty texts or labels")
    head = f"{found.file}: {table.records_read:,} records, {found.rows:,} rows ({table.format})"
    return Group(Text(head, style="bold"), Padding(grid, (0, 0, 0, 2)))


def machine(found: HardwareProfile, ready: Iterable[doctor.Readiness]) -> RenderableType:
    """The machine, and each approach with a mark, a sentence and what to type."""
    grid = Table.grid(padding=(0, 2))
    gpus = ", ".join(f"{gpu.name} {gpu.memory_bytes / GIB:.0f} GiB" for gpu in found.gpus)
    grid.add_row("processor", f"{found.cores} cores")
    grid.add_row("memory", f"{found.memory_bytes / GIB:.1f} GiB")
    grid.add_row("disk", f"{found.free_disk_bytes / GIB:.1f} GiB free here")
    grid.add_row("GPU", f"{gpus or 'none'} ({found.gpus_how})")
    grid.add_row("python", f"{found.python}, {found.system}")
    here, text, fix = doctor.encoder()
    grid.add_row("encoder", text + ("" if here else f"; or {fix}"))
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    fixes: dict[str, None] = {}
    for item in ready:
        table.add_row(_READY[item.state], item.approach, item.text)
        if item.fix:
            fixes[item.fix] = None
    legend = Text("ok can run · .. to be installed · x not on this machine · -- advice only", "dim")
    to_type = [console.command(f"to get the rest: {fix}") for fix in fixes]
    return Group(grid, Text(""), table, Text(""), legend, *to_type)
