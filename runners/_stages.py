"""Approaches that are several trainings in a row: each in a folder of its own within the artifact.

A stage is a small run: it has checkpoints while it lasts and a note of its cost once it is done.
So a run that was killed goes on within the stage it had come to.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from runners import _checkpoints, _probe
from runners.base import Plan, Progress, Report, Row, find, settings_of

SEEN_BEFORE = 4000
"""Rows that supervised tuning sees before preferences are learned. Six passes over 1,849 pairs gave
no better answers than two, took three times as long and forgot half as much again (docs/log.md)."""


def stage(plan: Plan, name: str, **changes: Any) -> Plan:  # noqa: ANN401 - fields of a plan
    """The plan of one stage; what it leaves stands in ``artifact/NAME/artifact``."""
    folder = plan.artifact / name
    folder.mkdir(parents=True, exist_ok=True)
    return plan.model_copy(update={"folder": folder, **changes})


def once(plan: Plan, train: Callable[[Plan, Report], None], report: Report) -> None:
    """Carry a stage out, unless that is done.

    Args:
        plan: Of the stage.
        train: What it does; it leaves ``plan.artifact``.
        report: Told the news, with the stage before each.
    """
    name = plan.folder.name
    if _checkpoints.fit_of(plan.folder):
        report(Progress(message=f"{name}: done before"))
        return

    def told(progress: Progress) -> None:
        # The forecast is of this stage alone, and would be held against the whole of the run.
        values = {f"{name} {key}": value for key, value in progress.values.items()}
        message = f"{name}: {progress.message}"
        report(progress.model_copy(update={"message": message, "values": values, "forecast": None}))

    began = time.perf_counter()
    train(plan, told)
    cost = _checkpoints.Fit(time.perf_counter() - began, _probe.peak_bytes())
    _checkpoints.note_fit(plan, cost)


def tune(
    plan: Plan, approach: str, settings: dict[str, Any], rows: Sequence[Row], report: Report
) -> None:
    """The stage of another approach, such as supervised tuning.

    Its passes are fewer than by itself: it only has to teach how one answers at all.
    """
    runner = find(approach)
    passes = max(1, min(10, round(SEEN_BEFORE / max(len(rows), 1))))
    known = {
        name: value
        for name, value in {"epochs": passes, **settings}.items()
        if name in runner.Settings.model_fields
    }
    settings_of(runner.Settings, known, approach)
    part = stage(plan, "sft", approach=approach, settings=known)
    once(part, lambda own, told: runner.fit(own, rows, told), report)
