"""A search over prompts: rounds that keep to their calls, and what choosing the best adds."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.errors import SettingError
from runners import _measure, _prompt_trials


@given(
    candidates=st.integers(1, 60),
    rows=st.integers(1, 300),
    calls=st.integers(1, 5000),
    each=st.integers(1, 3),
)
def test_rounds_keep_to_the_calls_and_only_drop(candidates, rows, calls, each):
    try:
        rounds = _prompt_trials.schedule(candidates, rows, calls, each)
    except SettingError as error:
        needed = int(error.fix.split("--max-calls ")[1].split()[0])
        assert needed > calls
        assert _prompt_trials.schedule(candidates, rows, needed, each)
        return
    assert sum(step.calls for step in rounds) <= calls
    assert rounds[0].candidates == candidates
    asked = 0
    for before, after in pairwise(rounds):
        assert before.candidates > after.candidates >= _prompt_trials.FINALISTS
        assert before.rows < after.rows <= rows
    done = 0
    for step in rounds:
        asked += step.candidates * (step.rows - done) * each
        done = step.rows
    assert asked == sum(step.calls for step in rounds)
    if candidates * rows * each <= calls:
        assert [(step.candidates, step.rows) for step in rounds] == [(candidates, rows)]


def test_what_choosing_adds_is_estimated_as_large_as_it_is(monkeypatch):
    monkeypatch.setattr(_measure, "_DRAWS", 2)
    random = np.random.default_rng(0)
    truth, told, values = [], [], np.zeros((8, 50))
    for _ in range(600):
        values = (random.random((8, 50)) < 0.6).astype(float)  # all are equally good
        truth.append(values.mean(axis=1).max() - 0.6)
        told.append(_measure.optimism(values))
    assert np.mean(truth) > 0.08
    assert np.mean(told) == pytest.approx(np.mean(truth), rel=0.15)
    assert _measure.optimism(values[:1]) == pytest.approx(0.0, abs=0.01)


def test_one_row_more_is_within_a_standard_error_and_many_are_not():
    best = np.ones(34)
    for wrong, tie in ((1, True), (2, False), (10, False)):
        other = np.ones(34)
        other[:wrong] = 0
        assert _measure.tie(best, other) is tie
    assert _measure.tie(best, best)
