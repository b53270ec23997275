"""The examples in the docstrings of the pure parts hold, and the chart draws what it is given."""

import doctest

import pytest

from rules.engine import Reason, Verdict
from tui import chart, words
from tui.chart import braille


@pytest.mark.parametrize("module", [words, chart])
def test_the_examples_hold(module):
    assert doctest.testmod(module).failed == 0


def test_a_chart_has_the_size_it_was_asked_for():
    lines = braille([(0, 3.0), (5, 1.0), (9, 2.0)], 20, 4)
    assert [len(line) for line in lines] == [20] * 4


def test_a_falling_curve_starts_on_top_and_ends_at_the_bottom():
    lines = braille([(n, 1 / (n + 1)) for n in range(30)], 20, 4)
    assert lines[0][0] != "⠀"
    assert lines[-1][-1] != "⠀"
    assert lines[0][-1] == "⠀"


def test_a_flat_curve_and_a_repeated_step_are_drawn():
    assert len(braille([(0, 1.0), (1, 1.0)], 5, 2)) == 2
    assert len(braille([(3, 1.0), (3, 2.0), (3, 0.5)], 5, 2)) == 2


def _verdict(*reasons, ruled_out=False):
    return Verdict(
        approach="rag",
        title="RAG",
        rung=1,
        ruled_out=ruled_out,
        score=0,
        reasons=reasons,
        undecided=(),
    )


def _reason(rule, effect, points):
    return Reason(rule=rule, effect=effect, points=points, text=rule, source="https://x.org/y")


def test_what_rules_out_comes_before_any_points():
    verdict = _verdict(
        _reason("good", "speaks_for", 5), _reason("never", "rules_out", 0), ruled_out=True
    )
    found = words.top_reason(verdict)
    assert found is not None
    assert found.rule == "never"


def test_what_speaks_for_an_approach_comes_before_what_speaks_against_it():
    verdict = _verdict(_reason("bad", "speaks_against", -5), _reason("good", "speaks_for", 1))
    found = words.top_reason(verdict)
    assert found is not None
    assert found.rule == "good"
    assert words.top_reason(_verdict()) is None
