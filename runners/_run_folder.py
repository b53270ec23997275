"""The run folder: the only truth about a run, written atomically and watched by anyone.

``plan.yaml`` is written once. ``events.jsonl`` only grows, one whole line a write. Whether a run is
alive is asked of the operating system, with the process id *and* its start time, since ids are
used again.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rules.errors import RunError
from runners.base import Frozen, Plan, Prediction, Progress, Result, State

PLAN, EVENTS, PREDICTIONS, RESULT = "plan.yaml", "events.jsonl", "predictions.jsonl", "result.json"
LOG, ENVIRONMENT = "log.txt", "environment.json"
_ALIVE: tuple[State, ...] = ("queued", "running")


class Event(Frozen):
    """One line of ``events.jsonl``: a change of state, or progress within a state."""

    time: float
    """Seconds since 1970."""
    state: State | None = None
    pid: int | None = None
    pid_started: float | None = None
    progress: Progress | None = None
    error: dict[str, str] | None = None
    """``what``, ``where`` and ``fix`` of what stopped the run."""


class RunStatus(Frozen):
    """A run as its folder shows it at this moment."""

    name: str
    folder: Path
    plan: Plan
    state: State
    last: Event | None
    """The latest news, which is all that is known of a run that died."""
    result: Result | None


def write_atomic(path: Path, text: str) -> None:
    """Write the whole file or nothing: temporary file, fsync, rename."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # readable by whom umask allows
    try:
        with draft.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def new_folder(root: Path, approach: str) -> Path:
    """Take the next free number; making the folder is what claims it, also against others."""
    root.mkdir(parents=True, exist_ok=True)
    taken = [int(path.name[-4:]) for path in root.glob(f"{approach}-[0-9][0-9][0-9][0-9]")]
    number = max(taken, default=0)
    while True:
        number += 1
        folder = root / f"{approach}-{number:04d}"
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder


def write_plan(plan: Plan) -> None:
    """Write ``plan.yaml``, which nothing changes afterwards."""
    text = yaml.safe_dump(plan.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_atomic(plan.folder / PLAN, text)


def read_plan(folder: Path) -> Plan:
    """Read ``plan.yaml``; the folder may have been moved since it was written.

    Raises:
        RunError: There is no plan, or it is not one.
    """
    path = folder / PLAN
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
        return Plan.model_validate({**values, "folder": folder})
    except FileNotFoundError as error:
        fix = "name a folder that `whichtune runs` lists"
        raise RunError("no plan.yaml in this folder", where=str(folder), fix=fix) from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        first = str(error).splitlines()[0]
        fix = "make a new plan: whichtune plan --approach … --data …"
        raise RunError(f"not a plan: {first}", where=str(path), fix=fix) from error


def plan_sha256(folder: Path) -> str:
    """Of ``plan.yaml`` as it is now."""
    return hashlib.sha256((folder / PLAN).read_bytes()).hexdigest()


def append_event(folder: Path, **values: Any) -> Event:  # noqa: ANN401 - the fields of Event
    """Add one line in one write, so that two writers never mix and a crash tears at most it."""
    event = Event(time=time.time(), **values)
    line = event.model_dump_json(exclude_none=True).encode("utf-8") + b"\n"
    with (folder / EVENTS).open("a+b", buffering=0) as file:
        if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            line = b"\n" + line  # a crash tore the line before: it must not take this one along
        while line:  # on a disk that fills up, the first write may be short; the second one fails
            line = line[file.write(line) or 0 :]
    return event


def claim(folder: Path) -> None:
    """Queue a run, unless another command was quicker: of two at the same moment, one gets it.

    Raises:
        RunError: It is queued or running; the process is named.
    """
    with (folder / PLAN).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        run = status(folder)
        if run.state in _ALIVE:
            states = [event for event in read_events(folder)[0] if event.state]
            fix = f"watch it: whichtune show {run.name} --follow"
            what = f"{run.name} is {run.state} already, in process {states[-1].pid}"
            raise RunError(what, where=str(folder), fix=fix)
        append_event(folder, state="queued", **own_process())


def read_events(folder: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Events from a byte offset on, and where to go on next time; a torn last line waits."""
    try:
        with (folder / EVENTS).open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data[: data.rfind(b"\n") + 1]
    return [event for line in whole.splitlines() if (event := _event(line))], offset + len(whole)


def _event(line: bytes) -> Event | None:
    try:
        return Event.model_validate_json(line)
    except ValidationError:  # a line torn by a crash, then followed by a resumed run
        return None


def status(folder: Path) -> RunStatus:
    """Read the state of a run from its folder.

    Raises:
        RunError: The folder holds no run.
    """
    plan = read_plan(folder)
    events, _ = read_events(folder)
    states = [event for event in events if event.state]
    state: State = (states[-1].state or "planned") if states else "planned"
    if state in _ALIVE and not _is_alive(states[-1]):
        state = "died"
    result = _read_result(folder) if state == "done" else None
    if state == "done" and result is None:
        state = "died"
    return RunStatus(
        name=folder.name,
        folder=folder,
        plan=plan,
        state=state,
        last=events[-1] if events else None,
        result=result,
    )


def _is_alive(event: Event) -> bool:
    import psutil

    if event.pid is None:
        return False
    try:
        process = psutil.Process(event.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return event.pid_started is None or abs(process.create_time() - event.pid_started) < 1
    except psutil.NoSuchProcess:
        return False


def own_process() -> dict[str, float | int]:
    """The fields of an event that identify this process."""
    import psutil

    return {"pid": os.getpid(), "pid_started": psutil.Process().create_time()}


def statuses(root: Path) -> list[RunStatus]:
    """Every run below a folder, oldest first; a folder without a readable run is passed over."""
    found: list[tuple[float, str, RunStatus]] = []
    for path in root.glob(f"*/{PLAN}"):
        with contextlib.suppress(RunError, FileNotFoundError):  # broken, or deleted just now
            found.append((path.stat().st_mtime, path.parent.name, status(path.parent)))
    return [run for *_, run in sorted(found, key=lambda entry: entry[:2])]


def _read_result(folder: Path) -> Result | None:
    try:
        return Result.model_validate_json((folder / RESULT).read_text("utf-8"))
    except (OSError, ValueError):  # deleted, or damaged: the run has to be done again
        return None


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """One line a row."""
    lines = (item.model_dump_json(exclude_defaults=True) + "\n" for item in predictions)
    write_atomic(path, "".join(lines))


def read_predictions(path: Path) -> list[Prediction]:
    """Read what :func:`write_predictions` wrote."""
    with path.open(encoding="utf-8") as file:
        return [Prediction.model_validate(json.loads(line)) for line in file]
