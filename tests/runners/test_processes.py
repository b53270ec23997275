"""Several processes learn what one learns, and end as one does: done, failed or cancelled."""

import contextlib
import os
import signal
import subprocess
import time

import psutil
import pytest
import torch
from safetensors.torch import load_file

from rules.errors import SettingError, UserError
from runners import _processes, _run_folder
from runners._run_folder import read_events, status

SETTINGS = {"epochs": 4, "learning_rate": 4e-3, "batch": 4}


@pytest.fixture
def start():
    """Start a run as the queue does; what still runs at the end of the test is ended."""
    children = []

    def go(plan):
        _run_folder.write_plan(plan)
        with (plan.folder / "log.txt").open("ab") as log:
            command = _processes.command(plan, plan.folder)
            children.append(
                subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            )
        return children[-1]

    yield go
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def log(plan):
    return (plan.folder / "log.txt").read_text()[-3000:]


def states(plan):
    return [event.state for event in read_events(plan.folder)[0] if event.state]


def test_two_processes_learn_what_one_learns(start, text_plan, text_train, tmp_path):
    rows = text_train[: len(text_train) // 4 * 4]
    found = {}
    for count in (1, 2):
        plan = text_plan(
            tmp_path / f"by-{count}" / "run",
            "full_sft",
            processes=count,
            train=rows,
            settings=SETTINGS,
        )
        assert start(plan).wait(timeout=240) == 0, log(plan)
        assert states(plan) == ["running", "done"]
        news = [event.progress for event in read_events(plan.folder)[0] if event.progress]
        losses = [item.values["loss"] for item in news if "loss" in item.values]
        weights = load_file(next(plan.artifact.rglob("*.safetensors")))
        found[count] = losses, weights, status(plan.folder).result
    assert found[2][0] == pytest.approx(found[1][0], rel=1e-3)
    for name, tensor in found[1][1].items():
        torch.testing.assert_close(found[2][1][name], tensor, rtol=1e-2, atol=1e-3)
    assert found[2][2].train_rows == found[1][2].train_rows == len(rows)


def awaited(plan, child):
    """Wait until the first loss is told."""
    deadline = time.monotonic() + 120
    while not any(e.progress and "loss" in e.progress.values for e in read_events(plan.folder)[0]):
        assert time.monotonic() < deadline, log(plan)
        assert child.poll() is None, log(plan)
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("killed", "expected"), [("launcher", ("cancelled",)), ("other", ("failed", "cancelled"))]
)
def test_no_process_is_left_when_one_is_ended(killed, expected, start, text_plan, tmp_path):
    long = {**SETTINGS, "epochs": 2000}
    plan = text_plan(tmp_path / "run", "full_sft", processes=2, settings=long)
    child = start(plan)
    awaited(plan, child)
    workers = psutil.Process(child.pid).children(recursive=True)
    first = next(e.pid for e in read_events(plan.folder)[0] if e.state == "running")
    if killed == "launcher":
        child.terminate()
    else:
        next(
            w
            for w in workers
            if w.pid != first and "runners._worker" in w.cmdline() and w.status() != "zombie"
        ).kill()
    assert child.wait(timeout=90) != 0
    assert states(plan)[-1] in expected
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive


@pytest.mark.parametrize(
    ("approach", "fields", "expected"),
    [
        ("pretraining", {}, "trains in one process"),
        ("lora", {"max_minutes": 5}, "several clocks"),
        ("lora", {"settings": {"batch": 7}}, "--setting batch=8"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(approach, fields, expected, text_plan, tmp_path):
    plan = text_plan(tmp_path / "run", approach, processes=2, **fields)
    with pytest.raises((UserError, SettingError)) as caught:
        _processes.check(plan)
    assert expected in f"{caught.value.what} {caught.value.fix}"
