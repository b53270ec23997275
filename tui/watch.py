"""Reading a run folder as it grows, for whoever watches it. Nothing here knows a widget."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from advisor.runs import Event, RunStatus, is_over
from runners import _run_folder
from runners.base import Progress

_TAIL_BYTES = 64_000
_POINTS = 2_000
"""More points than any screen has cells."""


@dataclass(frozen=True)
class Sight:
    """A run at one moment: its state, the news of the latest attempt, the end of its log."""

    run: RunStatus
    progress: Progress | None
    """The latest that says how far it is."""
    curves: dict[str, tuple[tuple[float, float], ...]]
    """For each value reported, its points (step, value)."""
    warnings: tuple[str, ...]
    error: dict[str, str] | None
    seconds: float | None
    """Since it began to work, until now or until it was over; waiting in the queue is no work."""
    log: tuple[str, ...]
    seconds_left: float | None = None
    """Of the training, if it goes on as it did between its first news and its latest."""


@dataclass
class Watch:
    """One run, read from where the last look ended."""

    folder: Path
    _offset: int = 0
    _events: list[Event] = field(default_factory=list[Event])

    def look(self) -> Sight:
        """Read what is new.

        Raises:
            RunError: The folder holds no run any more.
        """
        run = _run_folder.status(self.folder)
        events, self._offset = _run_folder.read_events(self.folder, self._offset)
        for event in events:
            if event.state == "queued":
                self._events.clear()  # a new attempt begins
            self._events.append(event)
        news = [event.progress for event in self._events if event.progress]
        return Sight(
            run=run,
            progress=next((item for item in reversed(news) if item.steps), None)
            or (news[-1] if news else None),
            curves=_curves(news),
            warnings=tuple(item.message for item in news if item.warning),
            error=next((event.error for event in reversed(self._events) if event.error), None),
            seconds=self._seconds(run),
            log=tail(self.folder / _run_folder.LOG),
            seconds_left=_seconds_left(self._events) if run.state == "running" else None,
        )

    def _seconds(self, run: RunStatus) -> float | None:
        began = next((event.time for event in self._events if event.state == "running"), None)
        if began is None:
            return None
        end = self._events[-1].time if is_over(run) else time.time()
        return max(0.0, end - began)


def _seconds_left(events: list[Event]) -> float | None:
    told = [e for e in events if e.progress and e.progress.steps and "loss" in e.progress.values]
    if len(told) < 2:
        return None
    first, latest = told[0].progress, told[-1].progress
    if first is None or latest is None or not latest.steps or latest.step <= first.step:
        return None
    each = (told[-1].time - told[0].time) / (latest.step - first.step)
    return max(0.0, (latest.steps - latest.step) * each - (time.time() - told[-1].time))


def _curves(news: list[Progress]) -> dict[str, tuple[tuple[float, float], ...]]:
    curves: dict[str, list[tuple[float, float]]] = {}
    for item in news:
        for name, value in item.values.items():
            points = curves.setdefault(name, [])
            points.append((float(item.step or len(points) + 1), value))
    return {name: tuple(points[-_POINTS:]) for name, points in curves.items()}


def tail(path: Path) -> tuple[str, ...]:
    """The last lines of a log; of a line that was overwritten in place, what stands there."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ()
    return tuple(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n") if line.strip())
