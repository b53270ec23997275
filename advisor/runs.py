"""Runs by name: list, find, start, follow and cancel them. The work is done by child processes."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from rules.errors import RunError
from runners import _models, _own_metric, _run_folder, base
from runners._run_folder import Event, RunStatus
from runners.base import Plan

__all__ = ["Event", "RunStatus", "all_runs", "cancel", "find", "follow", "is_over", "root", "start"]

_OVER = ("done", "failed", "cancelled", "died")
_POLL_SECONDS = 0.2


def root(given: Path | None = None) -> Path:
    """The folder of all runs: ``--runs``, else ``WHICHTUNE_RUNS``, else ``runs`` right here."""
    return (given or Path(os.environ.get("WHICHTUNE_RUNS", "runs"))).absolute()


def all_runs(folder: Path) -> list[RunStatus]:
    """Every run below the folder, oldest first."""
    return _run_folder.statuses(folder)


def find(name: str, folder: Path) -> RunStatus:
    """A run by its name, or by the path of its folder.

    Raises:
        RunError: There is none; the nearest names are given.
    """
    path = Path(name)
    candidate = path if (path / _run_folder.PLAN).exists() else folder / name
    if (candidate / _run_folder.PLAN).exists():
        return _run_folder.status(candidate.absolute())
    existing = [run.name for run in all_runs(folder)]
    near = get_close_matches(name, existing, n=1)
    fix = f"did you mean {near[0]!r}?" if near else "list them: whichtune runs"
    if not existing:
        fix = "there are no runs yet: whichtune run --approach heads --data FILE"
    raise RunError(f"no run {name!r}", where=str(folder), fix=fix)


def is_over(run: RunStatus) -> bool:
    """Whether nothing more will come from this run by itself."""
    return run.state in _OVER


def require_libraries(approach: str, base_model: str | None = None) -> None:
    """Check that an approach can be carried out here, before anything is made or started.

    With a base model behind an address, what it takes to ask that one.

    Raises:
        MissingExtraError: A library is not installed; the command that installs it is named.
        UserError: No runner has that name.
    """
    runner = base.find(approach)
    needed = base.libraries(runner, "classification", base_model or "")
    _models.require(*needed, approach=approach)


def start(*plans: Plan) -> None:
    """Start child processes that carry the plans out, one after the other; they outlive the caller.

    Raises:
        MissingExtraError: A library is not installed.
        RunError: A run is under way already.
        SettingError: The file of a metric of the user's own is gone or changed.
    """
    for plan in plans:
        require_libraries(plan.approach, plan.base_model)
        if plan.metric_function:
            _own_metric.require_same(plan.metric_function)
    for plan in plans:
        _run_folder.claim(plan.folder)
    with (plans[0].folder / _run_folder.LOG).open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "runners._queue", *(str(plan.folder) for plan in plans)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that closing the terminal does not reach it
        )
    # Someone has to wait for it, or it stays a zombie for as long as this process lives.
    threading.Thread(target=child.wait, daemon=True).start()


def follow(folder: Path) -> Iterator[Event]:
    """Yield events as they come, from the start of the latest attempt, until the run is over."""
    events, offset = _run_folder.read_events(folder)
    queued = [n for n, event in enumerate(events) if event.state == "queued"]
    events = events[queued[-1] :] if queued else events
    while True:
        yield from events
        over = is_over(_run_folder.status(folder))
        events, offset = _run_folder.read_events(folder, offset)
        if over and not events:
            return
        if not events:
            time.sleep(_POLL_SECONDS)


def cancel(folder: Path, patience_seconds: float = 10) -> None:
    """Ask the run to stop, insist when it does not, and return when it is over."""
    began = time.monotonic()
    sign = signal.SIGTERM
    while not is_over(run := _run_folder.status(folder)) and run.state != "planned":
        events, _ = _run_folder.read_events(folder)
        latest = next(event for event in reversed(events) if event.state)
        if latest.state == "queued":  # the queue passes over it
            _run_folder.append_event(folder, state="cancelled")
        elif latest.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(latest.pid, sign)
        time.sleep(_POLL_SECONDS)
        if time.monotonic() - began > patience_seconds:
            sign = signal.SIGKILL


def log(run: RunStatus) -> str:
    """What the libraries printed during a run."""
    path = run.folder / _run_folder.LOG
    return path.read_text("utf-8", errors="replace") if path.exists() else ""
