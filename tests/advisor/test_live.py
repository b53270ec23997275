"""The line that is shown while a model learns."""

from hypothesis import given
from hypothesis import strategies as st

from advisor import live
from advisor.live import Live
from runners.base import Progress


def told(*each):
    line = Live()
    return [line.told(Progress(message="training", values=values)) for values in each]


def test_reward_divergence_and_length_are_shown_as_they_go():
    first, second = told(
        {"rl reward": 0.25, "rl kl": 0.0, "rl answer_tokens": 24.0, "rl loss": 0.1},
        {"rl reward": 0.75, "rl kl": 0.5, "rl answer_tokens": 12.0, "rl loss": 0.0},
    )
    assert first == ", reward 0.250, KL 0.000, 24 tokens"
    assert second == ", reward 0.750 ▁█, KL 0.500 ▁█, 12 tokens █▁"


def test_a_new_stage_begins_anew_and_what_says_nothing_shows_nothing():
    lines = told({"sft loss": 2.0}, {"sft loss": 1.0}, {}, {"eval_loss": 1.0}, {"reward loss": 0.7})
    assert lines == [", loss 2.000", ", loss 1.000 █▁", "", "", ", loss 0.700"]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=40))
def test_a_curve_has_a_place_for_every_number_and_its_ends_where_they_are(values):
    found = live.curve(values)
    assert len(found) == len(values)
    known = [n for n, value in enumerate(values) if abs(value) < float("inf")]
    assert all((found[n] == " ") == (n not in known) for n in range(len(values)))
    if known and max(values[n] for n in known) > min(values[n] for n in known):
        assert found[max(known, key=lambda n: values[n])] == "█"
        assert found[min(known, key=lambda n: values[n])] == "▁"
