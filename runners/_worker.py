"""The child process of one run: fit, measure, write. ``python -m runners._worker FOLDER``.

It knows approaches only through the contract, and the world only through the run's folder.
"""

import importlib
import json
import os
import platform
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from types import FrameType

from rules.errors import UserError
from runners import (
    _checkpoints,
    _data,
    _forgetting,
    _full_disk,
    _guards,
    _machine,
    _measuring,
    _models,
    _outgoing,
    _probe,
    _processes,
    _quiet,
    _run_folder,
)
from runners.base import Forecast, Plan, Progress, Report, Result, Row, Runner, find, libraries

LIBRARIES = (
    *("torch", "transformers", "peft", "trl", "datasets", "accelerate", "bitsandbytes"),
    *("sentence-transformers", "setfit", "scikit-learn", "numpy", "scipy", "chromadb"),
    *("sacrebleu", "rouge-score", "openai"),
)
"""Those whose versions are written down with every run."""


class Cancelled(BaseException):
    """Someone asked the run to stop. Not an ``Exception``, so that no library swallows it."""


def main(folder: Path) -> int:
    """Carry out the plan in the folder; every way it can end is written down as an event."""
    _quiet.settle()
    signal.signal(signal.SIGTERM, _cancel)
    try:
        if _run_folder.status(folder).state == "cancelled":  # between the queue's look and now
            return 130
        if not _processes.rank():
            _run_folder.append_event(folder, state="running", **_run_folder.own_process())
        _run(folder)
        _end(folder, state="done")
    except Cancelled:
        _end(folder, state="cancelled")
        return 130
    except UserError as error:
        parts = {"what": error.what, "where": error.where, "fix": error.fix}
        _end(folder, state="failed", error=parts)
        return 2
    except Exception as error:  # noqa: BLE001 - the one edge of this process
        parts = _told(error, folder)
        traceback.print_exc()
        _end(folder, state="failed", error=parts)
        return 1
    return 0


def _told(error: Exception, folder: Path) -> dict[str, str]:
    """What stopped the run, where nobody foresaw it."""
    if full := _full_disk.explained(error, folder):
        return {"what": full.what, "where": full.where, "fix": full.fix}
    return {
        "what": f"{type(error).__name__}: {error}".splitlines()[0],
        "where": str(folder / _run_folder.LOG),
        "fix": f"read the end of the log: whichtune show {folder.name} --log",
    }


def _end(folder: Path, **values: object) -> None:
    """Write the last event, undisturbed: whoever cancels may send the signal more than once."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if _processes.count() > 1 and _over(folder):
        return  # another of the processes failed first, and took this one along
    _run_folder.append_event(folder, **values)


def _over(folder: Path) -> bool:
    states = [event.state for event in _run_folder.read_events(folder)[0] if event.state]
    return bool(states) and states[-1] in ("done", "failed", "cancelled")


def _cancel(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Cancelled


def _run(folder: Path) -> None:
    plan = _run_folder.read_plan(folder)
    warnings: list[str] = []
    forecasts: list[Forecast] = []

    def report(progress: Progress) -> None:
        if _processes.rank():  # the first process alone writes
            return
        if progress.warning:
            warnings.append(progress.message)
        if progress.forecast:
            forecasts.append(progress.forecast)
        _run_folder.append_event(folder, progress=_with_memory(progress))

    train, evaluation = _data.read_rows(plan.train), _data.read_rows(plan.evaluation)
    runner = find(plan.approach)
    _make_ready(plan, runner, train, evaluation, report)
    cost = _checkpoints.fit_of(folder)
    if cost and _processes.rank():  # nothing is left that could be shared out
        raise SystemExit(0)
    cost = cost or _fit(plan, runner, train, report)
    forecast = forecasts[-1] if forecasts else None
    _learn(plan, forecast, cost)
    predictor = runner.load(plan.artifact)
    answers = _measuring.ask(plan, predictor, evaluation, report)
    predictions = answers.predictions
    _run_folder.write_predictions(folder / _run_folder.PREDICTIONS, predictions)
    latency = _measuring.latency(plan, predictor, evaluation, report)
    retrieval = _measuring.retrieval(predictor, evaluation, predictions, report)
    tuned = _forgetting.after(plan, predictor, report)
    del predictor  # the untouched model is opened next, and one at a time is enough
    forgetting = _forgetting.against(plan, tuned, report)
    baselines = _measuring.baselines(plan, train, evaluation, predictions, report)
    result = Result(
        approach=plan.approach,
        run=plan.name,
        base_model=plan.base_model,
        train_sha256=plan.train.sha256,
        evaluation_sha256=plan.evaluation.sha256,
        scorecard=_measuring.card(plan, evaluation, predictions),
        baselines=baselines,
        train_rows=len(train),
        train_seconds=cost.seconds,
        predict_ms_per_row=1000 * answers.seconds_each,
        latency=latency,
        peak_memory_bytes=_peak_memory_bytes(),
        artifact_bytes=sum(f.stat().st_size for f in plan.artifact.rglob("*") if f.is_file()),
        forecast=forecast,
        fit_memory_bytes=cost.memory_bytes,
        retrieval=retrieval,
        forgetting=forgetting,
        usage=_outgoing.usage(plan, predictions, report),
        warnings=tuple(warnings),
    )
    _run_folder.write_atomic(folder / _run_folder.RESULT, result.model_dump_json(indent=1))
    _checkpoints.forget(folder)


def _make_ready(
    plan: Plan, runner: Runner, train: Sequence[Row], evaluation: Sequence[Row], report: Report
) -> None:
    """Refuse what cannot end well, note what it runs with, and import what it needs."""
    needed = libraries(runner, plan.task, plan.base_model)
    _models.require(*needed, approach=plan.approach)
    if _measuring.is_text(plan):
        _guards.no_evaluation_in_training(train, evaluation)
    if not _processes.rank():
        _write_environment(plan)
    if plan.endpoint:
        _outgoing.begin(plan, report)
    else:  # one that is not there is said before libraries are waited for
        _models.locate(plan.base_model)
    _load(needed, report)


def _with_memory(progress: Progress) -> Progress:
    """News of a training also say what memory it has taken so far."""
    if "loss" not in progress.values:
        return progress
    values = {**progress.values, "memory_gib": _probe.peak_bytes() / 2**30}
    return progress.model_copy(update={"values": values})


def _fit(plan: Plan, runner: Runner, rows: Sequence[Row], report: Report) -> _checkpoints.Fit:
    """Train, and note that it is done: whoever goes on after a kill has only to measure."""
    report(Progress(message=f"fitting {plan.approach} on {len(rows):,} rows"))
    began = time.perf_counter()
    runner.fit(plan, rows, report)
    cost = _checkpoints.Fit(time.perf_counter() - began, _probe.peak_bytes())
    _checkpoints.note_fit(plan, cost)
    return cost


def _learn(plan: Plan, forecast: Forecast | None, cost: _checkpoints.Fit) -> None:
    """Keep how far the probe was off, to correct the next forecast of this kind here."""
    if forecast:
        longer = cost.seconds / forecast.measured_seconds
        larger = cost.memory_bytes / forecast.measured_bytes
        _machine.remember(plan, longer, larger)


def _load(libraries: Sequence[str], report: Report) -> None:
    """Import what the approach needs before any clock starts."""
    report(Progress(message="loading libraries"))
    for library in libraries:
        importlib.import_module(library)


def versions() -> dict[str, str]:
    """The versions of the libraries that are installed."""
    found: dict[str, str] = {}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _write_environment(plan: Plan) -> None:
    about = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "libraries": versions(),
        "train_sha256": plan.train.sha256,
        "evaluation_sha256": plan.evaluation.sha256,
        "seed": plan.seed,
        "plan_sha256": _run_folder.plan_sha256(plan.folder),
    }
    text = json.dumps(about, indent=1)
    _run_folder.write_atomic(plan.folder / _run_folder.ENVIRONMENT, text)


def _peak_memory_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kibibytes everywhere else


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
