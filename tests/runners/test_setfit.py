"""setfit: pairs pull texts of a label together, then a calibrated head is fitted."""

import numpy as np
import pytest

from runners import _encoder, _head, setfit


def spread(features, targets):
    """How much nearer texts of the same label are to each other than to the rest."""
    same = np.equal.outer(targets, targets)
    off = ~np.eye(len(targets), dtype=bool)
    similar = features @ features.T
    return similar[same & off].mean() - similar[~same].mean()


@pytest.mark.slow
def test_texts_of_a_label_move_together(fitted, train, encoder):
    plan, _, _ = fitted("setfit")
    texts, targets = [row.input for row in train], np.array([row.target for row in train])
    before = _encoder.encode(_encoder.open_encoder(encoder), texts)
    after = _encoder.encode(setfit.load(plan.artifact).encoder, texts)
    assert spread(after, targets) > spread(before, targets) + 0.01


def test_the_number_of_pairs_is_said_before_training(fitted):
    assert [item for item in fitted("setfit")[2] if item.message == "120 pairs from 60 rows"]


def test_the_head_is_calibrated(fitted):
    assert _head.load(fitted("setfit")[0].artifact).temperature != 1


@pytest.mark.slow
def test_the_same_seed_gives_the_same_predictions(fitted, new_plan, refit, tmp_path):
    assert refit(new_plan(tmp_path / "run", "setfit")) == fitted("setfit")[1]


@pytest.mark.parametrize(("rows", "iterations"), [(1, 20), (150, 20), (770, 4), (10**6, 1)])
def test_few_rows_make_more_pairs_each_up_to_those_of_the_paper(rows, iterations):
    assert setfit.computed(rows)["iterations"][0] == iterations
