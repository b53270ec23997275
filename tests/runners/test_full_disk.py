"""A disk that fills up while a model is trained: what was reached stays, and the run goes on."""

import errno
import resource
import time

import pytest

from runners import _checkpoints, _full_disk
from runners._run_folder import read_events, status

_ROOM_BYTES = 100_000
"""Enough for a line of news, too little for weights."""


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_the_last_checkpoint_and_the_run_goes_on_from_it(
    text_plan, start, tmp_path
):
    settings = {"epochs": 20, "learning_rate": 1e-3}
    plan = text_plan(tmp_path / "run", "full_sft", settings=settings)
    child = start(plan)
    deadline = time.monotonic() + 240
    while not (reached := _checkpoints.last(plan.folder)):
        assert child.poll() is None, (plan.folder / "log.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (_ROOM_BYTES, _ROOM_BYTES))
    assert child.wait(timeout=240) == 1
    ended = status(plan.folder)
    assert ended.state == "failed"
    assert ended.last is not None
    assert ended.last.error is not None
    assert ended.last.error == {
        "what": "there is no room left to write on this disk",
        "where": str(plan.folder),
        "fix": "make room there, then go on: whichtune run --resume run",
    }
    kept = _checkpoints.last(plan.folder)
    assert kept is not None
    assert int(kept.name.split("-")[1]) >= int(reached.name.split("-")[1])
    assert list(kept.parent.glob("checkpoint-*"))
    assert all(_checkpoints._is_whole(path) for path in kept.parent.glob("checkpoint-*"))

    assert start(plan, write=False).wait(timeout=240) == 0, (plan.folder / "log.txt").read_text()[
        -2000:
    ]
    assert status(plan.folder).state == "done"
    news = [event.progress.message for event in read_events(plan.folder)[0] if event.progress]
    assert f"going on from {kept.name}" in news


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("[enforce fail at inline_container.cc] . PytorchStreamWriter failed writing"),
        ValueError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_no_room_is_told_from_a_bug_even_where_it_is_the_cause_of_another_error(error, tmp_path):
    outer = RuntimeError("while saving")
    outer.__cause__ = error
    for found in (error, outer):
        said = _full_disk.explained(found, tmp_path / "run-1")
        assert said is not None
        assert said.fix == "make room there, then start it again: whichtune run run-1"
    assert _full_disk.explained(OSError(errno.EACCES, "Permission denied"), tmp_path) is None
