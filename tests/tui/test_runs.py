"""Home and the list of runs: both read the folder, whoever started what is in it."""

from runners import _run_folder
from runners.base import Progress
from tui.comparison import ComparisonScreen
from tui.home import HomeScreen
from tui.listing import Listing
from tui.messages import OpenRuns
from tui.page import HelpScreen
from tui.run import RunScreen


async def test_home_shows_what_is_under_way_first(app, settle, says, new_plan):
    plan = new_plan(app.folder)
    _run_folder.append_event(plan.folder, state="running", **_run_folder.own_process())
    progress = Progress(message="learning", step=3, steps=9)
    _run_folder.append_event(plan.folder, progress=progress)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        listing = app.screen.query_one(Listing)
        assert listing.items[0].key == "run:heads-0001"
        assert "running  3/9 learning" in listing.items[0].text.plain
        assert "enter watches heads-0001" in says(pilot, "#next")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)


async def test_home_without_runs_leads_to_the_interview(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)
        assert "interview" in says(pilot, "#next")
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)


async def test_help_lists_the_keys_of_the_screen(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        assert isinstance(app.screen, HelpScreen)
        text = says(pilot, "#help")
        assert "Interview" in text
        assert "ruled out" in text
        assert "Back" not in text
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)


async def test_every_state_is_told_in_words_and_done_runs_with_their_accuracy(
    app, settle, says, new_plan, finish
):
    finish(app.folder, "heads", right=48)
    died = new_plan(app.folder, "setfit")
    _run_folder.append_event(died.folder, state="running", pid=2**22 + 1)
    _run_folder.append_event(died.folder, progress=Progress(message="embedding"))
    new_plan(app.folder, "lora")
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenRuns())
        await settle(pilot)
        listing = app.screen.query_one("#runs", Listing)
        text = {item.key: item.text.plain for item in listing.items}
        assert "✓ heads-0001" in text["heads-0001"]
        assert "0.800 (0.720 to 0.880)" in text["heads-0001"]
        assert "† setfit-0001" in text["setfit-0001"]
        assert "died" in text["setfit-0001"]
        assert "planned" in text["lora-0001"]
        listing.highlighted = listing.get_option_index("setfit-0001")
        await pilot.pause()
        assert "last event: embedding" in says(pilot, "#detail")


async def test_marked_runs_are_compared(app, settle, says, finish):
    finish(app.folder, "heads")
    finish(app.folder, "setfit")
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenRuns())
        await settle(pilot)
        await pilot.press("space", "down", "space")
        assert "c compares" in says(pilot, "#next")
        await pilot.press("c")
        await settle(pilot)
        assert isinstance(app.screen, ComparisonScreen)


async def test_an_empty_folder_says_so_and_what_to_do(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(OpenRuns())
        await settle(pilot)
        assert "No runs in" in says(pilot, "#detail")
        assert "interview" in says(pilot, "#next")
