"""Runs as rich renderables: one run, many runs, and how they compare."""

import time
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor import report_asked, resuming, scale
from advisor.compare import Comparison, Line, mistakes
from runners._run_folder import RunStatus
from runners.base import Forecast, Forgetting, Interval95, Plan, Result, Scorecard, TextCard

MIB = 2**20
_EXAMPLES = 10
"""Answers that are far from right, shown on request."""


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
    lines = [
        *_measured(result),
        f"learned from {result.train_rows:,} rows in {seconds(result.train_seconds)}; "
        f"{result.predict_ms_per_row:.1f} ms a row; peak {memory(result.peak_memory_bytes)}; "
        f"artifact {memory(result.artifact_bytes)}",
    ]
    lines += report_asked.latency(result)
    lines += report_asked.usage(result)
    lines += report_asked.retrieval(result)
    if result.forecast:
        lines.append(_held_against(result.forecast, result))
    if result.forgetting:
        lines.append(_retained(result.forgetting))
    parts: list[RenderableType] = [head, *(Text(line) for line in lines)]
    parts += [Text(f"! {warning}") for warning in result.warnings]
    if isinstance(card, TextCard):
        parts += [Text(""), *_answers(found)] if errors else []
    elif errors:
        parts += [Text(""), _confusions(found, card), Text(""), _labels(card)]
    elif card.confusions:
        worst = card.confusions[0]
        parts.append(
            Text(f"worst: {worst.target} taken for {worst.prediction}, {worst.rows} times")
        )
    return Group(*parts)


def _measured(result: Result) -> list[str]:
    """What was measured, the number that decides first, with what no work would have given."""
    card = result.scorecard
    name = scale.main(card)
    base = ", ".join(
        f"{of} {scale.number(name, scale.metrics_of(known)[name].value)}"
        for of, known in result.baselines.items()
        if name in scale.metrics_of(known)
    )
    where = f"on {card.rows:,} rows it never saw; {base}"
    if isinstance(card, Scorecard):
        return [
            f"accuracy {scale.shown(name, card.accuracy)} {where}",
            f"macro-F1 {scale.shown(name, card.macro_f1)}{_confidence(card)}",
        ]
    others = [
        f"{scale.TITLES[other]} {scale.shown(other, value)}"
        for other, value in card.metrics.items()
        if other != name
    ]
    told = [f"{scale.headline_shown(card)} {where}", *others]
    return [*told, *([f"{card.references:,} right answers in all"] if card.references else [])]


def _answers(found: RunStatus) -> list[RenderableType]:
    """The answers that are farthest from what should have been said."""
    parts: list[RenderableType] = []
    for item in mistakes(found)[:_EXAMPLES]:
        row = item.row
        asked = row.input or next((t["content"] for t in row.messages if t["role"] == "user"), "")
        wanted = row.target or (row.messages[-1]["content"] if row.messages else "")
        said = (("asked", asked), ("wanted", wanted), ("said", item.prediction))
        for name, text in said:
            parts.append(Text.assemble((f"{name:>7} ", "dim"), " ".join(text.split())))
        parts.append(Text(""))
    return parts


def _held_against(said: Forecast, result: Result) -> str:
    """The forecast beside what came: estimate, measured, corrected, and the run itself."""
    times = f"forecast {seconds(said.seconds)}, took {seconds(result.train_seconds)}"
    estimate = f"estimated {memory(said.estimated_bytes)}, " if said.estimated_bytes else ""
    corrected = f", corrected by {said.corrected_by} earlier" if said.corrected_by else ""
    probed = f"probed {memory(said.measured_bytes)}{corrected}: {memory(said.memory_bytes)}"
    return f"{times}; fitting memory {estimate}{probed}, took {memory(result.fit_memory_bytes)}"


def _retained(found: Forgetting) -> str:
    """General texts before and after, in bits per byte."""
    texts = (("prose", found.prose), ("plain answers", found.answers))
    told = (f"{name} {of.before:.3f} -> {of.after:.3f} ({of.change:+.1%})" for name, of in texts)
    return f"what it knew before, bits per byte: {', '.join(told)}"


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
        if resuming.can_resume(found):
            parts.append(Text(f"or go on where it stopped: whichtune run --resume {found.name}"))
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
    table = Table(
        "run", "state", _measure_name(found), "rows", "trained", "news", box=None, padding=(0, 1)
    )
    for item in found:
        card = item.result.scorecard if item.result else None
        news = ""
        if item.state not in ("done", "planned") and item.last:
            progress, error = item.last.progress, item.last.error
            news = error["what"] if error else (progress.message if progress else "")
        table.add_row(
            item.name,
            item.state,
            _result_of(card) if card else "",
            f"{card.rows:,}" if card else f"{item.plan.evaluation.rows:,}",
            seconds(item.result.train_seconds) if item.result else "",
            Text(news, overflow="ellipsis", no_wrap=True),
        )
    return table


def _measure_name(found: Sequence[RunStatus]) -> str:
    texts = any(run.result and isinstance(run.result.scorecard, TextCard) for run in found)
    return "result" if texts else "accuracy"


def _result_of(card: Scorecard | TextCard) -> str:
    """A text's number says what it is; the column of labels is accuracy anyway."""
    if isinstance(card, TextCard):
        return scale.headline_shown(card)
    return scale.shown("accuracy", card.accuracy)


_OF_PAIRS = {"preference_accuracy": "preferred", "liked_accuracy": "liked"}
"""Metrics of judged rows, as a narrow column is headed."""


def comparison(found: Comparison) -> RenderableType:
    """The table, the sentence that names the winner, and what it would take to know more."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    labels = found.metric in scale.OF_LABELS
    first, second = ("accuracy", "macro_f1") if labels else (found.metric, _second(found))
    pairs = found.metric in _OF_PAIRS  # their numbers are wide, and a second one has no room
    titles = [f"{_OF_PAIRS.get(first, scale.TITLES[first])}, 95 %"]
    titles += ["F1" if labels else scale.TITLES[second]] * (not pairs)
    for name in ("", "run", *titles, "p"):
        table.add_column(name, no_wrap=True)
    forgot = any(line.forgot is not None for line in found.lines)
    for name in ("trained", "ms/row", "memory", *["forgot"] * forgot):
        table.add_column(name, justify="right", no_wrap=True)
    for line in found.lines:
        mark = "=" if line.verdict == "tie" else str(line.place)
        speed = "" if line.predict_ms_per_row is None else f"{line.predict_ms_per_row:.1f}"
        table.add_row(
            mark,
            Text(line.name, style="bold" if line.name == found.winner else ""),
            _short_interval(first, _of(line, first)),
            *[_number_of(line, second)] * (not pairs),
            _against(line),
            seconds(line.train_seconds),
            speed,
            memory(line.peak_memory_bytes),
            *["" if line.forgot is None else f"{line.forgot:+.1%}"] * forgot,
        )
    test = "McNemar" if scale.counts_rights(found.metric) else "paired bootstrap"
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
    parts += [Text(text, style="dim") for text in report_asked.compared(found)]
    parts += [Text(f"! {note}") for note in found.notes]
    return Group(*parts)


def _second(found: Comparison) -> str:
    """Another metric of texts to show beside the one that decides."""
    known = found.lines[0].metrics
    own = [name for name in known if name not in scale.TAKEN]
    wanted = (*own, "bleu", "chrf", "rouge_l", "bits_per_byte")
    return next((n for n in wanted if n in known and n != found.metric), found.metric)


def _of(line: Line, metric: str) -> Interval95:
    known = {"accuracy": line.accuracy, "macro_f1": line.macro_f1, **line.metrics}
    return known.get(metric) or line.value


def _number_of(line: Line, metric: str) -> str:
    known = {"macro_f1": line.macro_f1, **line.metrics}.get(metric)
    return scale.number(metric, known.value) if known else ""


def _short_interval(metric: str, share: Interval95) -> str:
    low, high = (
        scale.number(metric, end).removeprefix("0") or "0" for end in (share.low, share.high)
    )
    return f"{scale.number(metric, share.value)} {low}-{high}"


def _against(line: Line) -> str:
    if line.p_value is None:
        return "best"
    p_value = "<.001" if line.p_value < 0.001 else f"{line.p_value:.3f}".removeprefix("0")
    return f"{line.verdict} {p_value}"
