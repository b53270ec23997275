"""The child process: every way a run can end is written down, and a done run is complete."""

import json
import signal
import subprocess
import sys
import time

import pytest

from runners import _data, _measure, _run_folder
from runners._run_folder import read_events, status
from runners.base import Plan, Scorecard


def await_event(plan, child, wanted):
    """Wait until an event satisfies a condition."""
    deadline = time.monotonic() + 60
    while not any(wanted(event) for event in read_events(plan.folder)[0]):
        assert time.monotonic() < deadline, (plan.folder / "log.txt").read_text()
        assert child.poll() is None, (plan.folder / "log.txt").read_text()
        time.sleep(0.01)


def failure(plan):
    found = status(plan.folder)
    assert found.state == "failed"
    assert found.last is not None
    assert found.last.error is not None
    return found.last.error


def check_done(plan: Plan, written: bytes):
    """What holds of every run that is done."""
    events, _ = read_events(plan.folder)
    assert [event.state for event in events if event.state] == ["running", "done"]
    assert (plan.folder / "plan.yaml").read_bytes() == written
    rows = _data.read_rows(plan.evaluation)
    predictions = _run_folder.read_predictions(plan.folder / "predictions.jsonl")
    assert [item.id for item in predictions] == [row.id for row in rows]
    assert all(item.seconds > 0 for item in predictions)
    result = status(plan.folder).result
    assert result is not None
    assert result.scorecard == _measure.measure(rows, predictions)
    cards = {"run": result.scorecard, **result.baselines}
    accuracy = {
        name: card.accuracy.value for name, card in cards.items() if isinstance(card, Scorecard)
    }
    assert accuracy["majority"] == pytest.approx(1 / 6)
    assert accuracy["run"] > accuracy["untouched"] > 1 / 2
    assert (result.run, result.approach, result.train_rows) == (plan.name, plan.approach, 60)
    assert result.train_seconds > 0
    assert result.predict_ms_per_row > 0
    assert result.peak_memory_bytes > 100e6  # torch alone is more
    sizes = [file.stat().st_size for file in plan.artifact.rglob("*") if file.is_file()]
    assert result.artifact_bytes == sum(sizes) > 0
    environment = json.loads((plan.folder / "environment.json").read_text())
    assert environment["libraries"]["torch"]
    assert environment["train_sha256"] == plan.train.sha256
    assert (plan.folder / "log.txt").exists()


def test_two_runs_on_the_same_rows_at_once_are_both_done_and_complete(start, new_plan, tmp_path):
    plans = [new_plan(tmp_path / approach, approach) for approach in ("heads", "few_shot")]
    children = [start(plan) for plan in plans]
    written = [(plan.folder / "plan.yaml").read_bytes() for plan in plans]
    for plan, child, content in zip(plans, children, written, strict=True):
        assert child.wait(120) == 0, (plan.folder / "log.txt").read_text()
        check_done(plan, content)
    (kept,) = (tmp_path / "data" / "baselines").iterdir()
    assert len(_run_folder.read_predictions(kept)) == 120


def is_under_way(event):
    return event.progress is not None and event.progress.message == "loading libraries"


def test_a_killed_run_is_shown_as_died_with_its_last_news(start, new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "heads")
    child = start(plan)
    await_event(plan, child, is_under_way)
    assert status(plan.folder).state == "running"
    child.send_signal(signal.SIGKILL)
    child.wait()
    found = status(plan.folder)
    assert (found.state, found.result) == ("died", None)
    assert found.last is not None
    assert found.last.progress is not None


def test_a_run_that_is_asked_to_stop_is_cancelled(start, new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "heads")
    child = start(plan)
    await_event(plan, child, is_under_way)
    child.send_signal(signal.SIGTERM)
    assert child.wait(30) == 130
    assert status(plan.folder).state == "cancelled"


def test_a_run_that_is_asked_to_stop_again_and_again_is_still_cancelled(start, new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "heads")
    child = start(plan)
    await_event(plan, child, lambda event: event.state == "running")
    while child.poll() is None:
        child.send_signal(signal.SIGTERM)
        time.sleep(0.0002)
    states = [event.state for event in read_events(plan.folder)[0] if event.state]
    assert states == ["running", "cancelled"], (plan.folder / "log.txt").read_text()


def test_rows_that_changed_after_the_plan_fail_the_run_with_the_fix(start, new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "heads")
    plan.train.path.write_text(plan.train.path.read_text() + "\n")
    assert start(plan).wait(60) == 2
    error = failure(plan)
    assert error["what"] == "the rows were changed after the plan was made"
    assert error["where"] == str(plan.train.path)
    assert error["fix"].startswith("make a new plan")


def test_a_plan_that_cannot_be_read_fails_the_run(start, new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "heads")
    (plan.folder / "plan.yaml").write_text("approach: heads\n")
    assert start(plan, write=False).wait(60) == 2
    events, _ = read_events(plan.folder)
    assert events[-1].state == "failed"
    assert events[-1].error is not None
    assert "not a plan" in events[-1].error["what"]


def test_an_approach_nobody_knows_fails_the_run(start, new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "heads").model_copy(update={"approach": "magic"})
    assert start(plan).wait(60) == 2
    assert failure(plan)["what"] == "no runner for 'magic' yet"


def test_what_nobody_foresaw_fails_the_run_and_points_to_the_log(start, new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "heads")
    (plan.folder / "environment.json").mkdir()
    assert start(plan).wait(60) == 1
    error = failure(plan)
    assert error["what"].startswith("IsADirectoryError")
    assert error["where"] == str(plan.folder / "log.txt")
    assert error["fix"] == "read the end of the log: whichtune show run --log"
    assert "Traceback" in (plan.folder / "log.txt").read_text()


def test_a_run_that_cannot_write_its_events_ends_with_an_error(new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "heads")
    _run_folder.write_plan(plan)
    for _ in range(20):
        _run_folder.append_event(plan.folder, state="queued")
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; exec {sys.executable} -m runners._worker {plan.folder}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode not in (0, 2, 130)
    assert "OSError" in done.stderr
    assert "File too large" in done.stderr
