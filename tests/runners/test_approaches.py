"""What holds of every approach: refusals, what the artifact is made of, and reopening it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from rules.errors import DataError, SettingError, UserError
from runners import _encoder, _head, _measure, _models, _tune_encoder, full_sft
from runners.base import find, names, silent

NEED_MORE = {"hosted", "rag"}
"""An address and an index, which the plans here do not have: test_hosted.py, test_rag.py."""
LABELS = tuple(
    name for name in names() if "classification" in find(name).TASKS and name not in NEED_MORE
)
"""Those that learn labels; what holds of those that write is in test_causal_sft.py."""
MADE_ON_A_BASE = ("few_shot", "heads", "lora", "zero_shot")
"""Their artifacts need the base model again; those of the others hold an encoder of their own."""
STOPPABLE = ("full_sft", "lora", "setfit")


@pytest.mark.parametrize("approach", LABELS)
def test_one_label_only_is_refused(approach, new_plan, train, tmp_path):
    plan = new_plan(tmp_path / "run", approach)
    one = [row for row in train if row.target == "card_linking"]
    with pytest.raises(DataError, match=r"one label only: \['card_linking'\]"):
        find(approach).fit(plan, one, silent)


@pytest.mark.parametrize("approach", LABELS)
def test_an_unknown_setting_is_refused_before_anything_is_done(approach, new_plan, train, tmp_path):
    plan = new_plan(tmp_path / "run", approach, settings={"magic": 1})
    with pytest.raises(SettingError, match=rf"unknown setting 'magic'\n  fix: {approach} has: "):
        find(approach).fit(plan, train, lambda progress: pytest.fail(progress.message))
    assert not plan.artifact.exists()


@pytest.mark.parametrize("approach", LABELS)
def test_it_does_better_than_the_most_frequent_label(approach, fitted, train, evaluation):
    _, predictions, _ = fitted(approach)
    card = _measure.measure(evaluation, predictions)
    majority = _measure.measure(evaluation, _measure.majority(train, evaluation))
    assert card.accuracy.low > majority.accuracy.high
    assert card.calibration_error is not None
    assert card.calibration_error < 0.2


@pytest.mark.parametrize("approach", sorted({*LABELS} - {"zero_shot"}))
def test_what_learns_does_better_than_the_untouched_model(approach, fitted, evaluation):
    card = _measure.measure(evaluation, fitted(approach)[1])
    untouched = _measure.measure(evaluation, fitted("zero_shot")[1])
    assert card.accuracy.value > 0.85
    assert card.accuracy.low > untouched.accuracy.high


@pytest.mark.parametrize("approach", LABELS)
def test_predictions_are_those_of_the_rows_in_their_order(approach, fitted, train, evaluation):
    _, predictions, _ = fitted(approach)
    assert [item.id for item in predictions] == [row.id for row in evaluation]
    assert {item.prediction for item in predictions} <= {row.target for row in train}
    assert all(item.score is not None and 0 <= item.score <= 1 for item in predictions)


@pytest.mark.parametrize("approach", LABELS)
def test_the_artifact_holds_nothing_that_could_run_code_and_nothing_lies_beside_it(
    approach, fitted
):
    plan, _, _ = fitted(approach)
    files = [path for path in plan.artifact.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".json", ".safetensors"}
    assert list(plan.folder.iterdir()) == [plan.artifact]


REOPEN = """
import json, sys
from pathlib import Path
from runners.base import Row, find

runs, rows = json.load(sys.stdin)
rows = [Row.model_validate(row) for row in rows]
answers = {}
for approach, folder in runs.items():
    found = find(approach).load(Path(folder)).predict(rows)
    answers[approach] = [item.model_dump(mode="json") for item in found]
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def reopened(fitted, evaluation):
    """Predictions of a fresh process that knows the artifacts only."""
    runs = {approach: str(fitted(approach)[0].artifact) for approach in LABELS}
    done = subprocess.run(
        [sys.executable, "-c", REOPEN],
        input=json.dumps([runs, [row.model_dump() for row in evaluation]]),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("approach", LABELS)
def test_another_process_reopens_the_artifact_and_predicts_the_same(approach, fitted, reopened):
    here, there = fitted(approach)[1], reopened[approach]
    assert [item["prediction"] for item in there] == [item.prediction for item in here]
    assert [item["score"] for item in there] == pytest.approx(
        [item.score for item in here], abs=1e-6
    )
    assert [tuple(item["sources"]) for item in there] == [item.sources for item in here]


@pytest.mark.parametrize("approach", MADE_ON_A_BASE)
def test_a_base_model_that_changed_since_is_refused(
    approach, new_plan, train, encoder_copy, change, tmp_path
):
    folder = encoder_copy()
    plan = new_plan(tmp_path / "heads-0001", approach, base_model=str(folder))
    find(approach).fit(plan, train, silent)
    find(approach).load(plan.artifact)
    change(folder / "config.json", hidden_dropout_prob=0.2)
    _models.fingerprint.cache_clear()
    with pytest.raises(UserError, match=r"is not the model this was made on\n  fix: run it again"):
        find(approach).load(plan.artifact)


@pytest.mark.parametrize(
    "approach", ["full_sft", "lora", pytest.param("setfit", marks=pytest.mark.slow)]
)
def test_training_stops_in_good_order_when_its_time_is_used_up(
    approach, new_plan, refit, evaluation, tmp_path
):
    plan = new_plan(tmp_path / "run", approach, max_minutes=1e-9)
    news = []
    predictions = refit(plan, news.append)
    (warning,) = [item for item in news if item.warning]
    assert warning.message.startswith("stopped at step 1 of ")
    assert warning.message.endswith("1e-09 minutes are used up")
    assert _measure.measure(evaluation, predictions).accuracy.value > 0.8


@pytest.mark.parametrize("approach", STOPPABLE)
def test_training_reports_its_loss_and_where_it_stands(approach, fitted):
    steps = [item for item in fitted(approach)[2] if {"loss", "embedding_loss"} & set(item.values)]
    assert steps
    assert all(item.steps and 0 < item.step <= item.steps for item in steps)


@pytest.mark.parametrize("approach", ["full_sft", "lora"])
def test_training_starts_from_the_fitted_head_and_moves_away(
    approach, fitted, new_plan, refit, train, evaluation, encoder, tmp_path
):
    settings = {"learning_rate": 1e-12, "epochs": 1}
    predictions = refit(new_plan(tmp_path / "run", approach, settings=settings))
    labels = sorted({row.target for row in train})
    texts = [row.input for row in train] + [label.replace("_", " ") for label in labels]
    features = _encoder.embed(encoder, texts, silent)
    targets = [row.target for row in train] + labels
    head = _head.fit("logistic", _tune_encoder.STRENGTH, features, targets)
    shares = head.probabilities(_encoder.embed(encoder, [row.input for row in evaluation], silent))
    assert [item.prediction for item in predictions] == [labels[n] for n in shares.argmax(axis=1)]
    assert [item.score for item in predictions] == pytest.approx(list(shares.max(axis=1)), abs=1e-4)
    change = [a.score - b.score for a, b in zip(fitted(approach)[1], predictions, strict=True)]
    assert np.abs(change).max() > 0.01


@pytest.mark.parametrize(("rows", "epochs"), [(1, 10), (200, 10), (770, 3), (3000, 1), (10**6, 1)])
def test_small_sets_get_more_passes_and_large_ones_at_least_one(rows, epochs):
    assert full_sft.computed(rows)["epochs"][0] == epochs
