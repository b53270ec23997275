"""Runs as rich renderables: one run, many runs, and how they compare."""

import time
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor.compare import Comparison, Line, mistakes
from runners._run_folder import RunStatus
from runners.base import Forecast, Interval95, Plan, Result, Scorecard

MIB = 2**20


def interval(share: Interval95) -> str:
    """``0.871 (0.836 to 0.903)``."""
    return f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def seconds(value: float | None) -> str:
    """``4m10s``, ``12.4 s`` or an empty string."""
    if value is None:
        return ""
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)}m{int(value % 60):02d}s"


def memory(value: int | None) -> str:
    """Mebibytes, kibibytes below one of them, or an empty string."""
    if value is None:
        return ""
    return f"{value / MIB:,.0f} MiB" if value >= MIB else f"{value / 1024:,.0f} KiB"


def plan(made: Plan, notes: Sequence[str]) -> RenderableType:
    """A plan with the reason of every computed value."""
    grid = Table.grid(padding=(0, 2))
    grid.add_row("approach", made.approach, "")
    grid.add_row("base model", made.base_model, Text(made.reasons.get("base_model", ""), "dim"))
    grid.add_row("learns from", f"{made.train.rows:,} rows", Text(str(made.train.path), "dim"))
    where = Text(str(made.evaluation.path), "dim")
    grid.add_row("measured on", f"{made.evaluation.rows:,} rows", where)
    for name, value in made.settings.items():
        grid.add_row(name, str(value), Text(made.reasons.get(name, "you said so"), "dim"))
    grid.add_row("seed", str(made.seed), "")
    parts: list[RenderableType] = [Text(made.name, style="bold"), grid]
    return Group(*parts, *(Text(f"- {note}", "dim") for note in notes))


def run(found: RunStatus, *, errors: bool = False) -> RenderableType:
    """One run: its state, and its result when it has one."""
    head = Text(f"{found.name}: {found.state}", style="bold")
    if found.result is None:
        return Group(head, *_unfinished(found))
    result = found.result
    card = result.scorecard
    base = ", ".join(f"{name} {c.accuracy.value:.3f}" for name, c in result.baselines.items())
    lines = [
        f"accuracy {interval(card.accuracy)} on {card.rows:,} rows it never saw; {base}",
        f"macro-F1 {interval(card.macro_f1)}{_confidence(card)}",
        f"learned from {result.train_rows:,} rows in {seconds(result.train_seconds)}; "
        f"{result.predict_ms_per_row:.1f} ms a row; peak {memory(result.peak_memory_bytes)}; "
        f"artifact {memory(result.artifact_bytes)}",
    ]
    if result.forecast:
        lines.append(_held_against(result.forecast, result))
    parts: list[RenderableType] = [head, *(Text(line) for line in lines)]
    parts += [Text(f"! {warning}") for warning in result.warnings]
    if errors:
        parts += [Text(""), _confusions(found, card), Text(""), _labels(card)]
    elif card.confusions:
        worst = card.confusions[0]
        parts.append(
            Text(f"worst: {worst.target} taken for {worst.prediction}, {worst.rows} times")
        )
    return Group(*parts)


def _held_against(said: Forecast, result: Result) -> str:
    """The forecast beside what came: estimate, measured, corrected, and the run itself."""
    times = f"forecast {seconds(said.seconds)}, took {seconds(result.train_seconds)}"
    estimate = f"estimated {memory(said.estimated_bytes)}, " if said.estimated_bytes else ""
    corrected = f", corrected by {said.corrected_by} earlier" if said.corrected_by else ""
    probed = f"probed {memory(said.measured_bytes)}{corrected}: {memory(said.memory_bytes)}"
    return f"{times}; fitting memory {estimate}{probed}, took {memory(result.fit_memory_bytes)}"


def _confidence(card: Scorecard) -> str:
    error = card.calibration_error
    text = "" if error is None else f"; confidence is off by {error:.3f} on average"
    if card.answered < 1 and card.accuracy_answered is not None:
        text += f"; answered {card.answered:.0%}, {card.accuracy_answered:.3f} of these right"
    return text


def _unfinished(found: RunStatus) -> list[RenderableType]:
    last = found.last
    if last is None:
        return [Text(f"nothing has happened yet; start it: whichtune run {found.name}")]
    parts: list[RenderableType] = []
    if last.error:
        parts += [
            Text(f"{last.error['where']}: {last.error['what']}"),
            Text(f"  fix: {last.error['fix']}"),
        ]
    elif last.progress:
        ago = seconds(max(0.0, time.time() - last.time))
        step = f" ({last.progress.step} of {last.progress.steps})" if last.progress.steps else ""
        parts.append(Text(f"last heard {ago} ago: {last.progress.message}{step}"))
    if found.state in ("died", "cancelled", "failed"):
        parts.append(Text(f"start it again: whichtune run {found.name}"))
    return parts


def _confusions(found: RunStatus, card: Scorecard) -> RenderableType:
    rows = {mistake.row.id: mistake.row for mistake in mistakes(found)}
    table = Table("is", "taken for", "rows", "for example", box=None, padding=(0, 1), expand=True)
    for pair in card.confusions:
        text = rows[pair.ids[0]].input
        table.add_row(
            Text(pair.target),
            Text(pair.prediction),
            str(pair.rows),
            Text(text, overflow="ellipsis", no_wrap=True),
        )
    return table


def _labels(card: Scorecard) -> RenderableType:
    table = Table("label", "rows", "precision", "recall", "F1", box=None, padding=(0, 1))
    for item in sorted(card.labels, key=lambda item: item.f1):
        numbers = (f"{value:.3f}" for value in (item.precision, item.recall, item.f1))
        table.add_row(Text(item.label), str(item.rows), *numbers)
    return table


def runs(found: Sequence[RunStatus]) -> RenderableType:
    """All runs, a line each."""
    table = Table("run", "state", "accuracy", "rows", "trained", "news", box=None, padding=(0, 1))
    for item in found:
        card = item.result.scorecard if item.result else None
        news = ""
        if item.state not in ("done", "planned") and item.last:
            progress, error = item.last.progress, item.last.error
            news = error["what"] if error else (progress.message if progress else "")
        table.add_row(
            item.name,
            item.state,
            interval(card.accuracy) if card else "",
            f"{card.rows:,}" if card else f"{item.plan.evaluation.rows:,}",
            seconds(item.result.train_seconds) if item.result else "",
            Text(news, overflow="ellipsis", no_wrap=True),
        )
    return table


def comparison(found: Comparison) -> RenderableType:
    """The table, the sentence that names the winner, and what it would take to know more."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("", "run", "accuracy, 95 %", "F1", "p"):
        table.add_column(name, no_wrap=True)
    for name in ("trained", "ms/row", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    for line in found.lines:
        mark = "=" if line.verdict == "tie" else str(line.place)
        speed = "" if line.predict_ms_per_row is None else f"{line.predict_ms_per_row:.1f}"
        table.add_row(
            mark,
            Text(line.name, style="bold" if line.name == found.winner else ""),
            _short_interval(line.accuracy),
            f"{line.macro_f1.value:.3f}",
            _against(line),
            seconds(line.train_seconds),
            speed,
            memory(line.peak_memory_bytes),
        )
    test = "McNemar" if found.metric == "accuracy" else "paired bootstrap"
    text = f"{found.rows:,} evaluation rows, the same for all; p against the best ({test}, Holm)"
    head = Text(text, style="dim")
    winner = Text(f"Winner: {found.winner}. ", style="bold")
    winner.append(f"{found.because}.", style="")
    parts: list[RenderableType] = [table, head, Text(""), winner]
    for line in found.lines:
        if line.rows_to_decide and not line.baseline:
            pair = f"{line.name} from {found.lines[0].name}"
            text = f"To tell {pair}: about {line.rows_to_decide:,} evaluation rows."
            parts.append(Text(text, style="dim"))
    parts += [Text(f"! {note}") for note in found.notes]
    return Group(*parts)


def _short_interval(share: Interval95) -> str:
    low, high = (f"{end:.3f}".removeprefix("0") for end in (share.low, share.high))
    return f"{share.value:.3f} {low}-{high}"


def _against(line: Line) -> str:
    if line.p_value is None:
        return "best"
    p_value = "<.001" if line.p_value < 0.001 else f"{line.p_value:.3f}".removeprefix("0")
    return f"{line.verdict} {p_value}"
