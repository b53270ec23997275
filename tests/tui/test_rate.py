"""Rating in the app: a form, answers side by side, a note, undo, the end, and the way back."""

import json

import pytest
from textual.widgets import Input

from advisor import data
from tui.home import HomeScreen
from tui.messages import OpenRating, OpenRuns
from tui.rate import NoteScreen, RateScreen
from tui.rate_form import RateFormScreen
from tui.runs import RunsScreen

GOOD, BAD = "Open the app, then Cards, then Block.", "Call us."


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Three prompts with two answers each, in the folder that the app is opened in."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"prompt": f"How do I block card {n}?", "answer_a": GOOD, "answer_b": BAD} for n in range(3)
    ]
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def begin(app, settle):
    """Fill the form in, and begin."""

    async def run(pilot, *keys, **boxes):
        app.post_message(OpenRating())
        await settle(pilot)
        for name, text in {"answers": "answers.jsonl", "rater": "ann", **boxes}.items():
            app.screen.query_one(f"#{name}", Input).value = text
        await pilot.press(*keys, "enter")
        await settle(pilot)

    return run


def log(tmp_path):
    return [json.loads(line) for line in (tmp_path / "ratings.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20)], ids=str)
async def test_answers_are_rated_side_by_side_and_become_pairs(
    app, settle, says, shown, answers, begin, tmp_path, size
):
    async with app.run_test(size=size) as pilot:
        await begin(pilot)
        assert isinstance(app.screen, RateScreen)
        ratings = app.screen._ratings
        for number, key in enumerate(("1", "right", "2")):
            asked = ratings.current
            assert asked is not None
            text = shown(pilot)
            assert asked.input in text
            assert "Call us." in text
            assert "answer_a" not in text
            assert f"{number} of 3 done, rater ann" in text
            left = asked.answers[ratings.order(asked)[0]]
            assert says(pilot, "#one-text") == left
            await pilot.press(key)
            await settle(pilot)
            said = log(tmp_path)[-1]
            picked = asked.answers[said["verdict"] == "second"]
            assert (picked == left) == (key == "1")
        assert "3 of 3 rated" in shown(pilot)
        assert "3 pairs" in shown(pilot)
        table = data.read(tmp_path / "ratings.pairs.jsonl")
        assert (table.mapping.kind, len(table.rows)) == ("preference", 3)
        await pilot.press("escape", "escape")
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)


async def test_it_goes_on_where_it_stopped_and_undo_shows_the_last_one_again(
    app, settle, says, shown, answers, begin, tmp_path
):
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(pilot)
        await pilot.press("t")
        await settle(pilot)
        second = says(pilot, "#asked")
        await pilot.press("b", "escape")
        await settle(pilot)
        assert isinstance(app.screen, RateFormScreen)
        await begin(pilot, answers="")
        assert "2 of 3 done" in shown(pilot)
        await pilot.press("u")
        await settle(pilot)
        assert says(pilot, "#asked") == second
        await pilot.press("1", "s")
        await settle(pilot)
        assert "1 pairs" in shown(pilot)
        assert "ties 1" in shown(pilot)
        assert "skipped  1" in shown(pilot)
        assert [line["act"] for line in log(tmp_path)] == ["rated"] * 2 + ["undone"] + ["rated"] * 2


async def test_a_note_is_kept_and_the_keys_of_rating_can_be_typed_into_it(
    app, settle, says, answers, begin, tmp_path
):
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(pilot)
        await pilot.press("n")
        await settle(pilot)
        assert isinstance(app.screen, NoteScreen)
        await pilot.press(*"2 but", "enter")
        await settle(pilot)
        assert says(pilot, "#noted") == "your note: 2 but"
        (noted,) = log(tmp_path)
        assert (noted["act"], noted["note"], noted["verdict"]) == ("noted", "2 but", None)


async def test_thumbs_have_keys_of_their_own(app, settle, shown, answers, begin, tmp_path):
    async with app.run_test(size=(100, 24)) as pilot:
        await begin(pilot, "ctrl+t")
        assert "Good" in shown(pilot)
        assert "Tie" not in shown(pilot)
        await pilot.press("t", "1", *("plus", "minus") * 3)
        await settle(pilot)
        table = data.read(tmp_path / "ratings.thumbs.jsonl")
        assert (table.mapping.kind, len(table.rows)) == ("liked", 6)
        assert sum(bool(row.liked) for row in table.rows) == 3


async def test_long_answers_move_together(app, settle, begin, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    long = {"prompt": "Say it", "answer_a": "a\n" * 99, "answer_b": "b\n" * 99}
    (tmp_path / "answers.jsonl").write_text(json.dumps(long))
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(pilot)
        await pilot.press("pagedown")
        await settle(pilot)
        one, two = (app.screen.query_one(name).scroll_y for name in ("#one", "#two"))
        assert one == two > 5


async def test_what_cannot_be_rated_is_said_in_the_form(app, settle, says, answers, begin):
    async with app.run_test(size=(100, 30)) as pilot:
        await begin(pilot, answers="nowhere.jsonl")
        assert isinstance(app.screen, RateFormScreen)
        assert "no such file" in says(pilot, "#error")
        await begin(pilot, rater=" ")
        assert "no name of a person" in says(pilot, "#error")
        await begin(pilot, answers="'half")
        assert "put quotes around the whole path" in says(pilot, "#error")


async def test_marked_runs_lead_to_the_form(app, settle, shown, says, finish, answers):
    finish(app.folder, "heads", 50)
    finish(app.folder, "setfit", 40)
    async with app.run_test(size=(100, 30)) as pilot:
        app.post_message(OpenRuns())
        await settle(pilot)
        assert isinstance(app.screen, RunsScreen)
        await pilot.press("space", "down", "space")
        assert "r rates the answers of both" in says(pilot, "#next")
        await pilot.press("r")
        await settle(pilot)
        assert app.screen.query_one("#answers", Input).value == "setfit-0001 heads-0001"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, RateScreen)
        assert len(app.screen._ratings.candidates.items) == 10  # on which they differ
        assert "heads" not in shown(pilot)
