"""The recommendation: reasons with sources, open questions, saving, and what cannot be run."""

import yaml

from advisor.memory_advice import held, lines
from advisor.recommend import recommend
from runners import base
from tui import recommendation as page
from tui.interview import InterviewScreen
from tui.listing import Listing
from tui.messages import OpenRecommendation
from tui.question_card import QuestionCard
from tui.start import StartScreen


async def go(pilot, settle, **answers):
    for fact, text in answers.items():
        pilot.app.notebook.answer(fact, text)
    pilot.app.post_message(OpenRecommendation())
    await settle(pilot)


def point_at(pilot, approach):
    listing = pilot.app.screen.query_one("#approaches", Listing)
    listing.highlighted = listing.get_option_index(approach)


async def test_every_reason_stands_there_with_its_rule_and_its_source(app, settle, says):
    async with app.run_test(size=(120, 40)) as pilot:
        await go(pilot, settle, task="classification", data_kind="labelled", n_examples="2000")
        ranking = recommend(app.notebook.situation.facts).ranking
        for item in ranking:
            point_at(pilot, item.approach)
            await pilot.pause()
            text = says(pilot, "#why")
            for reason in item.verdict.reasons:
                assert reason.text in text
                assert f"[{reason.rule}] {reason.source}" in text
            for rule in item.verdict.undecided:
                assert f"[{rule.rule}]" in text


async def test_what_an_approach_takes_of_the_card_stands_below_its_reasons(app, settle, says):
    async with app.run_test(size=(120, 40)) as pilot:
        await go(pilot, settle, task="generation", access="weights", gpu_memory_gb="16", n_gpus="1")
        for approach in ("lora", "full_sft"):
            point_at(pilot, approach)
            await pilot.pause()
            memory = held(app.notebook.situation.facts, approach)
            text = says(pilot, "#why")
            assert memory is not None
            assert all(line in text for line in lines(memory))
        assert "it does not fit" in text


async def test_what_is_ruled_out_is_named_with_the_rule_that_did_it(app, settle, says):
    async with app.run_test(size=(120, 40)) as pilot:
        await go(pilot, settle, access="api_only")
        point_at(pilot, "lora")
        await pilot.pause()
        text = says(pilot, "#why")
        assert "ruled out" in text
        (verdict,) = [
            item.verdict
            for item in recommend(app.notebook.situation.facts).ranking
            if item.approach == "lora"
        ]
        rules = [reason.rule for reason in verdict.reasons if reason.effect == "rules_out"]
        assert rules
        assert all("  ✗ " in text and f"[{rule}]" in text for rule in rules)


async def test_enter_on_an_unsettled_fact_asks_its_question(app, settle):
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle)
        unsettled = app.screen.query_one("#unsettled", Listing)
        wanted = unsettled.items[0].key
        unsettled.focus()
        await pilot.press("home", "enter")
        await settle(pilot)
        assert isinstance(app.screen, InterviewScreen)
        question = app.screen.query_one(QuestionCard).question
        assert question is not None
        assert question.id == wanted


async def test_an_approach_without_a_runner_says_so_and_cannot_be_started(
    app, settle, says, monkeypatch
):
    monkeypatch.setattr(base, "names", lambda: ("heads",))
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle)
        point_at(pilot, "lora")
        await pilot.press("r")
        await settle(pilot)
        assert isinstance(app.screen, page.RecommendationScreen)
        assert "lora: this version has advice on it, but no runner" in says(pilot, "#error")
        assert "fix: run one of these instead: heads" in says(pilot, "#error")


async def test_a_toss_up_offers_the_experiment_that_decides_it(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle)
        found = recommend(app.notebook.situation.facts)
        assert found.experiment is not None
        assert found.margin.because in says(pilot, "#headline")
        assert found.runner_up is not None
        assert found.runner_up.why in says(pilot, "#headline")
        await pilot.press("x", "r")
        await settle(pilot)
        assert isinstance(app.screen, StartScreen)
        for approach in found.experiment.approaches:
            assert approach in says(pilot, "#what")


async def test_a_gate_stands_above_every_approach(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle, target_met="yes")
        (gate,) = recommend(app.notebook.situation.facts).gates
        assert f"! {gate.text}" in says(pilot, "#headline")


async def test_several_are_marked_with_space_and_run_with_r(app, settle, says):
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle, task="classification")
        for approach in ("heads", "setfit"):
            point_at(pilot, approach)
            await pilot.press("space")
        await pilot.press("r")
        await settle(pilot)
        assert isinstance(app.screen, StartScreen)
        assert "heads" in says(pilot, "#what")
        assert "setfit" in says(pilot, "#what")


async def test_the_answers_are_saved_and_an_existing_file_is_not_lost_unasked(
    app, settle, says, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle, task="style", n_examples="300")
        await pilot.press("w")
        await settle(pilot)
        path = tmp_path / "facts.yaml"
        assert yaml.safe_load(path.read_text()) == {"task": "style", "n_examples": 300}
        assert "whichtune advise facts.yaml" in says(pilot, "#next")
        path.write_text("task: generation\n")
        await pilot.press("w", "n")
        await settle(pilot)
        assert path.read_text() == "task: generation\n"
        await pilot.press("w", "y")
        await settle(pilot)
        assert yaml.safe_load(path.read_text())["task"] == "style"


async def test_nothing_essential_is_outside_the_screen(app, settle):
    async with app.run_test(size=(80, 24)) as pilot:
        await go(pilot, settle)
        for size in ((80, 24), (60, 24), (120, 40)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            for selector in ("#approaches", "#argument", "#unsettled", "#next", "Footer"):
                region = app.screen.query_one(selector).region
                assert region.height > 0, selector
                assert app.screen.region.contains_region(region), selector
