"""Compare runs that were measured on the same rows, and say honestly which one won.

The best is the run with the highest value. Each other one is tested against it on the same rows:
McNemar's exact test where an answer is right or wrong, a paired bootstrap for everything else, with
Holm's correction for their number. Among those that are not shown to be worse, the cheapest wins.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from advisor.entries import Entry, differing, entered
from advisor.scale import Metric, Scale, metric_named, metrics_of
from rules.errors import RunError
from runners import _data, _measure_text, _measuring, _models, _run_folder, _significance
from runners._references import asked
from runners._run_folder import RunStatus
from runners.base import Frozen, Interval95, Latency, OwnMetric, Prediction, Row, Scorecard

__all__ = ["Comparison", "Line", "Metric", "Mistake", "compare", "metric_named"]

LEVEL = 0.05


class Line(Frozen):
    """One run, or one baseline, in the comparison."""

    place: int
    name: str
    """The run's id, or ``majority`` or ``untouched``."""
    approach: str
    verdict: Literal["best", "tie", "worse"]
    """``tie``: not shown to be worse than the best."""
    baseline: bool
    value: Interval95
    """By the metric of this comparison."""
    accuracy: Interval95 | None = None
    """Of labels."""
    macro_f1: Interval95 | None = None
    metrics: dict[str, Interval95] = {}
    """Of texts, by name."""
    p_value: float | None
    """Against the best, corrected; ``None`` for the best itself."""
    rows_to_decide: int | None = None
    """For a tie: evaluation rows at which a difference like this one would show."""
    train_rows: int | None = None
    train_seconds: float | None = None
    predict_ms_per_row: float | None = None
    latency: Latency | None = None
    """Of questions asked one by one."""
    peak_memory_bytes: int | None = None
    forgot: float | None = None
    """Share of bits that general prose takes more than before; below zero, it is known better."""


class Comparison(Frozen):
    """Runs side by side, best first."""

    metric: Metric
    """By which they are put in order."""
    rows: int
    """Evaluation rows, the same for all; of texts, those that ask the same count once."""
    evaluation_sha256: str
    lines: tuple[Line, ...]
    winner: str
    because: str
    notes: tuple[str, ...]


class Mistake(NamedTuple):
    """A row that a run got wrong."""

    row: Row
    prediction: str
    score: float | None


def mistakes(run: RunStatus) -> list[Mistake]:
    """Every row that a finished run got wrong: the most confident first, of texts the farthest."""
    predictions = _run_folder.read_predictions(run.folder / _run_folder.PREDICTIONS)
    rows = _data.read_rows(run.plan.evaluation)
    if _measuring.is_text(run.plan):
        return _farthest(rows, predictions)
    found = [
        Mistake(row, item.prediction, item.score)
        for row, item in zip(rows, predictions, strict=True)
        if item.prediction != row.target
    ]
    return sorted(found, key=lambda mistake: -(mistake.score or 0))


def _farthest(rows: Sequence[Row], predictions: Sequence[Prediction]) -> list[Mistake]:
    scores = _measure_text.row_scores(rows, predictions)
    wrong = [
        question.places[0]
        for question in asked(rows)
        if question.references
        and predictions[question.places[0]].prediction not in question.references
    ]
    wrong.sort(key=lambda place: scores[place])
    return [Mistake(rows[place], predictions[place].prediction, None) for place in wrong]


def latest_group(runs: Sequence[RunStatus]) -> list[RunStatus]:
    """The finished runs that share the evaluation rows of the newest one."""
    done = [run for run in runs if run.result]
    if not done:
        return []
    wanted = done[-1].plan.evaluation.sha256
    return [run for run in done if run.plan.evaluation.sha256 == wanted]


def compare(
    runs: Sequence[RunStatus], metric: Metric | None = None, own: OwnMetric | None = None
) -> Comparison:
    """Test every run, and the baselines, against the best of them.

    ``own``: measure all answers by this function too, whatever the runs were measured by.

    Raises:
        RunError: A run is not finished, or two were measured on different rows.
        UserError: These runs were not measured by this metric.
        MissingExtraError: scipy or scikit-learn is not installed.
    """
    _models.require("scipy", "sklearn", approach="compare")
    _check(runs)
    rows = _data.read_rows(runs[0].plan.evaluation)
    by, entries = entered(runs, rows, metric, own)
    values = [by.rank(entry.predictions) for entry in entries]
    best = max(range(len(entries)), key=lambda n: (values[n], -entries[n].rung))
    others = [n for n in range(len(entries)) if n != best]
    raw = [by.p_value(entries[best].predictions, entries[n].predictions) for n in others]
    p_values = dict(zip(others, _significance.holm(raw), strict=True))
    lines = [
        _line(entry, by, entries[best], p_values.get(n), afresh=own is not None)
        for n, entry in enumerate(entries)
    ]
    order = sorted(range(len(lines)), key=lambda n: (n != best, -values[n], entries[n].rung))
    placed = [lines[n].model_copy(update={"place": place}) for place, n in enumerate(order, 1)]
    winner, because = _winner([entries[n] for n in order], placed, by.test)
    return Comparison(
        metric=by.metric,
        rows=by.card(entries[0].predictions).rows,
        evaluation_sha256=runs[0].plan.evaluation.sha256,
        lines=tuple(placed),
        winner=winner,
        because=because,
        notes=tuple(_notes(runs)),
    )


def _check(runs: Sequence[RunStatus]) -> None:
    if not runs:
        fix = "whichtune run --approach heads --approach lora --data FILE"
        raise RunError("no finished runs to compare", where="compare", fix=fix)
    for run in runs:
        if run.result is None:
            fix = f"finish it (whichtune run {run.name}) or leave it out"
            raise RunError(f"{run.name} is {run.state}", where="compare", fix=fix)
        if run.plan.evaluation.sha256 != runs[0].plan.evaluation.sha256:
            what = f"{runs[0].name} and {run.name} were measured on different rows"
            fix = "run both on the same --data, --evaluation and --seed"
            raise RunError(what, where="compare", fix=fix)


def _line(entry: Entry, by: Scale, best: Entry, p_value: float | None, *, afresh: bool) -> Line:
    result = entry.run.result if entry.run else None
    card = by.card(entry.predictions) if afresh or not result else result.scorecard
    tie = p_value is not None and p_value >= LEVEL
    labels = card if isinstance(card, Scorecard) else None
    needed = by.rows_to_decide(best.predictions, entry.predictions) if tie else None
    return Line(
        place=0,
        name=entry.name,
        approach=entry.approach,
        verdict="best" if p_value is None else ("tie" if tie else "worse"),
        baseline=entry.run is None,
        value=metrics_of(card)[by.metric],
        accuracy=labels.accuracy if labels else None,
        macro_f1=labels.macro_f1 if labels else None,
        metrics={} if labels else metrics_of(card),
        p_value=p_value,
        rows_to_decide=needed,
        train_rows=result.train_rows if result else None,
        train_seconds=result.train_seconds if result else None,
        predict_ms_per_row=result.predict_ms_per_row if result else None,
        latency=result.latency if result else None,
        peak_memory_bytes=result.peak_memory_bytes if result else None,
        forgot=result.forgetting.prose.change if result and result.forgetting else None,
    )


def _winner(entries: Sequence[Entry], lines: Sequence[Line], test: str) -> tuple[str, str]:
    """The cheapest of those not shown to be worse than the best, and the sentence that says so."""
    top = lines[0]
    level = [pair for pair in zip(entries, lines, strict=True) if pair[1].verdict != "worse"]
    _, line = min(level, key=lambda pair: (pair[0].rung, pair[1].train_seconds or 0))
    beaten = [other for other in lines if other.verdict == "worse"]
    if line.baseline:
        what = "nothing is shown to be better than doing nothing"
        if line.name == top.name:
            return line.name, f"{what}: {line.name} is ahead of all of them"
        return (
            line.name,
            f"{what}: {top.name} leads {line.name} by chance alone ({_p(line)}, {test})",
        )
    if line.name == top.name:
        if not beaten:
            return line.name, f"{line.name} is the best and the cheapest; none is shown to be worse"
        closest = min(beaten, key=lambda other: -(other.p_value or 0))
        also = f"; {len(level) - 1} dearer tie with it" if len(level) > 1 else ""
        return line.name, f"{line.name} beats {closest.name} ({_p(closest)}, {test}){also}"
    what = f"{line.name} ties with {top.name} ({_p(line)}, {test})"
    return line.name, f"{what}; a tie goes to the cheaper"


def _p(line: Line) -> str:
    p_value = line.p_value or 0.0
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def _notes(runs: Sequence[RunStatus]) -> list[str]:
    notes: list[str] = []
    if len({run.plan.train.sha256 for run in runs}) > 1:
        notes.append(
            "these runs learned from different rows; the differences are not of the approach alone"
        )
    if len({run.plan.base_model for run in runs}) > 1:
        notes.append("these runs use different base models")
    if other := differing(runs):
        notes.append(f"{other} is not the same function in all of these runs")
    for run in runs:
        if run.result:
            notes += [f"{run.name}: {warning}" for warning in run.result.warnings]
    return notes
