"""rlhf: three stages on a tiny model, rewards that a program checks, and what goes wrong."""

import json
from typing import Any

import pytest

from rules.errors import SettingError
from runners import _own_metric, _reinforced, rlhf
from runners.base import find, silent

QUICK = {"sft_first": False, "steps": 12, "answer_tokens": 16, "learning_rate": 5e-3}


@pytest.fixture(scope="session")
def rl_plan(text_plan):
    """A plan to reinforce, in a folder of its own."""

    def make(folder, settings, **fields):
        return text_plan(folder, "rlhf", settings={**QUICK, **settings}, **fields)

    return make


def test_a_form_that_is_seldom_said_is_said_more_often(rl_plan, text_train, tmp_path):
    plan = rl_plan(
        tmp_path / "run", {"reward": "format", "beta": 0.0, "steps": 20}, answer_format=".*flower.*"
    )
    news = []
    rlhf.fit(plan, text_train, news.append)
    found = json.loads((plan.artifact / _reinforced.FILE).read_text())
    assert found["after"]["reward"] > found["before"]["reward"]
    curve = [item.values["rl reward"] for item in news if "rl reward" in item.values]
    assert len(curve) == 20
    assert any(item.message.startswith("rl: on 9 questions held back") for item in news)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["rloo", "grpo"])
def test_the_three_stages_are_done_in_their_order_and_once(
    algorithm, rl_plan, text_train, tmp_path
):
    rows = [
        row.model_copy(update={"rejected": f"It is an old {row.input.split()[0]}."})
        for row in text_train
    ]
    plan = rl_plan(
        tmp_path / "run",
        {"sft_first": True, "steps": 4, "algorithm": algorithm},
        train=rows,
        evaluation=rows[:8],
        task="preference_alignment",
    )
    news = []
    rlhf.fit(plan, rows, news.append)
    stages = [item.message.partition(":")[0] for item in news]
    assert list(dict.fromkeys(stages)) == ["sft", "reward", "rl"]
    predictor: Any = find("rlhf").load(plan.artifact)
    assert predictor.predict(rows[:2])
    again = []
    rlhf.fit(plan, rows, again.append)
    assert [item.message for item in again] == [
        *("sft: done before", "reward: done before", "rl: done before")
    ]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"reward": "metric"}, "there is no function to reward by"),
        ({"reward": "format"}, "there is no form to reward"),
        ({"reward": "number"}, "no row has a number as its answer"),
        ({"reward": "model"}, "a reward model learns from pairs"),
        ({"reward": "format", "batch": 6}, "6 answers of a step are no multiple of 4"),
    ],
    ids=lambda value: value["reward"] if isinstance(value, dict) else "",
)
def test_a_reward_that_lacks_something_is_refused(settings, what, rl_plan, text_train, tmp_path):
    with pytest.raises(SettingError, match=what):
        rlhf.fit(rl_plan(tmp_path / "run", settings), text_train, silent)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return float('nan')", "score returned nan, on row"),
        ("raise ValueError('no')", "score raised ValueError: no, on row"),
        ("import time; time.sleep(60)", "took longer than 1 s, on row"),
    ],
)
def test_a_function_that_gives_no_reward_stops_the_run(
    body, what, rl_plan, text_train, tmp_path, monkeypatch
):
    monkeypatch.setattr("runners._rewards.SECONDS", 1)
    (tmp_path / "rewards.py").write_text(f"def score(prediction, references):\n    {body}\n")
    own = _own_metric.find("rewards:score", tmp_path, ())
    plan = rl_plan(tmp_path / "run", {"reward": "metric"}, metric_function=own)
    with pytest.raises(SettingError, match=what):
        rlhf.fit(plan, text_train, silent)


def test_what_a_higher_reward_may_hide_has_codes():
    before = _reinforced.Side(0.1, 0.0, 0.2, 10.0, 0.8, 0.7)
    after = _reinforced.Side(0.9, 0.8, 1.0, 20.0, 0.1, 0.5)
    codes = [
        text.partition(":")[0] for text in _reinforced.Compared(9, before, after, 30).warnings()
    ]
    assert codes == ["reward_hacked", "kl_explosion", "diversity_collapse", "length_hacking"]
    assert _reinforced.Compared(9, before, before, 1.0).warnings() == []
