"""What the machine can do, as rich renderables."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor import console, doctor
from advisor.hardware import GIB, HardwareProfile

_READY = {"ready": "ok", "install": "..", "no_memory": "x ", "advice_only": "--"}


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
