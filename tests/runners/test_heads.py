"""heads: what the settings do, and that texts are embedded once whatever is learnt from them."""

import json

import numpy as np
import pytest

from rules.errors import SettingError
from runners import _choose, _encoder, _head, _measure, _wording, heads
from runners.base import Row, silent


def test_it_names_its_choice_and_the_accuracy_behind_it(fitted):
    plan, _, news = fitted("heads")
    about = json.loads((plan.artifact / "heads.json").read_text())
    assert len(about["cross_validation"]) == sum(map(len, _choose.CANDIDATES.values()))
    head = _head.load(plan.artifact)
    chosen = f"{head.family} {head.strength:g}"
    accuracy = about["cross_validation"][chosen]
    assert news[-1].message == f"{chosen}: {accuracy:.3f} in cross-validation"


@pytest.mark.parametrize("classifier", ["svm", "ridge", "neighbours"])
def test_the_classifier_can_be_chosen(classifier, new_plan, refit, evaluation, tmp_path):
    plan = new_plan(tmp_path / "run", "heads", settings={"classifier": classifier, "strength": 2})
    card = _measure.measure(evaluation, refit(plan))
    assert card.accuracy.value > 0.8
    about = json.loads((plan.artifact / "heads.json").read_text())
    assert list(about["cross_validation"]) == [f"{classifier} 2"]
    assert _head.load(plan.artifact).family == classifier


def test_a_strength_fits_every_classifier_that_is_tried(new_plan, refit, evaluation, tmp_path):
    plan = new_plan(tmp_path / "run", "heads", settings={"strength": 0.3})
    assert len(refit(plan)) == len(evaluation)


def test_a_strength_of_zero_is_refused(new_plan, train, tmp_path):
    plan = new_plan(tmp_path / "run", "heads", settings={"strength": 0})
    with pytest.raises(SettingError, match="setting strength=0"):
        heads.fit(plan, train, silent)


def embedded(new_plan, rows, folder, **settings):
    """How many texts a fit embeds."""
    news = []
    heads.fit(new_plan(folder, "heads", settings=settings), rows, news.append)
    return max(
        [item.steps or 0 for item in news if item.message.startswith("embedding")], default=0
    )


def test_another_label_column_of_the_same_texts_embeds_the_new_labels_only(
    new_plan, tmp_path, monkeypatch
):
    monkeypatch.setenv("WHICHTUNE_CACHE", str(tmp_path / "cache"))
    answers = (
        "too expensive",
        "very friendly",
        "long queue",
        "good coffee",
        "cold room",
        "nice music",
    )
    mood = ("complaint", "praise") * 3
    topic = ("price", "staff", "service", "food", "place", "place")
    first = [
        Row(id=str(n), input=a, target=m)
        for n, (a, m) in enumerate(zip(answers, mood, strict=True))
    ]
    second = [row.model_copy(update={"target": t}) for row, t in zip(first, topic, strict=True)]
    assert embedded(new_plan, first, tmp_path / "a") == 6 + 2
    assert embedded(new_plan, second, tmp_path / "b", label_names=False) == 0
    assert embedded(new_plan, second, tmp_path / "c") == 5


def test_the_names_of_the_labels_count_as_rows_unless_refused(new_plan, refit, encoder, tmp_path):
    for names in (True, False):
        settings = {"classifier": "neighbours", "label_names": names}
        plan = new_plan(tmp_path / str(names), "heads", settings=settings)
        refit(plan)
        assert len(_head.load(plan.artifact).arrays["features"]) == 60 + 6 * names


def test_confidence_below_the_users_limit_is_marked_and_above_it_is_not(
    new_plan, refit, evaluation, tmp_path
):
    plan = new_plan(tmp_path / "run", "heads", settings={"abstain_below": 0.7})
    predictions = refit(plan)
    assert {item.abstained for item in predictions} == {True, False}
    assert all(item.abstained == ((item.score or 0) < 0.7) for item in predictions)
    card = _measure.measure(evaluation, predictions)
    assert card.accuracy_answered is not None
    assert card.accuracy_answered > card.accuracy.value


def test_promised_thresholds_hold_about_as_well_on_new_rows(fitted, evaluation):
    plan, predictions, _ = fitted("heads")
    thresholds = json.loads((plan.artifact / "heads.json").read_text())["thresholds"]
    threshold, share = thresholds["0.95"]
    kept = [
        (item, row)
        for item, row in zip(predictions, evaluation, strict=True)
        if item.score >= threshold
    ]
    assert len(kept) / len(evaluation) == pytest.approx(share, abs=0.2)
    assert np.mean([item.prediction == row.target for item, row in kept]) > 0.9


def test_two_labels_are_enough(new_plan, train, evaluation, tmp_path):
    two = ("card_linking", "card_swallowed")
    plan = new_plan(tmp_path / "run", "heads")
    heads.fit(plan, [row for row in train if row.target in two], silent)
    rows = [row for row in evaluation if row.target in two]
    answers = heads.load(plan.artifact).predict(rows)
    assert _measure.measure(rows, answers).accuracy.value > 0.9


def test_labels_with_one_row_are_learnt_too(new_plan, train, tmp_path):
    rows = [*train[:20], Row(id="x", input="my card was eaten by the machine", target="eaten")]
    plan = new_plan(tmp_path / "run", "heads")
    heads.fit(plan, rows, silent)
    (answer,) = heads.load(plan.artifact).predict([rows[-1]])
    assert answer.prediction == "eaten"


def test_without_wording_the_head_stands_on_the_embeddings_alone(
    new_plan, refit, evaluation, encoder, tmp_path
):
    plan = new_plan(tmp_path / "run", "heads", settings={"wording": True})
    refit(plan)  # and again in the same folder, as `--again` does
    plain = refit(plan.model_copy(update={"settings": {"wording": False}}))
    features = _encoder.embed(encoder, [row.input for row in evaluation], silent)
    shares = _head.load(plan.artifact).probabilities(features)
    assert [item.score for item in plain] == pytest.approx(list(shares.max(axis=1)))


def test_wording_stands_beside_the_embedding_with_half_its_length():
    texts = ["top up failed", "top up reverted", "Größe ✓", ""]
    rows = _wording.features(texts, _wording.rarity(texts))
    assert rows.shape == (4, _wording.WIDTH)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([0.5, 0.5, 0.5, 0])
    same = _wording.features(texts[:1], _wording.rarity(texts))
    assert np.array_equal(same[0], rows[0])


def test_what_stands_in_every_text_tells_less_than_what_stands_in_one():
    texts = ["card lost", "card found", "card stolen"]
    common, rare = (_wording._counts([word]).indices for word in ("card", "stolen"))
    rarities = _wording.rarity(texts)
    assert rarities[common].mean() < rarities[rare].mean()
