"""The queue: one run after the other, whatever becomes of each."""

import subprocess
import sys
import time

import pytest

from runners import _run_folder
from runners._run_folder import append_event, read_events, status


@pytest.fixture
def plans(new_plan, tmp_path):
    """Three written plans that fail within a second, since their rows were changed."""
    made = [new_plan(tmp_path / f"heads-{number:04d}", "heads") for number in (1, 2, 3)]
    made[0].train.path.write_text("changed")
    for plan in made:
        _run_folder.write_plan(plan)
    return made


def queue(plans):
    names = [str(plan.folder) for plan in plans]
    done = subprocess.run(
        [sys.executable, "-m", "runners._queue", *names], capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr


def states(plan):
    return [event.state for event in read_events(plan.folder)[0] if event.state]


def ask(plan):
    append_event(plan.folder, state="queued", **_run_folder.own_process())


def test_runs_are_carried_out_one_after_the_other_in_their_order(plans):
    for plan in plans:
        ask(plan)
    queue(plans)
    assert [states(plan) for plan in plans] == [["queued", "queued", "running", "failed"]] * 3
    times = [event.time for plan in plans for event in read_events(plan.folder)[0][2:]]
    assert times == sorted(times)


def test_a_run_that_was_cancelled_while_it_waited_is_passed_over(plans):
    for plan in plans:
        ask(plan)
    append_event(plans[1].folder, state="cancelled")
    queue(plans)
    assert [states(plan)[-1] for plan in plans] == ["failed", "cancelled", "failed"]


def test_a_run_whose_folder_was_deleted_does_not_stop_the_others(plans):
    for plan in plans:
        ask(plan)
    (plans[0].folder / "plan.yaml").unlink()
    queue(plans)
    assert [states(plan)[-1] for plan in plans[1:]] == ["failed", "failed"]


def test_waiting_runs_stay_queued_when_the_program_that_asked_has_ended(plans):
    code = """
import sys, time
from pathlib import Path
from runners import _run_folder
for folder in sys.argv[1:]:
    _run_folder.append_event(Path(folder), state="queued", **_run_folder.own_process())
"""
    names = [str(plan.folder) for plan in plans]
    subprocess.run([sys.executable, "-c", code, *names], check=True, timeout=30)
    assert status(plans[2].folder).state == "died"
    process = subprocess.Popen([sys.executable, "-m", "runners._queue", *names])
    deadline = time.monotonic() + 60
    while status(plans[0].folder).state != "failed":
        assert time.monotonic() < deadline
    assert status(plans[2].folder).state == "queued"
    assert process.wait(60) == 0
    assert status(plans[2].folder).state == "failed"
