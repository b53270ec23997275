"""Watching run folders: the screen knows nothing but what the folder shows."""

from advisor import runs
from rules.errors import RunError
from runners import _run_folder
from runners.base import Progress
from tui.chart import Chart
from tui.listing import Listing
from tui.messages import WatchRuns
from tui.page import ConfirmScreen
from tui.run import RunScreen
from tui.watch import Watch


async def watch(pilot, settle, *plans):
    pilot.app.post_message(WatchRuns(tuple(plan.folder for plan in plans)))
    await settle(pilot)


async def look(pilot, settle):
    pilot.app.screen.look()
    await settle(pilot)


def begin(plan):
    _run_folder.append_event(plan.folder, state="queued", **_run_folder.own_process())
    _run_folder.append_event(plan.folder, state="running", **_run_folder.own_process())


def tell(plan, message, **values):
    _run_folder.append_event(plan.folder, progress=Progress(message=message, **values))


async def test_a_run_is_followed_until_it_is_done(app, settle, says, new_plan, finish):
    plan = new_plan(app.folder)
    begin(plan)
    tell(plan, "learning", step=10, steps=40, values={"loss": 1.5})
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, plan)
        assert "▶ running  learning" in says(pilot, "#state")
        assert "25%" in says(pilot, "#bar")
        assert "step 10 of 40" in says(pilot, "#bar")
        tell(plan, "learning", step=20, steps=40, values={"loss": 0.5})
        (plan.folder / _run_folder.LOG).write_text("loading\rloaded\nlearning on\n")
        await look(pilot, settle)
        chart = str(app.screen.query_one(Chart).render())
        assert "loss  now 0.5" in chart
        assert "1.5┤" in chart
        assert "loaded" in says(pilot, "#log")
        assert "learning on" in says(pilot, "#log")
        done = finish(app.folder, "heads", right=48, number=2)
        for name in (_run_folder.RESULT, _run_folder.PREDICTIONS):
            (plan.folder / name).write_bytes((done.folder / name).read_bytes())
        _run_folder.append_event(plan.folder, state="done")
        await look(pilot, settle)
        assert "✓ done  accuracy 0.800 (0.720 to 0.880), majority 0.333" in says(pilot, "#state")
        assert f"whichtune try {plan.name}" in says(pilot, "#next")


async def test_a_run_that_died_shows_its_last_event_and_can_be_started_again(
    app, settle, says, new_plan, monkeypatch
):
    plan = new_plan(app.folder)
    _run_folder.append_event(plan.folder, state="running", pid=2**22 + 1)
    tell(plan, "embedding 30 texts", step=3, steps=10)
    started = []

    def start(*plans):
        started.extend(plans)
        raise RunError("a library is gone", where="setfit", fix="install it")

    monkeypatch.setattr(runs, "start", start)
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, plan)
        assert "† died  last event: embedding 30 texts" in says(pilot, "#state")
        await pilot.press("c")
        assert not isinstance(app.screen, ConfirmScreen)
        await pilot.press("r")
        await settle(pilot)
        assert [item.name for item in started] == [plan.name]
        (refused,) = app._notifications
        assert "a library is gone" in refused.message


async def test_a_failed_run_shows_what_where_and_fix(app, settle, says, new_plan):
    plan = new_plan(app.folder)
    begin(plan)
    tell(plan, "two rows are cut", warning=True)
    error = {"what": "one label only", "where": "train.csv", "fix": "add a second label"}
    _run_folder.append_event(plan.folder, state="failed", error=error)
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, plan)
        assert "✗ failed" in says(pilot, "#state")
        assert "! two rows are cut" in says(pilot, "#warnings")
        assert "train.csv: one label only" in says(pilot, "#error")
        assert "fix: add a second label" in says(pilot, "#error")


async def test_cancel_asks_first(app, settle, new_plan, monkeypatch):
    plan = new_plan(app.folder)
    begin(plan)
    cancelled = []
    monkeypatch.setattr(runs, "cancel", cancelled.append)
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, plan)
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("n")
        await settle(pilot)
        assert cancelled == []
        await pilot.press("c", "y")
        await settle(pilot)
        assert cancelled == [plan.folder]


async def test_several_runs_are_watched_at_once(app, settle, says, new_plan, finish):
    done = finish(app.folder, "heads")
    planned = new_plan(app.folder, "lora")
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, done, planned)
        listing = app.screen.query_one("#watched", Listing)
        assert [item.key for item in listing.items] == ["heads-0001", "lora-0001"]
        await pilot.press("down")
        await pilot.pause()
        assert "planned" in says(pilot, "#state")
        assert "r starts it" in says(pilot, "#next")


async def test_a_run_in_the_queue_waits_by_itself_and_can_be_taken_out(app, settle, says, new_plan):
    first, second = new_plan(app.folder), new_plan(app.folder, "setfit")
    for plan in (first, second):
        _run_folder.append_event(plan.folder, state="queued", **_run_folder.own_process())
    _run_folder.append_event(first.folder, state="running", **_run_folder.own_process())
    tell(first, "loading libraries")
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, first, second)
        assert "loading libraries, about ten seconds" in says(pilot, "#state")
        await pilot.press("down")
        await pilot.pause()
        assert "◌ queued  waits for heads-0001" in says(pilot, "#state")
        assert "starts by itself" in says(pilot, "#next")
        await pilot.press("c", "y")
        await settle(pilot)
        await look(pilot, settle)
        assert "cancelled" in says(pilot, "#state")
        assert _run_folder.status(second.folder).state == "cancelled"
        assert _run_folder.status(first.folder).state == "running"


def test_waiting_in_the_queue_is_not_counted_as_work(tmp_path, new_plan):
    plan = new_plan(tmp_path)
    _run_folder.append_event(plan.folder, state="queued", **_run_folder.own_process())
    seen = Watch(plan.folder)
    assert seen.look().seconds is None
    _run_folder.append_event(plan.folder, state="running", **_run_folder.own_process())
    working = seen.look().seconds
    assert working is not None
    assert working < 60


async def test_the_log_takes_the_room_of_the_curve(app, settle, says, finish):
    plan = finish(app.folder)
    lines = [f"line {n}" for n in range(100)]
    (plan.folder / _run_folder.LOG).write_text("\n".join(lines))
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, plan)
        assert "line 90" not in says(pilot, "#log")
        await pilot.press("l")
        await settle(pilot)
        assert "line 90" in says(pilot, "#log")
        assert not app.screen.query_one(Chart).display


async def test_closing_the_screen_leaves_the_run_alone(app, settle, new_plan):
    plan = new_plan(app.folder)
    begin(plan)
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, plan)
        await pilot.press("escape")
        await settle(pilot)
        assert not isinstance(app.screen, RunScreen)
    assert _run_folder.status(plan.folder).state == "running"


def test_a_new_attempt_begins_with_an_empty_curve(tmp_path, new_plan):
    plan = new_plan(tmp_path)
    begin(plan)
    tell(plan, "learning", step=1, values={"loss": 3.0})
    seen = Watch(plan.folder)
    assert seen.look().curves == {"loss": ((1.0, 3.0),)}
    begin(plan)
    tell(plan, "learning", step=1, values={"loss": 2.0})
    assert seen.look().curves == {"loss": ((1.0, 2.0),)}


async def test_nothing_essential_is_outside_the_screen(app, settle, finish):
    plan = finish(app.folder)
    async with app.run_test(size=(80, 24)) as pilot:
        await watch(pilot, settle, plan)
        for size in ((80, 24), (60, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            for selector in ("#state", "#bar", "#chart", "#log", "#next", "Footer"):
                region = app.screen.query_one(selector).region
                assert region.height > 0, selector
                assert app.screen.region.contains_region(region), selector
