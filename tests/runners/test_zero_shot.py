"""zero_shot: the nearest label name, or the likeliest one; nothing is learnt."""

import json

import pytest

from rules.errors import SettingError
from runners import _causal_lm, _encoder, _generation, zero_shot
from runners.base import Row, silent


def test_the_nearest_label_name_is_the_answer(fitted, evaluation, train, encoder):
    _, answers, _ = fitted("zero_shot")
    labels = sorted({row.target for row in train})
    names = _encoder.embed(encoder, [label.replace("_", " ") for label in labels], silent)
    texts = _encoder.embed(encoder, [row.input for row in evaluation], silent)
    nearest = [labels[index] for index in (texts @ names.T).argmax(axis=1)]
    assert [item.prediction for item in answers] == nearest


def test_the_rows_give_the_names_of_the_labels_and_nothing_else(
    new_plan, refit, fitted, train, tmp_path
):
    others = [row.model_copy(update={"input": "nothing to see"}) for row in train]
    assert refit(new_plan(tmp_path / "run", "zero_shot"), rows=others) == fitted("zero_shot")[1]


def test_a_description_stands_for_the_name_of_its_label(new_plan, train, tmp_path):
    text = "The machine at the bank ate it"
    settings = {"descriptions": {"card_linking": text}}
    plan = new_plan(tmp_path / "run", "zero_shot", settings=settings)
    zero_shot.fit(plan, train, silent)
    (answer,) = zero_shot.load(plan.artifact).predict([Row(id="1", input=text)])
    assert answer.prediction == "card_linking"
    assert answer.score is not None
    assert answer.score > 0.9


def test_a_description_of_a_label_that_does_not_occur_is_refused(new_plan, train, tmp_path):
    settings = {"descriptions": {"card_linkng": "a slip of the pen"}}
    plan = new_plan(tmp_path / "run", "zero_shot", settings=settings)
    message = r"no label 'card_linkng'\n  fix: the labels are: card_about_to_expire, card_arrival"
    with pytest.raises(SettingError, match=message):
        zero_shot.fit(plan, train, silent)


def test_a_causal_model_says_the_likeliest_label(new_plan, train, evaluation, llama, tmp_path):
    settings = {
        "descriptions": {"card_linking": "link the card"},
        "instruction": "Choose the label.",
    }
    plan = new_plan(tmp_path / "run", "zero_shot", base_model=llama, settings=settings)
    zero_shot.fit(plan, train, silent)
    answers = zero_shot.load(plan.artifact).predict(evaluation[:5])
    about = json.loads((plan.artifact / "zero_shot.json").read_text())
    assert about["labels"]["card_linking"] == "link the card"
    assert about["labels"]["card_arrival"] == "card arrival"
    model = _causal_lm.LabelLikelihood(llama, about["labels"], "Choose the label.")
    assert answers == [model.answer(row, ()) for row in evaluation[:5]]
    assert {item.prediction for item in answers} <= {row.target for row in train}


def test_a_causal_model_writes_where_the_answer_is_a_text(
    text_plan, text_train, text_evaluation, tmp_path
):
    plan = text_plan(tmp_path / "run", "zero_shot")
    zero_shot.fit(plan, text_train, silent)
    predictor = zero_shot.load(plan.artifact)
    answers = predictor.predict(text_evaluation)
    assert [answer.id for answer in answers] == [row.id for row in text_evaluation]
    assert all(answer.tokens for answer in answers)
    assert [path.name for path in plan.artifact.iterdir()] == ["generation.json"]


def test_an_instruction_for_texts_stands_first_and_only_if_given(
    text_plan, text_train, text_evaluation, tmp_path
):
    told = []
    for number, settings in enumerate([{}, {"instruction": "Say it."}]):
        plan = text_plan(tmp_path / f"{number}" / "run", "zero_shot", settings=settings)
        zero_shot.fit(plan, text_train, silent)
        writer = zero_shot.load(plan.artifact)
        assert isinstance(writer, _generation.Writer)
        told.append(writer.tokenizer.decode(writer.fitting(text_evaluation[0], [])))
    assert told[0].startswith("<|user|>door")
    assert told[1].startswith("<|system|>Say it.<|endoftext|><|user|>door")
