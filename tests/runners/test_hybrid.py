"""hybrid: a tuned run reads what retrieval finds, and nothing that does not fit goes unnoticed."""

import shutil

import pytest

from rules.errors import RunError, SettingError
from runners import _run_folder, hybrid
from runners._guards import GuardError
from runners._references import question
from runners.base import Row, TextPredictor, find, silent
from runners.retrieval import index

LOST = Row(id="lost", input="How is a lost card blocked?", target="by phone")


@pytest.fixture
def place(tmp_path, encoder):
    """An index of one document."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "help.txt").write_text("A lost card is blocked by phone.", "utf-8")
    index.build(folder, tmp_path / "index", index.IndexSettings(), silent)
    return tmp_path / "index"


def done(plan):
    """As the worker leaves it: with its plan and some result."""
    _run_folder.write_plan(plan)
    (plan.folder / _run_folder.RESULT).write_text("{}", "utf-8")
    return plan


@pytest.fixture(scope="module")
def tuned_once(text_plan, text_train, tmp_path_factory):
    """A finished full_sft run of texts."""
    folder = tmp_path_factory.mktemp("runs") / "full_sft-0001"
    plan = text_plan(folder, "full_sft", settings={"epochs": 1})
    find("full_sft").fit(plan, text_train, silent)
    return done(plan)


@pytest.fixture
def tuned(tuned_once, tmp_path):
    """The same beside the hybrid run, to be changed."""
    folder = tmp_path / "runs" / "full_sft-0001"
    shutil.copytree(tuned_once.folder, folder)
    return done(tuned_once.model_copy(update={"folder": folder}))


@pytest.fixture
def plan_for(text_plan, tmp_path, place):
    def make(**settings):
        given = {"index": str(place), "mode": "dense", **settings}
        folder = tmp_path / "runs" / "hybrid-0001"
        return text_plan(folder, "hybrid", evaluation=[LOST], settings=given)

    return make


def test_the_tuned_model_reads_the_passages_and_cites_them(tuned, plan_for):
    plan = plan_for(tuned="full_sft-0001", instruction="")
    hybrid.fit(plan, (), silent)
    reader = hybrid.load(plan.artifact)
    (answer,) = reader.predict([LOST])
    assert answer.sources == ("help.txt:0-32",)
    alone = find("full_sft").load(tuned.artifact)
    shown, _ = reader.shown(question(LOST), reader.passages.of([LOST])[0])
    assert isinstance(alone, TextPredictor)
    assert answer.prediction == alone.predict([shown])[0].prediction
    assert reader.bits([LOST]) == alone.bits([reader.shown(LOST, reader.passages.of([LOST])[0])[0]])


def test_a_tuned_run_that_was_run_again_is_another_one(tuned, plan_for):
    plan = plan_for(tuned=str(tuned.folder))
    hybrid.fit(plan, (), silent)
    (tuned.folder / _run_folder.RESULT).write_text('{"again": 1}', "utf-8")
    with pytest.raises(RunError, match="is not the run this was made on"):
        hybrid.load(plan.artifact)


def test_a_tuned_run_that_learned_what_is_measured_is_refused(tuned, plan_for, text_train, freeze):
    plan = plan_for(tuned="full_sft-0001")
    seen = freeze(text_train[:3], plan.folder / "seen.jsonl")
    with pytest.raises(GuardError, match="learned from and measured on"):
        hybrid.fit(plan.model_copy(update={"evaluation": seen}), (), silent)


def test_another_base_model_is_refused_and_named(tuned, plan_for):
    plan = plan_for(tuned="full_sft-0001").model_copy(update={"base_model": "bundled"})
    with pytest.raises(SettingError, match="fix: --base-model"):
        hybrid.fit(plan, (), silent)


@pytest.mark.parametrize(("name", "said"), [("", "no tuned run"), ("lora-9", "no finished run")])
def test_without_a_tuned_run_it_says_what_to_name(plan_for, name, said):
    with pytest.raises(SettingError, match=said):
        hybrid.fit(plan_for(tuned=name), (), silent)
