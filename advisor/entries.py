"""What stands in a comparison: runs and baselines with their answers, and the scale for them."""

from collections.abc import Sequence
from typing import NamedTuple

from advisor.scale import TAKEN, Metric, Scale, scale
from rules import engine
from rules.errors import RunError, UserError
from runners import (
    _data,
    _measure_text,
    _measuring,
    _own_metric,
    _preferences,
    _run_folder,
)
from runners._measuring import BASELINE
from runners._run_folder import RunStatus
from runners.base import OwnMetric, Prediction, Row

_FREE = -1
"""The rung of a baseline: it costs nothing at all."""
_NO_MODEL = {
    "majority": "majority class",
    "copied": "the question itself",
    "longer": "the longer answer",
}


class Entry(NamedTuple):
    """A run, or a baseline, with its answers."""

    name: str
    approach: str
    rung: int
    predictions: list[Prediction]
    run: RunStatus | None


def own_metrics(runs: Sequence[RunStatus]) -> list[str]:
    """Names of the metrics of the user's own that these runs were measured by."""
    made = (run.plan.metric_function for run in runs)
    return list(dict.fromkeys(metric.name for metric in made if metric))


def entered(
    runs: Sequence[RunStatus], rows: Sequence[Row], metric: Metric | None, own: OwnMetric | None
) -> tuple[Scale, list[Entry]]:
    """The scale, and all that is to be put in order by it, with what a metric of one's own says."""
    plan, entries = runs[0].plan, [_entry(run) for run in runs]
    if own is None:
        _check_same_function(runs, metric)
        by = scale(plan, rows, metric, [run.result.scorecard for run in runs if run.result])
        return by, entries + [entry for entry in _baselines(runs, by) if _has(by, entry)]
    if not _measuring.is_text(plan):
        fix = "compare them by accuracy or macro_f1: --metric macro_f1"
        raise UserError("a label is right or wrong", where=_own_metric.FLAG, fix=fix)
    plan = plan.model_copy(update={"metric_function": own})

    def scored(some: Sequence[Entry]) -> list[Entry]:
        return [
            entry._replace(predictions=_own_metric.scored(own, rows, entry.predictions))
            for entry in some
        ]

    entries = scored(entries)
    cards = [_measuring.card(plan, rows, entry.predictions) for entry in entries]
    by = scale(plan, rows, metric, cards)
    return by, entries + scored(_baselines(runs, by))


def _has(by: Scale, entry: Entry) -> bool:
    """Whether a metric that not every model has was measured of a baseline too."""
    if by.metric in TAKEN and by.metric not in _preferences.METRICS:
        return True
    return _measure_text.has(by.metric, by.rows, entry.predictions)


def _check_same_function(runs: Sequence[RunStatus], metric: Metric | None) -> None:
    """Refuse to compare by a function that was another one in each run."""
    if differing(runs) != metric or metric is None:
        return
    made = runs[0].plan.metric_function
    again = f" {_own_metric.FLAG} {made.call}" if made else ""
    fix = f"measure all answers by the same one: whichtune compare{again}"
    raise RunError(f"{metric} is not the same function in all runs", where="--metric", fix=fix)


def differing(runs: Sequence[RunStatus]) -> str | None:
    """A metric of the user's own whose file was another one in some of these runs."""
    files: dict[str, str] = {}
    for metric in (run.plan.metric_function for run in runs):
        if metric and files.setdefault(metric.name, metric.sha256) != metric.sha256:
            return metric.name
    return None


def _entry(run: RunStatus) -> Entry:
    predictions = _run_folder.read_predictions(run.folder / _run_folder.PREDICTIONS)
    return Entry(run.name, run.plan.approach, _rung(run.plan.approach), predictions, run)


def _rung(approach: str) -> int:
    return next((item.rung for item in engine.load() if item.name == approach), 0)


def _baselines(runs: Sequence[RunStatus], by: Scale) -> list[Entry]:
    """No model once, and each base model as it came, unless a plain zero-shot run is just that."""
    plan = runs[0].plan
    without = _measuring.nothing(plan, _data.read_rows(plan.train), by.rows)
    if by.metric == "bits_per_byte":  # only a model finds a text likely
        without = {}
    found = [
        Entry(name, _NO_MODEL[name], _FREE, _own_metric.kept(runs[0].folder, name, said), None)
        for name, said in without.items()
    ]
    plain = {
        run.plan.base_model
        for run in runs
        if run.plan.approach == BASELINE and not run.plan.settings
    }
    models = {run.plan.base_model: run for run in runs if run.plan.base_model not in plain}
    for base_model, run in models.items():
        folder = run.plan.train.path.parent / "baselines"
        path = folder / _measuring.kept_as(run.plan)
        if path.exists():
            name = "untouched" if len(models) == 1 else f"untouched {base_model}"
            predictions = _run_folder.read_predictions(path)
            predictions = _own_metric.kept(run.folder, "untouched", predictions)
            found.append(Entry(name, "untouched model", _FREE, predictions, None))
    return found
