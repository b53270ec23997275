"""Going on with a run that was killed, or starting it from its beginning.

A run goes on from its last whole checkpoint, with the rows it would have seen next. That is only
the same run if the plan, the rows and the libraries are those it began with; what differs is named.
"""

import json
from collections.abc import Iterator
from typing import Any, cast

from rules.errors import DataError, RunError
from runners import _checkpoints, _data, _own_metric, _run_folder, _worker
from runners._run_folder import RunStatus


def can_resume(run: RunStatus) -> bool:
    """Whether the run has got anywhere that can be gone on from."""
    return _checkpoints.can_go_on(run.folder)


def check(run: RunStatus) -> None:
    """Refuse to go on where that would not be the same run.

    Raises:
        RunError: It is done or under way, has no checkpoint, or began under other circumstances.
    """
    afresh = f"start it from the beginning: whichtune run {run.name}"
    if run.state in ("done", "running", "queued"):
        fix = f"look at it: whichtune show {run.name}"
        raise RunError(f"{run.name} is {run.state}", where=str(run.folder), fix=fix)
    if not can_resume(run):
        what = f"{run.name} has no checkpoint to go on from"
        raise RunError(what, where=str(run.folder), fix=afresh)
    differences = list(_differences(run))
    if differences:
        what = f"this is not how {run.name} began: {'; '.join(differences[:3])}"
        raise RunError(what, where=str(run.folder), fix=f"put that back, or {afresh}")


def start_afresh(run: RunStatus) -> None:
    """Forget how far it had got."""
    _checkpoints.forget_stages(run.folder)
    _checkpoints.forget(run.folder)


def go_on_or_start_afresh(run: RunStatus) -> None:
    """Leave checkpoints where they are still the same run's, and forget them where they are not."""
    if not can_resume(run) or any(_differences(run)):
        start_afresh(run)


def _differences(run: RunStatus) -> Iterator[str]:
    try:
        text = (run.folder / _run_folder.ENVIRONMENT).read_text("utf-8")
        began = cast("dict[str, Any]", json.loads(text))
    except (OSError, ValueError):
        yield "environment.json is gone or damaged"
        return
    if run.plan.metric_function:
        yield from _own_metric.changes(run.plan.metric_function)
    if began.get("plan_sha256") != _run_folder.plan_sha256(run.folder):
        yield "plan.yaml was changed"
    for what, file in (("training", run.plan.train), ("evaluation", run.plan.evaluation)):
        try:
            _data.read_rows(file)
        except DataError as error:
            yield f"{what} rows, {error.where}: {error.what}"
    libraries = cast("dict[str, str]", began.get("libraries") or {})
    now = _worker.versions()
    for name, version in libraries.items():
        if now.get(name) != version:
            yield f"{name} was {version} and is {now.get(name) or 'not installed'}"
