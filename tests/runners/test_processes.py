"""Several processes learn what one learns, and end as one does: done, failed or cancelled."""

import contextlib
import logging
import os
import signal
import subprocess
import time

import psutil
import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainingArguments

from rules.errors import SettingError, UserError
from runners import _probe, _processes, _run_folder
from runners._run_folder import read_events, status
from runners.base import Row

WORDS = ("door", "roof", "wall", "floor", "stair", "window", "cellar", "garden")
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


@pytest.mark.slow
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


TEXTS = [
    Row(id=str(n), input=" ".join(f"The {w} of house {n} is {n * 7 % 10}." for w in WORDS))
    for n in range(24)
]
SHAPE = {"hidden_size": 32, "layers": 2, "heads": 2, "max_tokens": 32, "batch": 4}
RAW = {
    "pretraining": {**SHAPE, "steps": 40, "vocabulary": 300},
    "continued_pretraining": {"max_tokens": 32, "batch": 4, "epochs": 2, "learning_rate": 1e-3},
}


@pytest.mark.slow
@pytest.mark.parametrize("approach", RAW)
def test_blocks_of_raw_text_are_shared_out_too(approach, start, text_plan, tmp_path):
    found = {}
    for count in (1, 2):
        plan = text_plan(
            tmp_path / f"by-{count}" / "run",
            approach,
            task="domain_knowledge",
            processes=count,
            train=TEXTS,
            evaluation=[row.model_copy(update={"input": row.input[::-1]}) for row in TEXTS[:4]],
            settings=RAW[approach],
        )
        assert start(plan).wait(timeout=280) == 0, log(plan)
        assert states(plan) == ["running", "done"]
        news = [event.progress for event in read_events(plan.folder)[0] if event.progress]
        told = [(item.step, item.values["loss"]) for item in news if "loss" in item.values]
        found[count] = told, load_file(next(plan.artifact.rglob("*.safetensors")))
    steps = [[step for step, _ in told] for told, _ in found.values()]
    assert steps[0] == steps[1]
    assert len(steps[0]) > 10
    losses = {count: [loss for _, loss in told] for count, (told, _) in found.items()}
    logging.info("%s: losses of 1 and 2 processes %s", approach, losses)
    assert losses[2] == pytest.approx(losses[1], rel=1e-3)
    for name, tensor in found[1][1].items():
        torch.testing.assert_close(found[2][1][name], tensor, rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize(
    ("approach", "cuda", "backend", "split"),
    [
        ("full_sft", True, "nccl", True),
        ("full_sft", False, "gloo", False),
        ("lora", True, "nccl", False),
        ("qlora", True, "nccl", False),
        ("pretraining", True, "nccl", False),
    ],
)
def test_a_model_is_split_among_gpus_where_all_of_it_learns(
    approach, cuda, backend, split, text_plan, tmp_path
):
    plan = text_plan(tmp_path / "run", approach, processes=2)
    chosen = _processes.arguments(plan, cuda=cuda)
    assert chosen["ddp_backend"] == backend
    assert ("fsdp" in chosen) == split
    if split:
        found = TrainingArguments(
            output_dir=str(tmp_path), fsdp=chosen["fsdp"], fsdp_config=chosen["fsdp_config"]
        )
        plugin = found.fsdp_plugin_args or {}
        assert plugin["fsdp_version"] == 2
        assert plugin["reshard_after_forward"] is True
        assert plugin["state_dict_type"] == "FULL_STATE_DICT"
    assert not _processes.arguments(plan.model_copy(update={"processes": 1}), cuda=cuda)


def test_what_is_free_in_memory_is_shared_by_the_processes(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    alone = _probe.available_bytes()
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert _probe.available_bytes() < alone / 2


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
        ("few_shot", {}, "trains in one process"),
        ("pretraining", {"settings": {"batch": 3}}, "--setting batch=4"),
        ("lora", {"max_minutes": 5}, "several clocks"),
        ("lora", {"settings": {"batch": 7}}, "--setting batch=8"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(approach, fields, expected, text_plan, tmp_path):
    plan = text_plan(tmp_path / "run", approach, processes=2, **fields)
    with pytest.raises((UserError, SettingError)) as caught:
        _processes.check(plan)
    assert expected in f"{caught.value.what} {caught.value.fix}"
