"""The form in front of a run: what is refused stays typed, what is planned is started and found."""

import pytest
from textual.widgets import Input

from advisor import runs
from rules.errors import DataError
from runners import _data
from tui import start
from tui.address_boxes import AddressBoxes
from tui.column_boxes import ColumnBoxes
from tui.listing import Listing
from tui.messages import OpenStart
from tui.run import RunScreen
from tui.start import StartScreen


@pytest.fixture
def started(monkeypatch):
    """Plans that would have been carried out; no child process is started."""
    calls = []
    monkeypatch.setattr(runs, "start", lambda *plans: calls.append(plans))
    return calls


async def open_form(pilot, settle, *approaches, data=""):
    pilot.app.post_message(OpenStart(approaches))
    await settle(pilot)
    pilot.app.screen.query_one("#data", Input).value = str(data)


async def test_a_missing_file_is_named_and_everything_typed_stays(app, settle, says, started):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "heads", data="nowhere.csv")
        app.screen.query_one("#minutes", Input).value = "5"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, StartScreen)
        note = says(pilot, "#error")
        assert "nowhere.csv" in note
        assert "fix: " in note
        assert app.screen.query_one("#data", Input).value == "nowhere.csv"
        assert app.screen.query_one("#minutes", Input).value == "5"
        for selector in ("#error", "#next", "Footer"):
            assert app.screen.region.contains_region(app.screen.query_one(selector).region)
        assert started == []


async def test_no_file_and_an_impossible_number_are_refused(app, settle, says, started):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "heads")
        await pilot.press("enter")
        await settle(pilot)
        assert "no data file named" in says(pilot, "#error")
        app.screen.query_one("#data", Input).value = "tickets.csv"
        app.screen.query_one("#rows", Input).value = "2.5"
        await pilot.press("enter")
        await settle(pilot)
        assert "rows per label: '2.5' is not a whole number of 1 or more" in says(pilot, "#error")


async def test_a_plan_that_was_made_is_not_made_twice(
    app, settle, started, monkeypatch, new_plan, tmp_path
):
    made, refuse = [], [True]

    def make(request, folder):
        if request.approach == "setfit" and refuse:
            raise DataError("one label only", where="tickets.csv", fix="add a second label")
        made.append(request.approach)
        return new_plan(folder, request.approach)

    monkeypatch.setattr(start.plans, "make", make)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "heads", "setfit", data="tickets.csv")
        await pilot.press("enter")
        await settle(pilot)
        refuse.clear()
        await pilot.press("enter")
        await settle(pilot)
        assert made == ["heads", "setfit"]
        assert isinstance(app.screen, RunScreen)
        await settle(pilot)


async def test_several_runs_are_handed_over_at_once(app, settle, started, monkeypatch, new_plan):
    monkeypatch.setattr(start.plans, "make", lambda r, f: new_plan(f, r.approach))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "heads", "lora", data="tickets.csv")
        await pilot.press("enter")
        await settle(pilot)
        (plans,) = started
        assert [plan.approach for plan in plans] == ["heads", "lora"]
        watched = app.screen.query_one("#watched", Listing)
        assert [item.key for item in watched.items] == [plan.name for plan in plans]


async def test_columns_seed_and_settings_reach_the_plan(app, settle, says, started, tmp_path):
    path = tmp_path / "odd.csv"
    rows = [f"note number {n} about {n * 7},{('a', 'b')[n % 2]},{n % 5}" for n in range(60)]
    path.write_text("first,second,third\n" + "\n".join(rows) + "\n")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "heads", data=path)
        assert not app.screen.query_one(ColumnBoxes).display
        app.screen.query_one("#settings-heads", Input).value = "wording"
        await pilot.press("enter")
        await settle(pilot)
        assert "settings of heads: 'wording' has no '='" in says(pilot, "#error")
        app.screen.query_one("#settings-heads", Input).value = "wording=false strength=0.5"
        app.screen.query_one("#seed", Input).value = "7"
        await pilot.press("enter")
        await settle(pilot)
        assert "cannot tell which column" in says(pilot, "#error")
        for box in ("#data", "#input", "#target", "#seed", "#settings-heads", "#error", "Footer"):
            region = app.screen.query_one(box).region
            assert region.height
            assert app.screen.region.contains_region(region), box
        await pilot.press(*"first", "tab", *"second", "enter")
        await settle(pilot)
        ((plan,),) = started
        assert plan.seed == 7
        assert (plan.settings["wording"], plan.settings["strength"]) == (False, 0.5)
        assert {row.target for row in _data.read_rows(plan.train)} == {"a", "b"}


async def test_a_real_file_becomes_a_plan(app, settle, started, tmp_path):
    path = tmp_path / "tickets.csv"
    rows = [f"message number {n} about {n * 7},{('billing', 'login')[n % 2]}" for n in range(60)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "heads", data=path)
        await pilot.press("enter")
        await settle(pilot)
        ((plan,),) = started
        assert plan.folder.parent == app.folder
        assert plan.train.rows + plan.evaluation.rows == 60
        assert isinstance(app.screen, RunScreen)
        assert app.notebook.train == path


def tickets(folder):
    path = folder / "tickets.csv"
    rows = [f"message number {n} about {n * 7},{('billing', 'login')[n % 2]}" for n in range(60)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


async def test_a_model_behind_an_address_is_planned_with_its_address(
    app, settle, says, started, tmp_path
):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "zero_shot", "few_shot", data=tickets(tmp_path))
        boxes = app.screen.query_one(AddressBoxes)
        assert not boxes.display
        app.screen.query_one("#model", Input).focus()
        await pilot.press(*"api:m")
        await settle(pilot)
        assert boxes.display
        await pilot.press("tab", *"http://example.com/v1", "enter")
        await settle(pilot)
        assert "base url: http to example.com would send the key" in says(pilot, "#error")
        assert "goes to this address" in says(pilot, "#default")
        for box in ("#model", "#base-url", "#max-cost", "#error", "Footer"):
            region = app.screen.query_one(box).region
            assert region.height
            assert app.screen.region.contains_region(region), box
        app.screen.query_one("#base-url", Input).value = "http://127.0.0.1:8000/v1"
        app.screen.query_one("#max-cost", Input).value = "two"
        await pilot.press("enter")
        await settle(pilot)
        assert "dollars at most: 'two' is no number of dollars" in says(pilot, "#error")
        app.screen.query_one("#max-cost", Input).value = "2"
        await pilot.press("enter")
        await settle(pilot)
        (plans,) = started
        assert [plan.approach for plan in plans] == ["zero_shot", "few_shot"]
        assert {plan.base_model for plan in plans} == {"api:m"}
        (endpoint,) = {plan.endpoint for plan in plans}  # one account: the cap holds for both
        assert endpoint.base_url == "http://127.0.0.1:8000/v1"
        assert (endpoint.max_cost, endpoint.stays_here) == (2.0, False)


async def test_an_address_that_is_tried_twice_is_one_account(
    app, settle, says, started, tmp_path, monkeypatch
):
    asked, real = [], start.plans.make

    def make(request, folder):
        asked.append(request)
        return real(request, folder)

    monkeypatch.setattr(start.plans, "make", make)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "long_context", data=tickets(tmp_path))
        app.screen.query_one("#model", Input).value = "api:m"
        app.screen.query_one("#base-url", Input).value = "http://127.0.0.1:8000/v1"
        await settle(pilot)
        for _ in range(2):
            await pilot.press("enter")
            await settle(pilot)
        assert "long_context cannot learn from such rows" in says(pilot, "#error")
        first, again = asked
        assert first.endpoint.base_url == "http://127.0.0.1:8000/v1"
        assert first == again


async def test_what_must_stay_here_is_asked_nowhere_else(app, settle, says, started, tmp_path):
    app.notebook.answer("privacy", "yes")
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "zero_shot", data=tickets(tmp_path))
        app.screen.query_one("#model", Input).value = "api:m"
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "the data must stay here" in says(pilot, "#error")
        assert started == []
        app.screen.query_one("#base-url", Input).value = "http://127.0.0.1:8000/v1"
        await pilot.press("enter")
        await settle(pilot)
        ((plan,),) = started
        assert plan.endpoint.stays_here


async def test_a_model_with_files_leaves_the_address_out(app, settle, started, tmp_path):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(pilot, settle, "zero_shot", data=tickets(tmp_path))
        app.screen.query_one("#model", Input).value = "api:m"
        await settle(pilot)
        app.screen.query_one("#base-url", Input).value = "http://127.0.0.1:8000/v1"
        app.screen.query_one("#model", Input).value = "bundled"
        await settle(pilot)
        assert not app.screen.query_one(AddressBoxes).display
        await pilot.press("enter")
        await settle(pilot)
        ((plan,),) = started
        assert plan.endpoint is None
