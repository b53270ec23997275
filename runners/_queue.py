"""Several runs in a row, without the program that asked: ``python -m runners._queue A B``.

Each run still gets a process of its own, so that its memory is measured and returned. This one only
waits; it is what "queued" means, and it passes over a run that was cancelled while it waited.
"""

import os
import subprocess
import sys
from pathlib import Path

from rules.errors import RunError
from runners import _processes, _run_folder
from runners.base import State


def main(folders: list[Path]) -> None:
    """Carry out the runs in the folders, in their order, whatever becomes of each."""
    waiting = ("queued", "died")  # died: the program that asked has ended meanwhile
    for folder in folders:
        if _state(folder) in waiting:
            _run_folder.append_event(folder, state="queued", **_run_folder.own_process())
    for folder in folders:
        if not _is_mine(folder):
            continue
        with (folder / _run_folder.LOG).open("ab") as log:
            subprocess.run(
                _processes.command(_run_folder.read_plan(folder), folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )


def _is_mine(folder: Path) -> bool:
    """Whether the run still waits here: it may have been cancelled, or started anew elsewhere."""
    if _state(folder) != "queued":
        return False
    events, _ = _run_folder.read_events(folder)
    return [event.pid for event in events if event.state == "queued"][-1] == os.getpid()


def _state(folder: Path) -> State | None:
    """Its state, or None when the run was deleted or damaged while it waited."""
    try:
        return _run_folder.status(folder).state
    except RunError:
        return None


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
