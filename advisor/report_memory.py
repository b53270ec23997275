"""Memory as rich renderables: bars by part, three numbers, a verdict, and what to change."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor.memory import Answer, Stage
from advisor.memory_cost import Spending
from advisor.memory_fits import Cell, Fits, Row, alike

GIB = 2**30
_BAR = 24

SURE = {
    "profiled": "profiled: the coefficients of this stack were met by published measurements",
    "traced": "traced: the real step, run without numbers on this machine",
    "guessed": "guessed: an architecture, method or stack that nobody measured",
}


def gib(size: float) -> str:
    """``7.94 GiB``; below a hundredth of it in MiB."""
    return f"{size / GIB:,.2f} GiB" if size >= GIB / 100 else f"{size / 2**20:,.1f} MiB"


def bar(share: float, width: int = _BAR) -> str:
    """A bar as long as the share, never empty."""
    return "█" * max(1, round(share * width))


def memory(found: Answer, spending: Spending | None = None) -> RenderableType:
    """The whole answer."""
    setup = found.peak.setup
    rows = "1 row" if setup.batch == 1 else f"{setup.batch} rows"
    head = f"{found.source.shape.name} with {found.question.approach}: "
    head += f"{rows} of {setup.tokens:,} tokens at once"
    parts: list[RenderableType] = [Text(head, style="bold"), Text("")]
    if len(found.stages) > 1:
        parts += [_stages(found.stages, found.peak), Text("")]
    parts += [_bars(found), Text(""), _numbers(found), Text("")]
    parts += [*_verdict(found), Text("")]
    if spending:
        parts += [*_costs(spending), Text("")]
    parts.append(_origins(found))
    return Group(*parts, *(Text(f"! {note}") for note in found.notes))


def _costs(spending: Spending) -> Iterator[RenderableType]:
    yield Text(f"Time and money: {spending.rows:,} rows, {spending.epochs:g} epochs", "bold")
    table = Table.grid(padding=(0, 2))
    for stage in spending.stages:
        cost = stage.cost
        speed = cost.tokens_per_second
        table.add_row(stage.way, _span(cost.hours.low, cost.hours.high, "hours"), "")
        table.add_row("", _span(speed.low, speed.high, "tokens/s"), Text(speed.origin, "dim"))
        if cost.dollars:
            paid = _span(cost.dollars.low, cost.dollars.high, "dollars")
            table.add_row("", paid, Text(cost.dollars.origin, "dim"))
        if cost.kilowatt_hours:
            power = _span(cost.kilowatt_hours.low, cost.kilowatt_hours.high, "kWh")
            table.add_row("", power, Text("the whole board, all the time", "dim"))
    yield table
    yield from (Text(f"- {note}", "dim") for note in spending.notes)


def _span(low: float, high: float, unit: str) -> str:
    """Two numbers with no more digits than they deserve."""
    return f"{_short(low)}-{_short(high)} {unit}" if low != high else f"{_short(low)} {unit}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _stages(stages: tuple[Stage, ...], peak: Stage) -> Table:
    table = Table("stage", "safe", "", box=None, padding=(0, 2), pad_edge=False)
    for stage in stages:
        most = "the most; shown below" if stage is peak else ""
        table.add_row(stage.setup.way, gib(stage.estimate.safe), most)
    return table


def _bars(found: Answer) -> Table:
    estimate = found.peak.estimate
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for name, size in sorted(estimate.parts.items(), key=lambda part: -part[1]):
        share = size / estimate.allocated
        table.add_row(name, gib(size), Text(bar(share)), f"{share:.0%}")
    moment = Text(f"at its highest: {estimate.moment}", "dim")
    table.add_row("allocated", gib(estimate.allocated), moment, "")
    return table


def _numbers(found: Answer) -> Table:
    estimate, verdict = found.peak.estimate, found.verdict
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    band = f"{verdict.shown_low / GIB:,.1f}-{verdict.shown_high / GIB:,.1f} GiB"
    learns = f"{estimate.trainable:,} of {estimate.parameters:,} weights learn"
    grid.add_row("needs", gib(verdict.needs), "allocated and CUDA context: less cannot run")
    grid.add_row("safe", gib(verdict.safe), "what a card should have: the fits test")
    grid.add_row("nvidia-smi", band, "will show: freed memory is kept for the next step")
    grid.add_row("main memory", gib(estimate.host), "of the computer, at most")
    grid.add_row("confidence", "", SURE[estimate.confidence])
    grid.add_row("trains", "", learns)
    if found.closed:
        grid.add_row("closed form", gib(found.closed.allocated), "allocated, without the trace")
    return grid


def _verdict(found: Answer) -> Iterator[RenderableType]:
    verdict, card = found.verdict, found.card
    if card is None or verdict.headroom is None:
        yield Text("Does it fit? Name a card: --gpu 24, --gpu 24GiB, --gpu 'RTX 4090'")
        return
    room = gib(abs(verdict.headroom))
    if verdict.fits:
        yield Text(f"It fits, with {room} to spare. The card: {card.understood}", style="bold")
        yield from _more(found)
        return
    may = " It may run, but nothing may go wrong." if verdict.tight else ""
    yield Text(f"It does not fit: {room} too much.{may} The card: {card.understood}", style="bold")
    if not found.searched:
        yield Text("What to change is not worked out: the closed form is too far from the trace.")
        return
    if not found.changes:
        yield Text("Nothing that we know of makes it fit: take a larger card, or several.")
        return
    yield Text("What to change, least harm first; each counted again:")
    table = Table(box=None, padding=(0, 1))
    table.add_column("change", overflow="fold")
    for name in ("safe", "fits", "what it costs"):
        table.add_column(name)
    for change in found.changes:
        said = "yes" if change.fits else "not yet"
        safe = gib(change.estimate.safe * found.correction)
        table.add_row(change.what, safe, said, Text(change.harm, "dim"))
    yield table


def _more(found: Answer) -> Iterator[RenderableType]:
    largest = found.largest
    if largest:
        batch, tokens = f"{largest.batch:,}", f"{largest.tokens:,}"
        yield Text(f"Still fits, one at a time: {batch} rows at once, or rows of {tokens} tokens")
    if found.largest_model:
        yield Text(f"Largest model of our table that fits like this: {found.largest_model}")


def _origins(found: Answer) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_row(Text("model", "dim"), Text(found.source.origin, "dim"))
    for name, why in found.origins.items():
        grid.add_row(Text(name, "dim"), Text(why, "dim"))
    grid.add_row(Text("stack", "dim"), Text(found.peak.setup.stack, "dim"))
    return grid


def fits(found: Fits) -> RenderableType:
    """Two tables, models that write and encoders; a number where it fits, a dash where not."""
    parts: list[RenderableType] = [
        Text(f"What fits the card, with rows of {found.tokens:,} tokens", style="bold"),
        Text(f"The card: {found.card.understood}"),
        Text("GiB that a card should have; - where this one has less"),
    ]
    for encoders in (False, True):
        parts += _group([row for row in found.rows if (row.shape.kind == "encoder") is encoders])
    parts += [Text(f"left out: {name}: {why}", "dim") for name, why in found.left_out.items()]
    return Group(*parts)


def _group(rows: list[Row]) -> Iterator[RenderableType]:
    """Models of one kind, with a column for each approach, or for several that run the same."""
    same = alike(rows)
    shown = [row for row in rows if any(cell.fits for cell in row.cells)]
    if shown:
        yield Text("")
        yield _table(shown, list(same))
    if len(rows) > len(shown):
        yield Text(f"{len(rows) - len(shown)} more fit with none of these", "dim")
    twins = [f"{', '.join(more)} as {name}" for name, more in same.items() if more]
    if twins:
        yield Text(f"the same: {'; '.join(twins)}", "dim")


def _table(rows: list[Row], columns: list[str]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    table.add_column("model", no_wrap=True, overflow="ellipsis")
    for name in columns:
        table.add_column(name.replace("_", "\n"), justify="right", no_wrap=True)
    for row in rows:
        cells = {cell.approach: cell for cell in row.cells}
        numbers = [_cell(cells.get(name)) for name in columns]
        table.add_row(row.shape.name.partition("/")[2], *numbers)
    return table


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return f"{cell.safe / GIB:.1f}" if cell.fits else "-"
