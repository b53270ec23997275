"""The interview, driven with the keyboard against the real advisor."""

from textual.widgets import Input

from advisor import questions
from advisor.columns import Columns
from advisor.interview import next_question
from advisor.recommend import recommend
from tui.data import DataScreen
from tui.error_note import ErrorNote
from tui.interview import InterviewScreen
from tui.listing import Listing
from tui.looked import Wanted, look
from tui.messages import OpenInterview
from tui.path_input import complete, continuations
from tui.question_card import QuestionCard
from tui.recommendation import RecommendationScreen
from tui.verdict_panel import VerdictPanel


def order(pilot):
    """The approaches in the order in which the panel draws them."""
    panel = pilot.app.screen.query_one(VerdictPanel)
    return [item.approach for item in panel.recommendation.ranking]


def question(pilot):
    card = pilot.app.screen.query_one(QuestionCard)
    return card.question.id if card.question else None


async def open_question(pilot, settle, fact):
    pilot.app.post_message(OpenInterview(fact))
    await settle(pilot)


async def test_number_keys_arrows_and_enter_answer_and_what_decides_most_comes_next(
    app, settle, says
):
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        await settle(pilot)
        assert question(pilot) == "task"
        await pilot.press("1")
        await settle(pilot)
        assert app.notebook.answers["task"][0] == "classification"
        ask = next_question(app.notebook.situation.facts, ["task"])
        assert ask is not None
        assert question(pilot) == ask.question.id == "data_kind"
        assert f"Why now: {ask.why_now}" in says(pilot, "#now")
        await pilot.press("down", "down", "enter")
        await settle(pilot)
        assert app.notebook.answers["data_kind"][0] == ask.question.choices[2].value


async def test_the_verdict_follows_each_answer(app, settle, says):
    """What changes daily cannot be trained in, and an API alone gives no weights."""
    async with app.run_test(size=(120, 40)) as pilot:
        await open_question(pilot, settle, "freshness")
        before = order(pilot)
        await pilot.press("4")
        await settle(pilot)
        daily = order(pilot)
        assert daily != before
        await open_question(pilot, settle, "access")
        await pilot.press("3")
        await settle(pilot)
        facts = app.notebook.situation.facts
        assert (facts.freshness, facts.access) == ("daily", "api_only")
        assert order(pilot) == [item.approach for item in recommend(facts).ranking]
        ruled_out = [item for item in recommend(facts).ranking if item.status == "ruled_out"]
        text = says(pilot, "#ranking")
        assert "lora" in [item.approach for item in ruled_out]
        assert "✗ lora" in text
        assert f"ruled out: {len(ruled_out)}" in text


async def test_dont_know_ends_in_a_useful_screen_once_nothing_more_decides(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        await settle(pilot)
        while question(pilot) is not None:
            await pilot.press("s")
            await pilot.pause()
        notebook, asked = app.notebook, app.notebook.trail
        assert next_question(notebook.situation.facts, asked) is None
        assert 0 < len(notebook.still_open()) < len(questions.QUESTIONS) - len(asked)
        assert "No further answer is likely to change first place" in says(pilot, "#text")
        assert "v shows why" in says(pilot, "#next")
        await pilot.press("a")
        await settle(pilot)
        assert question(pilot) == notebook.still_open()[0]
        assert not says(pilot, "#now").removeprefix("Why now: ")
        for fact in notebook.still_open():
            notebook.skip(fact)
        await pilot.press("s")
        await settle(pilot)
        assert "Nothing left to ask" in says(pilot, "#text")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, RecommendationScreen)
        assert not notebook.answers
        advice = says(pilot, "#next")
        experiment = recommend(notebook.situation.facts).experiment
        assert experiment is not None
        assert f"x marks {experiment.approaches[0]}" in advice
        assert "worth answering" in advice


async def test_an_earlier_answer_can_be_changed_in_the_list_with_b_and_taken_back(app, settle):
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        await settle(pilot)
        await pilot.press("1", "1")
        await settle(pilot)
        first, second = app.notebook.trail
        app.screen.query_one("#so-far", Listing).focus()
        await pilot.press("home", "enter")
        await settle(pilot)
        assert question(pilot) == first == "task"
        await pilot.press("2")
        await settle(pilot)
        assert app.notebook.answers["task"][0] == "generation"
        assert second in app.notebook.answers
        await pilot.press("b")
        assert question(pilot) == second
        await pilot.press("b")
        assert question(pilot) == first
        await pilot.press("s")
        await settle(pilot)
        assert "task" not in app.notebook.answers
        assert app.notebook.standing("task") == "skipped"


async def test_a_typed_number_may_have_a_factor_and_letters_stay_keys(app, settle):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_question(pilot, settle, "n_examples")
        await pilot.press("2", "k", "enter")
        await settle(pilot)
        assert app.notebook.answers["n_examples"][0] == 2000
        await open_question(pilot, settle, "n_examples")
        await pilot.press("s")
        await settle(pilot)
        assert app.notebook.standing("n_examples") == "skipped"


async def test_an_impossible_number_is_refused_with_its_fix_and_stays_typed(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_question(pilot, settle, "n_examples")
        await pilot.press("minus", "5", "enter")
        await settle(pilot)
        assert question(pilot) == "n_examples"
        assert "fix: give a whole number of 0 or more" in says(pilot, "#card #error")
        assert app.screen.query_one("#number", Input).value == "-5"


async def test_the_machine_answers_but_a_person_outweighs_it(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await open_question(pilot, settle, "gpu_memory_gb")
        assert app.notebook.standing("gpu_memory_gb") == "machine"
        assert "machine: no nvidia-smi on this machine" in says(pilot, "#why")
        await pilot.press("2", "4", "enter")
        await settle(pilot)
        assert app.notebook.standing("gpu_memory_gb") == "answer"
        app.notebook.skip("gpu_memory_gb")
        assert app.notebook.standing("gpu_memory_gb") == "machine"


async def test_a_data_file_answers_questions(app, settle, shown, tmp_path):
    path = tmp_path / "tickets.csv"
    rows = [f"message number {n} about {n * 7},{('billing', 'login')[n % 2]}" for n in range(60)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)
        app.screen.query_one("#train", Input).value = str(path)
        app.screen.query_one("#embed", Input).value = "no"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DataScreen)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, InterviewScreen)
        assert app.notebook.situation.facts.labels == 2
        assert app.notebook.standing("labels") == "data"
        assert "tickets.csv: 60 rows, 2 labels" in shown(pilot)
        assert question(pilot) not in app.notebook.data


async def test_a_question_that_is_asked_again_stays_when_no_data_was_read(app, settle, tmp_path):
    path = tmp_path / "tickets.csv"
    rows = [f"message number {n} about {n * 7},{('billing', 'login')[n % 2]}" for n in range(60)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    app.notebook.take(look(Wanted(path, embed=False)))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_question(pilot, settle, "labels")
        await pilot.press("d")
        await settle(pilot)
        await pilot.press("i")
        await settle(pilot)
        assert isinstance(app.screen, InterviewScreen)
        assert question(pilot) == "labels"


async def test_columns_are_asked_for_when_the_file_leaves_them_open(app, settle, says, tmp_path):
    path = tmp_path / "odd.csv"
    rows = [f"note number {n} about {n * 7},{('a', 'b')[n % 2]},{n % 5}" for n in range(60)]
    path.write_text("first,second,third\n" + "\n".join(rows) + "\n")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1", "d")
        await settle(pilot)
        app.screen.query_one("#train", Input).value = str(path)
        app.screen.query_one("#embed", Input).value = "no"
        await pilot.press("enter")
        await settle(pilot)
        assert "--input COLUMN --target COLUMN" in says(pilot, "#error")
        assert app.focused is app.screen.query_one("#input", Input)
        await pilot.press(*"first", "tab", *"second", "enter")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, InterviewScreen)
        assert app.notebook.situation.facts.labels == 2
        assert app.notebook.columns == Columns(input="first", target="second")


async def test_a_missing_file_is_named_with_its_fix_and_stays_typed(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        await settle(pilot)
        await pilot.press("d")
        await settle(pilot)
        app.screen.query_one("#train", Input).value = "nowhere/tickets.csv"
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DataScreen)
        note = says(pilot, "#error")
        assert "nowhere/tickets.csv" in note
        assert "fix: " in note
        assert app.screen.query_one("#train", Input).value == "nowhere/tickets.csv"
        assert app.screen.query_one(ErrorNote).display


def test_a_path_is_completed(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tickets.csv").touch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "about.py").touch()
    assert complete("da") == "data/"
    assert complete("data/") == "data/tickets.csv"
    assert continuations("data/") == ["data/tickets.csv", "data/about.py"]
    assert complete("data/ti") == "data/tickets.csv"
    assert complete("data/tickets.csv") is None
    assert complete("nowhere/x") is None
    assert complete("") is None


def test_every_choice_can_be_answered_with_a_single_key():
    assert max(len(item.choices) for item in questions.QUESTIONS) <= 9


async def test_nothing_essential_is_outside_the_screen(app, settle):
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("1")
        await settle(pilot)
        for size in ((80, 24), (60, 24), (120, 40)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            for selector in ("#text", "#why", "#choices", "#verdict", "#next", "Footer"):
                region = app.screen.query_one(selector).region
                assert region.height > 0, selector
                assert app.screen.region.contains_region(region), selector
            choices = app.screen.query_one("#choices", Listing)
            assert choices.size.height >= choices.option_count
