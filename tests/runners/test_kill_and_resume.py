"""Killed three times at random moments, a run ends with the weights and scores it would have had.

Everything happens through the command line, on the bundled model; the whole process group is killed
hard. ``--log-cli-level=INFO`` tells the moments and the hashes.
"""

import contextlib
import hashlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from runners import _checkpoints, _run_folder

COMMAND = (sys.executable, "-c", "from advisor.cli import main; main()", "run")
SETTINGS = {
    "lora": {"epochs": 4, "batch": 4, "rank": 8, "learning_rate": 2e-3},
    "full_sft": {"epochs": 4, "batch": 4, "learning_rate": 5e-4},
    "pretraining": {
        "hidden_size": 32,
        "layers": 2,
        "heads": 2,
        "max_tokens": 32,
        "batch": 4,
        "steps": 120,
        "vocabulary": 400,
    },
}
NAMES, FOODS, AREAS = (
    ("The Mill", "Aromi", "Zizzi", "Cotto", "Strada", "The Punter", "Wildwood"),
    ("Italian", "French", "English", "Indian"),
    ("riverside", "city centre", "old town", "harbour", "north end"),
)


def files(folder):
    """Slots with a sentence each: 112 to learn from, 28 to measure on; or the sentences alone."""
    rows = [
        {
            "instruction": f"name[{name}], food[{food}], area[{area}]",
            "output": f"{name} serves {food} food in the {area}.",
        }
        for name in NAMES
        for food in FOODS
        for area in AREAS
    ]
    random.Random(0).shuffle(rows)
    folder.mkdir()
    for name, part in (("train", rows[28:]), ("evaluation", rows[:28])):
        lines = "".join(json.dumps(row) + "\n" for row in part)
        (folder / f"{name}.jsonl").write_text(lines)
        said = "\n\n".join(" ".join(row["output"] for row in part) for _ in range(3))
        (folder / f"{name}.txt").write_text(said)
    return folder


def start(*arguments):
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "WHICHTUNE_PROBE": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def news(run) -> list[Any]:
    """What was told since it was last started."""
    events, _ = _run_folder.read_events(run)
    queued = [n for n, event in enumerate(events) if event.state == "queued"]
    return events[queued[-1] :] if queued else []


def kill(run, child, step, pause, stage=""):
    """Kill everything hard, some time after the step was told; say at which step that was."""
    deadline = time.monotonic() + 200
    while not any(
        e.progress and e.progress.step >= step and e.progress.message.startswith(stage)
        for e in news(run)
    ):
        assert child.poll() is None, child.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(pause)
    pid = next(event.pid for event in news(run) if event.state == "running")
    for group in {os.getpgid(pid), os.getpgid(child.pid)}:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    child.communicate(timeout=60)
    while _run_folder.status(run).state != "died":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return max(event.progress.step for event in news(run) if event.progress)


def hashes(run):
    found = sorted((run / "artifact").rglob("*.safetensors"))
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found
    }


def seconds_of_a_step(run):
    told = [e for e in news(run) if e.progress and "loss" in e.progress.values]
    return (told[-1].time - told[0].time) / (told[-1].progress.step - told[0].progress.step)


def carried_out(child):
    said, _ = child.communicate(timeout=280)
    assert child.returncode == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("approach", SETTINGS)
def test_killed_at_three_random_moments_a_run_ends_as_if_it_never_was(approach, tmp_path):
    data, kind = files(tmp_path / "data"), "txt" if approach == "pretraining" else "jsonl"
    asked = ["--approach", approach, "--data", data / f"train.{kind}"]
    asked += ["--evaluation", data / f"evaluation.{kind}"]
    for name, value in SETTINGS[approach].items():
        asked += ["--setting", f"{name}={value}"]
    whole = tmp_path / "whole" / f"{approach}-0001"
    carried_out(start(*asked, "--runs", whole.parent))
    each = seconds_of_a_step(whole)
    steps = next(e.progress.steps for e in news(whole) if e.progress and e.progress.step)

    drawn = random.Random(f"moments of {approach}")
    early, *late = drawn.uniform(0.03, 0.12), *sorted(drawn.uniform(0.3, 0.9) for _ in range(2))
    killed, moments = tmp_path / "killed" / whole.name, []
    child = start(*asked, "--runs", killed.parent)
    for fraction in (early, *late):
        while not killed.exists() or not (killed / "events.jsonl").exists():
            time.sleep(0.02)
        moments.append(kill(killed, child, int(fraction * steps), drawn.uniform(0, 3) * each))
        how = ("--resume",) if _checkpoints.last(killed) else ()
        child = start(*how, killed.name, "--runs", killed.parent)
        before = len(moments)
        wait_for_a_new_attempt(killed, child, before + 1)
    carried_out(child)
    logging.info("%s: %s steps, killed after %s; %s", approach, steps, moments, hashes(killed))
    assert hashes(killed) == hashes(whole)
    ends: list[Any] = [_run_folder.status(run).result for run in (whole, killed)]
    assert ends[0].scorecard == ends[1].scorecard
    assert ends[0].baselines == ends[1].baselines
    assert not (killed / _checkpoints.CHECKPOINTS).exists()


def pairs(folder):
    """Two answers to each question, of which the longer one is the better: 56 and 14 of them."""
    rows = [
        {
            "prompt": f"Where can {food} food be had in the {area}?",
            "chosen": f"{name} serves {food} food in the {area}.",
            "rejected": f"{name}.",
        }
        for name in NAMES[:4]
        for food in FOODS
        for area in AREAS
    ][:70]
    folder.mkdir()
    for name, part in (("train", rows[14:]), ("evaluation", rows[:14])):
        lines = "".join(json.dumps(row) + "\n" for row in part)
        (folder / f"{name}.jsonl").write_text(lines)
    return folder


@pytest.mark.slow
def test_killed_in_each_stage_rlhf_ends_as_if_it_never_was(tmp_path):
    data = pairs(tmp_path / "data")
    asked = ["--approach", "rlhf", "--data", data / "train.jsonl"]
    asked += ["--evaluation", data / "evaluation.jsonl"]
    asked += ["--setting", "steps=20", "--setting", "batch=4", "--setting", "answer_tokens=16"]
    whole = tmp_path / "whole" / "rlhf-0001"
    carried_out(start(*asked, "--runs", whole.parent))
    killed, moments = tmp_path / "killed" / whole.name, []
    child = start(*asked, "--runs", killed.parent)
    for number, stage in enumerate(("sft", "reward", "rl"), 2):
        while not (killed / "events.jsonl").exists():
            time.sleep(0.02)
        moments.append(kill(killed, child, 3, 0.2, f"{stage}: "))
        child = start("--resume", killed.name, "--runs", killed.parent)
        wait_for_a_new_attempt(killed, child, number)
    carried_out(child)
    logging.info("rlhf: killed after %s of each stage; %s", moments, hashes(killed))
    assert hashes(killed) == hashes(whole)
    ends: list[Any] = [_run_folder.status(run).result for run in (whole, killed)]
    assert ends[0].scorecard == ends[1].scorecard
    found = [
        json.loads((run / "artifact" / "reinforced.json").read_text()) for run in (whole, killed)
    ]
    assert found[0]["after"] == found[1]["after"]


def wait_for_a_new_attempt(run, child, count):
    deadline = time.monotonic() + 100
    while sum(e.state == "running" for e in _run_folder.read_events(run)[0]) < count:
        assert child.poll() is None, child.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
