"""Heads on made-up features: each family learns, comes back bit by bit, knows its confidence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from runners import _choose, _head
from runners.base import Row, silent

FAMILIES: list[_head.Family] = list(_choose.CANDIDATES)
ALL: list[tuple[_head.Family, float]] = [
    (family, strength) for family in FAMILIES for strength in _choose.CANDIDATES[family]
]


def clouds(labels=3, rows=20, noise=0.3, seed=0, width=8):
    """Unit rows around one direction for each label."""
    random = np.random.default_rng(seed)
    centres = np.eye(width)[:labels]
    codes = np.repeat(np.arange(labels), rows)
    features = centres[codes] + noise * random.normal(size=(len(codes), width))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return features.astype(np.float32), [f"label {code}" for code in codes]


def accuracy(head, features, targets):
    found = [head.labels[code] for code in head.scores(features).argmax(axis=1)]
    return np.mean([a == b for a, b in zip(found, targets, strict=True)])


@pytest.mark.parametrize("labels", [2, 5])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_what_can_be_told_apart(family, labels):
    head = _head.fit(family, _choose.CANDIDATES[family][0], *clouds(labels, noise=0.15))
    assert accuracy(head, *clouds(labels, noise=0.15, seed=1)) == 1


@pytest.mark.parametrize("labels", [2, 5])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_saved_head_comes_back_bit_by_bit(family, labels, tmp_path):
    features, targets = clouds(labels)
    fitted = _head.fit(family, 3.0, features, targets)
    head = _head.Head(family, 3.0, fitted.labels, fitted.arrays, temperature=0.3)
    _head.save(head, tmp_path)
    again = _head.load(tmp_path)
    assert all(np.array_equal(head.arrays[name], again.arrays[name]) for name in head.arrays)
    # Where the arrays lie in memory decides how BLAS adds up: the last digit may differ.
    probabilities = again.probabilities(features)
    np.testing.assert_allclose(head.probabilities(features), probabilities, atol=1e-5)
    assert (again.labels, again.temperature) == (head.labels, 0.3)


def test_weights_that_lie_column_by_column_in_memory_are_saved_in_order(tmp_path):
    features, targets = clouds()
    fitted = _head.fit("logistic", 3.0, features, targets)
    arrays = {name: np.asfortranarray(array) for name, array in fitted.arrays.items()}
    assert not arrays["weights"].flags.c_contiguous
    _head.save(_head.Head("logistic", 3.0, fitted.labels, arrays), tmp_path)
    assert np.array_equal(_head.load(tmp_path).arrays["weights"], fitted.arrays["weights"])


def test_labels_of_any_script_survive_the_file(tmp_path):
    labels = ("Größe ✓", "a\nb", '"', "配送")
    _head.save(
        _head.Head("ridge", 1.0, labels, {"weights": np.eye(4), "bias": np.ones(4)}, 1), tmp_path
    )
    assert _head.load(tmp_path).labels == labels


@pytest.mark.parametrize("labels", [2, 4])
@pytest.mark.parametrize("family", FAMILIES)
def test_probabilities_are_positive_and_sum_to_1(family, labels):
    head = _head.fit(family, 3.0, *clouds(labels))
    shares = head.probabilities(clouds(labels, seed=3, noise=2)[0])
    assert shares.min() >= 0
    assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)))


@pytest.mark.parametrize("labels", [2, 4])
def test_logistic_probabilities_are_those_of_scikit_learn(labels):
    features, targets = clouds(labels, noise=0.8)
    theirs = LogisticRegression(C=3.0, max_iter=1000).fit(features, targets)
    ours = _head.fit("logistic", 3.0, features, targets).probabilities(features)
    assert ours == pytest.approx(theirs.predict_proba(features), abs=1e-6)


def test_extreme_scores_give_no_overflow():
    shares = _head.softmax(np.array([[1e300, 0.0], [-1e300, -1e300]]))
    assert shares.tolist() == [[1, 0], [0.5, 0.5]]


def test_neighbours_vote_with_their_similarity():
    similar = np.array([[0.9, 0.3, 0.4, -0.5]])
    shares = np.exp(_head.vote(similar, np.array([0, 1, 1, 1]), 2, 3))
    assert shares[0] == pytest.approx(np.array([0.9, 0.7]) / 1.6, abs=2e-3)


def test_more_neighbours_than_rows_are_all_rows():
    similar = np.array([[0.9, 0.3]])
    codes = np.array([0, 1])
    assert np.array_equal(_head.vote(similar, codes, 2, 50), _head.vote(similar, codes, 2, 2))


@pytest.mark.parametrize("truth", [0.2, 1.0, 5.0])
def test_the_temperature_that_made_the_labels_is_found_again(truth):
    random = np.random.default_rng(0)
    scores = random.normal(scale=4 * truth, size=(6000, 5))
    chances = np.exp(log_softmax(scores / truth, axis=1))
    codes = (chances.cumsum(axis=1) > random.random((6000, 1))).argmax(axis=1)
    assert _choose.fit_temperature(scores, codes) == pytest.approx(truth, rel=0.08)


def test_every_candidate_is_named_with_its_accuracy():
    choice = _choose.choose(*clouds(noise=0.4, rows=30), ALL, 0, silent)
    assert set(choice.accuracies) == {f"{family} {strength:g}" for family, strength in ALL}


def rings(rows=60):
    """Two labels that no straight line tells apart, and neighbours easily do."""
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, rows)
    # Four arcs in turn: each label has two, opposite to each other.
    targets = ["even" if int(angle // (np.pi / 2)) % 2 else "odd" for angle in angles]
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32), targets


def test_a_clearly_better_candidate_wins_wherever_it_is_named():
    for candidates in (ALL, ALL[::-1]):
        assert _choose.choose(*rings(), candidates, 0, silent).family == "neighbours"


@pytest.mark.parametrize("seed", range(5))
def test_the_first_named_stands_unless_another_leads_by_a_standard_error(seed):
    choice = _choose.choose(*clouds(noise=0.5, rows=20, seed=seed), ALL, 0, silent)
    stands = ALL[0]
    for candidate in ALL[1:]:
        best, rival = (choice.accuracies[f"{f} {s:g}"] for f, s in (stands, candidate))
        if rival > best + (best * (1 - best) / 60) ** 0.5:
            stands = candidate
    assert (choice.family, choice.strength) == stands


def test_among_equals_the_first_named_is_chosen():
    features, targets = clouds(noise=0.01)
    for candidates in (ALL, ALL[::-1]):
        choice = _choose.choose(features, targets, candidates, 0, silent)
        assert set(choice.accuracies.values()) == {1.0}
        assert (choice.family, choice.strength) == candidates[0]


@pytest.mark.parametrize("singles", [1, 2, 3])
def test_labels_with_a_single_row_do_not_stop_the_choice(singles):
    features, targets = clouds(labels=3, rows=6)
    for n in range(singles):  # rename all but one row of a label
        targets = [
            t if t != f"label {n}" or i % 6 == 0 else "label 2" for i, t in enumerate(targets)
        ]
    choice = _choose.choose(features, targets, ALL, 0, silent)
    assert 0 <= max(choice.accuracies.values()) <= 1


def test_labels_that_all_have_a_single_row_do_not_stop_the_choice():
    features, targets = clouds(labels=4, rows=1)
    assert _choose.choose(features, targets, ALL, 0, silent).temperature > 0


def test_out_of_fold_accuracy_does_not_flatter_features_that_mean_nothing():
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 50)).astype(np.float32)
    choice = _choose.choose(features, ["a", "b"] * 100, ALL, 0, silent)
    assert max(choice.accuracies.values()) < 0.65


def test_the_choice_looks_at_a_sample_in_which_no_label_is_lost(monkeypatch):
    monkeypatch.setattr(_choose, "CHOOSE_ROWS", 50)
    targets = ["big"] * 900 + ["small"] * 90 + ["rare"] * 2 + ["once"]
    features = np.random.default_rng(0).normal(size=(len(targets), 4))
    picked = _choose._sample(np.asarray(targets), 0)
    kept = [targets[index] for index in picked]
    assert {label: kept.count(label) for label in set(targets)} == {
        "big": 45,
        "small": 5,
        "rare": 2,
        "once": 1,
    }
    assert len(set(picked)) == len(picked)
    assert _choose.choose(features, targets, [("ridge", 1.0)], 0, silent).family == "ridge"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_threshold_gives_the_wanted_accuracy_on_the_share_it_promises(family):
    features, targets = clouds(labels=4, rows=60, noise=0.4)
    strength = _choose.CANDIDATES[family][0]
    folds = _choose._folds(np.unique(targets, return_inverse=True)[1], 0)
    scores = _choose._out_of_fold(family, strength, features, np.asarray(targets), folds)
    choice = _choose.choose(features, targets, [(family, strength)], 0, silent)
    shares = _head.softmax(scores / choice.temperature)
    confidence, answers = shares.max(axis=1), shares.argmax(axis=1)
    assert choice.thresholds
    for wanted, (threshold, share) in choice.thresholds.items():
        answered = confidence >= threshold
        right = [f"label {code}" == t for code, t in zip(answers, targets, strict=True)]
        assert answered.mean() == pytest.approx(share)
        assert np.mean(np.array(right)[answered]) >= float(wanted)


@given(st.lists(st.tuples(st.sampled_from([0.5, 0.6, 0.8, 0.9]), st.booleans()), min_size=1))
@settings(max_examples=300)
def test_a_threshold_never_cuts_through_rows_of_equal_confidence(rows):
    shares = np.array([[c, 1 - c] for c, _ in rows])
    codes = np.array([0 if right else 1 for _, right in rows])
    found = _choose._thresholds(shares, codes)
    for wanted in (0.9, 0.95, 0.99):
        kept = {least: [right for c, right in rows if c >= least] for least in {c for c, _ in rows}}
        enough = [least for least, right in kept.items() if np.mean(right) >= wanted]
        expected = (min(enough), len(kept[min(enough)]) / len(rows)) if enough else None
        assert found.get(f"{wanted:g}") == expected


def test_confidence_below_the_threshold_is_marked():
    head = _head.Head("ridge", 1.0, ("a", "b"), {"weights": np.eye(2), "bias": np.zeros(2)})
    rows = [Row(id="sure"), Row(id="unsure")]
    features = np.array([[4.0, 0.0], [0.1, 0.0]])
    answers = _head.predictions(head, features, rows, abstain_below=0.9)
    assert [(item.id, item.prediction, item.abstained) for item in answers] == [
        ("sure", "a", False),
        ("unsure", "a", True),
    ]
    assert not any(item.abstained for item in _head.predictions(head, features, rows))
