"""Significance: closed forms, a hand example, and the power that is promised."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners._significance import holm, mcnemar, paired_bootstrap, rows_to_decide

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


def marks(both, only_first, only_second, neither):
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return first, second


@given(st.integers(0, 20), st.integers(0, 25), st.integers(0, 25), st.integers(0, 20))
def test_mcnemar_is_the_binomial_sum_over_the_rows_that_differ(both, b, c, neither):
    n, k = b + c, min(b, c)
    tail = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    assert mcnemar(*marks(both, b, c, neither)) == pytest.approx(min(1.0, 2 * tail))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60))
def test_mcnemar_does_not_care_who_comes_first(pairs):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    assert mcnemar(first, second) == pytest.approx(mcnemar(second, first))


def test_mcnemar_of_rows_that_do_not_differ_is_1():
    assert mcnemar([True, False], [True, False]) == 1


def test_rows_of_different_number_are_a_bug():
    with pytest.raises(ValueError, match="longer"):
        mcnemar([True], [True, False])


def test_holm_on_a_worked_example():
    # 4 x 0.01, 3 x 0.02, 2 x 0.03 = 0.06 stays at 0.06, and 0.04 may not fall below it.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])


@given(P_VALUES)
def test_holm_only_raises_keeps_the_order_and_stays_below_1(raw):
    adjusted = holm(raw)
    assert all(new >= old for new, old in zip(adjusted, raw, strict=True))
    assert all(value <= 1 for value in adjusted)
    by_raw = [new for _, new in sorted(zip(raw, adjusted, strict=True))]
    assert by_raw == sorted(by_raw)


@given(st.floats(0, 1))
def test_holm_leaves_a_single_p_value_alone(value):
    assert holm([value]) == [value]


@given(P_VALUES.filter(bool))
def test_holm_multiplies_the_smallest_by_their_number(raw):
    assert min(holm(raw)) == pytest.approx(min(1.0, len(raw) * min(raw)))


def test_identical_predictions_have_a_p_value_of_1_in_the_bootstrap():
    targets, answers = list("abc" * 20), list("abb" * 20)
    assert paired_bootstrap(targets, answers, answers) == 1


def test_a_clear_difference_has_a_small_p_value_and_never_zero():
    targets = list("abc" * 40)
    p = paired_bootstrap(targets, targets, list("abb" * 40))
    assert 0 < p <= 0.001
    assert paired_bootstrap(targets, list("abb" * 40), targets) == p


def test_without_a_difference_the_bootstrap_rarely_finds_one():
    random = np.random.default_rng(0)
    targets = list("ab" * 60)
    found = 0
    for _ in range(60):
        first, second = (
            [
                t if right else "ab"["ab".index(t) - 1]
                for t, right in zip(targets, hits, strict=True)
            ]
            for hits in random.random((2, 120)) < 0.8
        )
        found += paired_bootstrap(targets, first, second) < 0.05
    assert found <= 9  # 3 expected; more than 9 has a chance of one in a thousand


def test_equally_good_approaches_need_no_number_of_rows():
    assert rows_to_decide(*marks(50, 5, 5, 40)) is None


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_the_rows_to_decide_are_at_least_those_there_are_and_the_same_both_ways(a, b, c, d):
    first, second = marks(a, b, c, d)
    if b == c:
        return
    needed = rows_to_decide(first, second)
    assert needed == rows_to_decide(second, first)
    assert needed is not None
    assert needed >= len(first)


@pytest.mark.parametrize(("only_first", "only_second"), [(12, 5), (9, 6)])
def test_with_the_rows_to_decide_about_80_of_100_experiments_find_the_difference(
    only_first, only_second
):
    needed = rows_to_decide(*marks(80, only_first, only_second, 20 - only_second))
    assert needed is not None
    total = 100 + only_first
    random = np.random.default_rng(0)
    shares = (only_first / total, only_second / total, 1 - (only_first + only_second) / total)
    found = [
        mcnemar(*marks(0, int(b), int(c), 0)) < 0.05
        for b, c, _ in random.multinomial(needed, shares, size=600)
    ]
    # The exact test is a little more careful than the normal approximation behind the formula.
    assert 0.74 <= np.mean(found) <= 0.86
