"""Runs that write texts, on the screens: their own metrics instead of labels and accuracy."""

import pytest
from textual.widgets import Static

from advisor import runs
from advisor.compare import compare
from runners import _data, _measure_text, _run_folder
from runners.base import Result
from tui.listing import Listing
from tui.messages import OpenComparison, OpenRuns, WatchRuns


@pytest.fixture
def finish_text(finish):
    """A run that is done and has written: its answers are right in so many of 60 rows."""

    def make(root, approach, right):
        plan = finish(root, approach, right)
        plan = plan.model_copy(update={"task": "generation"})
        _run_folder.write_plan(plan)
        rows = _data.read_rows(plan.evaluation)
        said = _run_folder.read_predictions(plan.folder / _run_folder.PREDICTIONS)
        path = plan.folder / _run_folder.RESULT
        result = Result.model_validate_json(path.read_text())
        update = {
            "scorecard": _measure_text.measure(rows, said),
            "baselines": {"copied": _measure_text.measure(rows, _measure_text.copied(rows))},
        }
        path.write_text(result.model_copy(update=update).model_dump_json())
        return plan

    return make


async def test_a_finished_run_shows_what_was_measured_of_its_texts(app, settle, says, finish_text):
    plan = finish_text(app.folder, "lora", 50)
    async with app.run_test(size=(100, 40)) as pilot:
        pilot.app.post_message(WatchRuns((plan.folder,)))
        await settle(pilot)
        shown = "\n".join(str(part.render()) for part in app.screen.query(Static) if part.display)
        assert "chrF " in shown
        assert "BLEU" in shown
        assert "ROUGE-L" in shown
        assert "copied" in shown
        assert "macro F1" not in shown


async def test_the_list_says_what_its_number_is(app, settle, finish_text):
    finish_text(app.folder, "lora", 50)
    async with app.run_test(size=(100, 30)) as pilot:
        pilot.app.post_message(OpenRuns())
        await settle(pilot)
        (item,) = app.screen.query_one(Listing).items
        assert "chrF" in item.text.plain


async def test_runs_are_compared_by_chrf(app, settle, says, finish_text):
    for approach, right in (("lora", 50), ("zero_shot", 20)):
        finish_text(app.folder, approach, right)
    async with app.run_test(size=(120, 40)) as pilot:
        pilot.app.post_message(OpenComparison(()))
        await settle(pilot)
        expected = compare(runs.all_runs(app.folder))
        listing = app.screen.query_one("#lines", Listing)
        assert [item.key for item in listing.items] == [line.name for line in expected.lines]
        assert "chrF (95 %)" in says(pilot, "#columns-names")
        assert "macro F1" not in says(pilot, "#columns-names")
        assert expected.because in says(pilot, "#winner")
        assert "BLEU" in says(pilot, "#detail")
        assert "--errors" in says(pilot, "#detail")
