"""few_shot: the nearest labelled rows vote, or stand in the prompt of a causal model."""

import json

import numpy as np
import pytest

from rules.errors import SettingError
from runners import _encoder, _head, _shots, few_shot
from runners.base import Row, silent


def test_the_label_of_the_single_nearest_row_is_the_answer(
    new_plan, refit, train, evaluation, encoder, tmp_path
):
    answers = refit(new_plan(tmp_path / "run", "few_shot", settings={"shots": 1}))
    known = _encoder.embed(encoder, [row.input for row in train], silent)
    asked = _encoder.embed(encoder, [row.input for row in evaluation], silent)
    nearest = [train[index] for index in (asked @ known.T).argmax(axis=1)]
    assert [item.prediction for item in answers] == [row.target for row in nearest]
    assert [item.sources for item in answers] == [(row.id,) for row in nearest]


def test_the_rows_an_answer_rests_on_are_named_best_first_and_at_most_five(
    new_plan, refit, train, evaluation, encoder, tmp_path
):
    answers = refit(new_plan(tmp_path / "run", "few_shot", settings={"shots": 10}))
    known = _encoder.embed(encoder, [row.input for row in train], silent)
    asked = _encoder.embed(encoder, [row.input for row in evaluation], silent)
    for item, similar in zip(answers, asked @ known.T, strict=True):
        best = np.argsort(-similar)[:5]
        assert set(item.sources) == {train[index].id for index in best}
        assert item.sources[0] == train[best[0]].id


def test_a_row_that_is_an_example_itself_is_answered_with_its_label(fitted, train):
    plan, _, _ = fitted("few_shot")
    answers = few_shot.load(plan.artifact).predict(train)
    assert [item.sources[0] for item in answers] == [row.id for row in train]


def test_the_number_of_voters_is_the_best_by_leaving_each_row_out_once(fitted, train, encoder):
    plan, _, news = fitted("few_shot")
    features = _encoder.embed(encoder, [row.input for row in train], silent)
    found = {}
    for count in few_shot.SHOTS:
        right = 0
        for n, row in enumerate(train):
            others = [index for index in range(len(train)) if index != n]
            rest = _head.fit(
                "neighbours", count, features[others], [train[i].target for i in others]
            )
            right += rest.labels[int(rest.scores(features[n : n + 1]).argmax())] == row.target
        found[count] = right / len(train)
    best = max(found.values())
    chosen = round(_head.load(plan.artifact).strength)
    assert chosen == min(count for count in found if found[count] == best)
    assert news[-1].message == f"{chosen} nearest rows vote: {best:.3f} by leave-one-out"


@pytest.mark.parametrize("shots", [1, 4, 500])
def test_few_rows_are_enough_whatever_the_number_of_shots(shots, new_plan, train, tmp_path):
    rows = [train[0], train[1], train[10], train[11]]
    plan = new_plan(tmp_path / "run", "few_shot", settings={"shots": shots})
    few_shot.fit(plan, rows, silent)
    assert len(few_shot.load(plan.artifact).predict(train)) == len(train)


def test_two_rows_are_enough(new_plan, train, tmp_path):
    plan = new_plan(tmp_path / "run", "few_shot")
    few_shot.fit(plan, [train[0], next(r for r in train if r.target != train[0].target)], silent)
    (answer,) = few_shot.load(plan.artifact).predict(train[:1])
    assert answer.prediction == train[0].target


def test_confidence_below_the_users_limit_is_marked(new_plan, refit, tmp_path):
    settings = {"shots": 10, "abstain_below": 0.6}
    answers = refit(new_plan(tmp_path / "run", "few_shot", settings=settings))
    assert {item.abstained for item in answers} == {True, False}
    assert all(item.abstained == ((item.score or 0) < 0.6) for item in answers)


@pytest.fixture
def prompted(new_plan, llama, train, encoder, tmp_path):
    """Fit on the causal model and reopen."""

    def make(**settings):
        plan = new_plan(tmp_path / "run", "few_shot", base_model=llama, settings=settings)
        few_shot.fit(plan, train, silent)
        return plan, few_shot.load(plan.artifact)

    return make


def test_a_causal_model_sees_the_nearest_rows_and_the_nearest_of_them_last(
    prompted, train, encoder
):
    _, predictor = prompted(shots=2, instruction="Which card problem is it?")
    row = Row(id="new", input="my card expires soon, what do I do")
    (answer,) = predictor.predict([row])
    known = _encoder.embed(encoder, [item.input for item in train], silent)
    asked = _encoder.embed(encoder, [row.input], silent)
    best = np.argsort(-(asked @ known.T)[0])[:2]
    assert answer.sources == tuple(train[index].id for index in best)
    shots = [(train[index].input, train[index].target) for index in reversed(best)]
    expected = predictor.model.answer(row, shots)
    assert (answer.prediction, answer.score) == (expected.prediction, expected.score)
    assert predictor.model._prompt(row.input, shots).startswith("Which card problem is it?")


def test_a_causal_model_gets_eight_examples_unless_told(prompted):
    plan, _ = prompted()
    assert _head.load(plan.artifact).strength == 8


def test_a_causal_model_marks_what_it_is_unsure_of(prompted, evaluation):
    _, predictor = prompted(shots=1, abstain_below=1.0)
    assert all(item.abstained for item in predictor.predict(evaluation[:3]))


def test_an_encoder_needs_no_copy_of_the_texts_and_a_causal_model_does(fitted, prompted, train):
    def inputs(plan):
        return json.loads((plan.artifact / "few_shot.json").read_text())["inputs"]

    assert inputs(fitted("few_shot")[0]) == []
    assert inputs(prompted()[0]) == [row.input for row in train]


def written(text_plan, text_train, folder, **settings):
    plan = text_plan(folder / "run", "few_shot", settings=settings)
    few_shot.fit(plan, text_train, silent)
    shown = few_shot.load(plan.artifact)
    assert isinstance(shown, _shots.Shown)
    return shown


def test_for_texts_the_nearest_questions_are_shown_each_once(
    encoder, text_plan, text_train, text_evaluation, tmp_path
):
    twice = [*text_train, text_train[0].model_copy(update={"id": "twice", "target": "Another."})]
    predictor = written(text_plan, twice, tmp_path, shots=3)
    answers = predictor.predict(text_evaluation[:2])
    for row, answer in zip(text_evaluation, answers, strict=False):
        assert len(answer.sources) == 3
        inputs = [known.input for name in answer.sources for known in twice if known.id == name]
        assert len(set(inputs)) == 3
        shared = set(row.input.split(" : "))
        assert all(shared & set(text.split(" : ")) for text in inputs)


def test_random_examples_are_the_same_for_every_question_and_need_no_encoder(
    text_plan, text_train, text_evaluation, tmp_path
):
    predictor = written(text_plan, text_train, tmp_path, shots=2, choose="random")
    answers = predictor.predict(text_evaluation[:3])
    assert len({answer.sources for answer in answers}) == 1
    assert len(answers[0].sources) == 2


def test_examples_change_how_likely_the_answer_is(text_plan, text_train, text_evaluation, tmp_path):
    some = written(text_plan, text_train, tmp_path / "a", shots=2, choose="random")
    with_shots = some.bits(text_evaluation[:3])
    without = some.writer.bits(text_evaluation[:3])
    assert [said.bytes for said in with_shots] == [said.bytes for said in without]
    assert [said.bits for said in with_shots] != [said.bits for said in without]


def test_random_examples_for_labels_are_refused(new_plan, train, tmp_path):
    plan = new_plan(tmp_path / "run", "few_shot", settings={"choose": "random"})
    with pytest.raises(SettingError, match="labels are voted by the nearest rows"):
        few_shot.fit(plan, train, silent)
