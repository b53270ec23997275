"""A machine that is always the same, and run folders written by hand, as a worker would."""

import asyncio
import hashlib
from time import monotonic

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from advisor import hardware
from runners import _run_folder
from runners._run_folder import Event
from runners.base import (
    Confusion,
    DataFile,
    Interval95,
    LabelScore,
    Plan,
    Prediction,
    Progress,
    Result,
    Row,
    Scorecard,
)
from tui.app import WhichtuneApp

LABELS = ("billing", "login", "refund")
NOON = 1_700_000_000.0


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """No test depends on the graphics card of the machine it runs on."""
    profile = hardware.HardwareProfile(
        cores=2,
        memory_bytes=8 * 2**30,
        free_disk_bytes=2**40,
        python="3.11",
        system="Linux",
        gpus=(),
        gpus_how="no nvidia-smi on this machine",
        missing={},
    )
    monkeypatch.setattr(hardware, "look", lambda folder=None: profile)
    return profile


@pytest.fixture(autouse=True)
def short_naps(monkeypatch):
    """Textual's pilot naps 20 ms at a time until nothing moves, twice for each key."""
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.008, raising=False)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.0008, raising=False)


@pytest.fixture(autouse=True)
def calm_screens(monkeypatch):
    """Textual's pilot takes a process that gets no processor time for one that has nothing to do.

    On a busy machine it therefore looks at half-drawn screens. Every wait of it here lasts until
    no widget has a message and the screen no layout or redraw before it, three times in a row.
    """
    of_textual = Pilot._wait_for_screen

    async def wait(self: Pilot[None], timeout: float = 30.0) -> bool:
        ended, calm = monotonic() + timeout, 0
        went_well = await of_textual(self, timeout)
        while went_well and calm < 3 and monotonic() < ended:
            await asyncio.sleep(0.002)
            calm = 0 if _busy(self.app.screen) else calm + 1
        return went_well

    monkeypatch.setattr(Pilot, "_wait_for_screen", wait)


def _busy(screen: Screen[object]) -> bool:
    screen._on_timer_update()  # what a timer would do at its next tick
    return bool(
        screen._dirty_widgets
        or screen._callbacks
        or screen.app.message_queue_size
        or screen._layout_required
        or any(widget.message_queue_size for widget in screen.walk_children(with_self=True))
    )


@pytest.fixture
def app(tmp_path):
    return WhichtuneApp(tmp_path / "runs")


@pytest.fixture
def settle():
    """Wait until no worker is busy and every message has been handled."""

    async def wait(pilot: Pilot[None]) -> None:
        await pilot.pause()
        while any(not worker.is_finished for worker in pilot.app.workers):
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()  # its message may open a screen that starts another

    return wait


@pytest.fixture
def shown():
    """Everything that stands on the screen, as text."""

    def text(pilot: Pilot[None]) -> str:
        strips = pilot.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    return text


@pytest.fixture
def says():
    """What one Static says."""

    def text(pilot: Pilot[None], selector: str) -> str:
        return str(pilot.app.screen.query_one(selector, Static).render())

    return text


def _rows(count: int, prefix: str) -> list[Row]:
    return [
        Row(id=f"{prefix}:{n}", input=f"message {n} about {LABELS[n % 3]}", target=LABELS[n % 3])
        for n in range(count)
    ]


def _freeze(rows: list[Row], path) -> DataFile:
    text = "".join(row.model_dump_json(exclude_defaults=True) + "\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return DataFile(path=path, sha256=hashlib.sha256(text.encode()).hexdigest(), rows=len(rows))


@pytest.fixture
def new_plan():
    """A plan in a folder of its own, on rows that all plans share."""

    def make(root, approach="heads", number=1) -> Plan:
        folder = root / f"{approach}-{number:04d}"
        folder.mkdir(parents=True)
        plan = Plan(
            approach=approach,
            task="classification",
            base_model="sentence-transformers/all-MiniLM-L6-v2",
            train=_freeze(_rows(30, "train"), root / "data" / "train.jsonl"),
            evaluation=_freeze(_rows(60, "test"), root / "data" / "evaluation.jsonl"),
            folder=folder,
        )
        _run_folder.write_plan(plan)
        return plan

    return make


def _scorecard(right: int) -> Scorecard:
    share = right / 60
    around = Interval95(value=share, low=max(0, share - 0.08), high=min(1, share + 0.08))
    wrong = 60 - right
    return Scorecard(
        rows=60,
        accuracy=around,
        macro_f1=around,
        labels=tuple(
            LabelScore(label=name, rows=20, precision=1, recall=1, f1=1) for name in LABELS
        ),
        confusions=(
            Confusion(target="refund", prediction="billing", rows=wrong, ids=("test:2", "test:5")),
        ),
    )


@pytest.fixture
def finish(new_plan):
    """A run that is done, with predictions of which ``right`` are."""

    def make(root, approach="heads", right=50, number=1) -> Plan:
        plan = new_plan(root, approach, number)
        rows = _rows(60, "test")
        predictions = [
            Prediction(id=row.id, prediction=row.target if n < right else "billing")
            for n, row in enumerate(sorted(rows, key=lambda row: row.target))
        ]
        by_id = {item.id: item for item in predictions}
        path = plan.folder / _run_folder.PREDICTIONS
        _run_folder.write_predictions(path, [by_id[row.id] for row in rows])
        result = Result(
            approach=approach,
            run=plan.name,
            base_model=plan.base_model,
            train_sha256=plan.train.sha256,
            evaluation_sha256=plan.evaluation.sha256,
            scorecard=_scorecard(right),
            baselines={"majority": _scorecard(20)},
            train_rows=30,
            train_seconds=12.5,
            predict_ms_per_row=3.2,
            peak_memory_bytes=430_000_000,
            artifact_bytes=90_000,
        )
        _run_folder.write_atomic(plan.folder / _run_folder.RESULT, result.model_dump_json())
        events = [Event(time=NOON, state="queued"), Event(time=NOON + 1, state="running")]
        events += [
            Event(
                time=NOON + 2 + step,
                progress=Progress(
                    message="learning", step=step, steps=40, values={"loss": 2.0 / (1 + step / 5)}
                ),
            )
            for step in range(1, 41)
        ]
        events.append(Event(time=NOON + 75, state="done"))
        lines = [event.model_dump_json(exclude_none=True) + "\n" for event in events]
        (plan.folder / _run_folder.EVENTS).write_text("".join(lines), "utf-8")
        (plan.folder / _run_folder.LOG).write_text("loading the encoder\nlearning\nmeasuring\n")
        return plan

    return make
