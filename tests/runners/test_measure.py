"""Measuring: scikit-learn's numbers, a closed form for calibration, intervals that keep faith."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from runners import _measure
from runners.base import Prediction, Row

WORDS = st.sampled_from(["a", "b", "accuracy", "macro avg", "weighted avg", "", "Ü 🙂"])


def rows_of(targets):
    return [Row(id=str(n), target=target) for n, target in enumerate(targets)]


def said(answers, scores=None, abstained=None):
    scores = scores if scores is not None else [None] * len(answers)
    abstained = abstained if abstained is not None else [False] * len(answers)
    return [
        Prediction(id=str(n), prediction=answer, score=score, abstained=left)
        for n, (answer, score, left) in enumerate(zip(answers, scores, abstained, strict=True))
    ]


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=60))
def test_the_numbers_are_those_of_scikit_learn_whatever_the_labels_are_called(pairs):
    targets, answers = [list(side) for side in zip(*pairs, strict=True)]
    card = _measure.measure(rows_of(targets), said(answers))
    labels = sorted(set(targets))
    assert card.accuracy.value == pytest.approx(accuracy_score(targets, answers))
    expected = f1_score(targets, answers, labels=labels, average="macro", zero_division=0)  # type: ignore[arg-type]
    assert card.macro_f1.value == pytest.approx(expected)
    table = precision_recall_fscore_support(targets, answers, labels=labels, zero_division=0)  # type: ignore[arg-type]
    assert [entry.label for entry in card.labels] == labels
    for field, column in zip(("precision", "recall", "f1", "rows"), table, strict=True):
        assert [getattr(entry, field) for entry in card.labels] == pytest.approx(list(column))  # type: ignore[call-overload]


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=60))
def test_an_interval_lies_within_0_and_1_and_contains_the_accuracy(pairs):
    targets, answers = zip(*pairs, strict=True)
    card = _measure.measure(rows_of(targets), said(answers))
    assert 0 <= card.accuracy.low <= card.accuracy.value <= card.accuracy.high <= 1
    assert 0 <= card.macro_f1.low <= card.macro_f1.high <= 1


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=60))
def test_every_mistake_is_counted_and_the_worst_confusion_comes_first(pairs):
    targets, answers = zip(*pairs, strict=True)
    card = _measure.measure(rows_of(targets), said(answers))
    counts = [confusion.rows for confusion in card.confusions]
    assert counts == sorted(counts, reverse=True)
    kinds = {pair for pair in pairs if pair[0] != pair[1]}
    assert len(card.confusions) == min(10, len(kinds))
    if len(kinds) <= 10:
        assert sum(counts) == sum(a != b for a, b in pairs)
    for confusion in card.confusions:
        assert len(confusion.ids) == min(5, confusion.rows)
        for row in map(int, confusion.ids):
            assert (targets[row], answers[row]) == (confusion.target, confusion.prediction)


def test_among_equal_confusions_the_order_is_that_of_the_names():
    card = _measure.measure(rows_of("bbaa"), said(list("xaxb")))
    shown = [(confusion.target, confusion.prediction) for confusion in card.confusions]
    assert shown == [("a", "b"), ("a", "x"), ("b", "a"), ("b", "x")]


def test_a_perfect_predictor_scores_1_everywhere():
    card = _measure.measure(rows_of("abcabc"), said(list("abcabc"), [1.0] * 6))
    assert (card.accuracy.value, card.macro_f1.value, card.calibration_error) == (1, 1, 0)
    assert card.macro_f1.high == 1
    assert card.confusions == ()


def test_a_perfect_score_on_few_rows_is_not_reported_as_certain():
    few, many = (
        _measure.measure(rows_of("ab" * n), said(list("ab" * n))).accuracy for n in (5, 500)
    )
    assert few.low < 0.8 < 0.99 < many.low
    assert few.high == many.high == 1


def test_a_constant_predictor_gets_the_f1_of_its_one_label_divided_by_the_labels():
    card = _measure.measure(rows_of("aaabbc"), said(["a"] * 6))
    assert card.accuracy.value == pytest.approx(1 / 2)
    assert card.macro_f1.value == pytest.approx((2 * 3 / (6 + 3)) / 3)


def test_an_answer_that_is_no_target_counts_as_wrong_and_adds_no_label():
    card = _measure.measure(rows_of("ab"), said(["a", "never seen"]))
    assert card.accuracy.value == 0.5
    assert [entry.label for entry in card.labels] == ["a", "b"]
    assert card.macro_f1.value == pytest.approx(0.5)


def test_a_label_that_training_never_showed_is_measured_at_zero():
    card = _measure.measure(rows_of("aab"), said(["a", "a", "a"]))
    (b,) = [entry for entry in card.labels if entry.label == "b"]
    assert (b.rows, b.recall, b.precision, b.f1) == (1, 0, 0, 0)


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy_weighted_by_bin():
    # Bins of 1/15: 0.92 ten times, of which seven right; 0.50 twice, of which one right.
    answers = ["a"] * 7 + ["x"] * 3 + ["a", "x"]
    card = _measure.measure(rows_of("a" * 12), said(answers, [0.92] * 10 + [0.5] * 2))
    expected = 10 / 12 * abs(0.92 - 0.7) + 2 / 12 * abs(0.5 - 0.5)
    assert card.calibration_error == pytest.approx(expected)


def test_full_confidence_falls_into_the_last_bin():
    card = _measure.measure(rows_of("aa"), said(["a", "x"], [1.0, 0.99]))
    assert card.calibration_error == pytest.approx(abs((1.0 + 0.99) / 2 - 0.5))


def test_calibration_is_unknown_as_soon_as_one_row_has_no_confidence():
    card = _measure.measure(rows_of("aa"), said(["a", "a"], [0.9, None]))
    assert card.calibration_error is None


def test_abstained_rows_count_in_accuracy_but_not_in_accuracy_of_the_answered():
    left = [False, False, True, True]
    card = _measure.measure(rows_of("aaaa"), said(["a", "x", "x", "x"], abstained=left))
    assert (card.accuracy.value, card.answered, card.accuracy_answered) == (0.25, 0.5, 0.5)


def test_the_accuracy_of_the_answered_is_unknown_when_nothing_was_answered():
    card = _measure.measure(rows_of("aa"), said(["a", "a"], abstained=[True, True]))
    assert (card.answered, card.accuracy_answered) == (0, None)


def test_predictions_of_other_rows_or_in_another_order_are_a_bug():
    with pytest.raises(AssertionError, match="not those of these rows"):
        _measure.measure(rows_of("ab"), list(reversed(said(["a", "b"]))))


def test_the_same_predictions_always_give_the_same_intervals():
    rows, answers = rows_of("aabb" * 10), said(list("abbb" * 10))
    assert _measure.measure(rows, answers) == _measure.measure(rows, answers)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_four_times_the_rows_halve_the_interval(metric):
    def width(times):
        card = _measure.measure(rows_of("aabb" * times), said(list("aabx" * times)))
        found = getattr(card, metric)
        return found.high - found.low

    assert width(100) / width(25) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(("rows", "share"), [(30, 0.9), (60, 0.7), (120, 0.95)])
def test_at_least_about_95_of_100_accuracy_intervals_contain_the_true_share(rows, share):
    random = np.random.default_rng(1)
    hit = 0
    for right in random.random((200, rows)) < share:
        answers = said(["a" if ok else "x" for ok in right])
        interval = _measure.measure(rows_of("a" * rows), answers).accuracy
        hit += interval.low <= share <= interval.high
    assert hit / 200 >= 0.91  # more than 95 happens, as shares of few rows come in coarse steps


def test_about_95_of_100_macro_f1_intervals_contain_the_true_value():
    random = np.random.default_rng(2)

    def draw(count):
        targets = np.where(random.random(count) < 0.5, "a", "b")
        other = np.where(targets == "a", "b", "a")
        return targets.tolist(), np.where(random.random(count) < 0.8, targets, other).tolist()

    truth, hit = 0.8, 0  # both labels equally often, and confused equally often
    for _ in range(150):
        targets, answers = draw(200)
        interval = _measure.measure(rows_of(targets), said(answers)).macro_f1
        hit += interval.low <= truth <= interval.high
    assert 0.90 <= hit / 150 <= 0.99


def test_resampling_in_blocks_stays_within_bounds_for_many_rows(monkeypatch):
    monkeypatch.setattr(_measure, "_CELLS", 1000)  # blocks of 25 resamples, so 40 of them
    card = _measure.measure(rows_of("aabb" * 10), said(list("abbb" * 10)))
    assert card.macro_f1.low < card.macro_f1.value < card.macro_f1.high


def test_the_majority_baseline_names_the_most_frequent_label_of_training():
    found = _measure.majority(rows_of("abbc"), rows_of("ccc"))
    assert [(item.id, item.prediction) for item in found] == [("0", "b"), ("1", "b"), ("2", "b")]


@given(st.permutations(list("aabbc")))
def test_among_equally_frequent_labels_the_majority_is_the_first_by_name(targets):
    assert _measure.majority(rows_of(targets), rows_of("x"))[0].prediction == "a"
