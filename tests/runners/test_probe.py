"""The forecast: it changes nothing, is corrected by what came, and stops what would not end."""

import json
import subprocess
import sys

import pytest
import torch

from rules.errors import UserError
from runners import _machine, _probe, _run_folder
from runners.base import find

QUICK = {"lora": {"epochs": 0.5}, "setfit": {"iterations": 1}}


@pytest.mark.parametrize("approach", ["lora", pytest.param("setfit", marks=pytest.mark.slow)])
def test_probing_changes_no_prediction(
    approach, new_plan, train, evaluation, tmp_path, monkeypatch
):
    found = []
    for state in ("on", "off"):
        monkeypatch.setenv("WHICHTUNE_PROBE", state)
        plan = new_plan(tmp_path / state, approach, settings=QUICK[approach])
        news = []
        find(approach).fit(plan, train, news.append)
        told = [progress.forecast for progress in news if progress.forecast]
        assert len(told) == (state == "on")
        answers = find(approach).load(plan.artifact).predict(evaluation)
        found.append([(answer.prediction, answer.score) for answer in answers])
    assert found[0] == found[1]


def test_a_run_is_held_against_its_forecast_and_corrects_the_next(new_plan, tmp_path, monkeypatch):
    monkeypatch.setenv("WHICHTUNE_CACHE", str(tmp_path / "cache"))
    plan = new_plan(tmp_path / "run", "lora", settings=QUICK["lora"])
    _run_folder.write_plan(plan)
    subprocess.run([sys.executable, "-m", "runners._worker", str(plan.folder)], check=True)
    result = json.loads((plan.folder / _run_folder.RESULT).read_text("utf-8"))
    said = result["forecast"]
    assert said["corrected_by"] == 0
    assert said["seconds"] == said["measured_seconds"] > 0
    assert said["memory_bytes"] == said["measured_bytes"] > said["estimated_bytes"] / 2
    learnt = _machine.ratios(plan)
    assert learnt.runs == 1
    assert learnt.seconds == pytest.approx(result["train_seconds"] / said["measured_seconds"])
    assert learnt.memory == pytest.approx(result["fit_memory_bytes"] / said["measured_bytes"])


def test_the_median_of_the_last_five_corrects(new_plan, tmp_path, monkeypatch):
    monkeypatch.setenv("WHICHTUNE_CACHE", str(tmp_path / "cache"))
    plan = new_plan(tmp_path / "run", "lora")
    assert _machine.ratios(plan) == (1.0, 1.0, 0)
    for seconds in (9.0, 1.1, 1.2, 1.3, 1.4, 7.0):
        _machine.remember(plan, seconds, 1.0)
    assert _machine.ratios(plan) == (1.3, 1.0, 5)
    other = new_plan(tmp_path / "other", "full_sft")
    assert _machine.ratios(other).runs == 0
    (tmp_path / "cache" / "forecasts.json").write_text("not json")
    assert _machine.ratios(plan).runs == 0


def test_what_needs_more_than_there_is_stops_before_it_begins(new_plan, tmp_path):
    plan = new_plan(tmp_path / "run", "lora")
    _probe.refuse_too_large(2**30, 2**30, plan)
    with pytest.raises(UserError, match=r"lora will take 2.0 GiB; 1.0 are free"):
        _probe.refuse_too_large(2**31, 2**30, plan)


@pytest.mark.parametrize(
    ("order", "seconds"), [((0, 2, 1, 3), (2 + 18) / 4), ((0, 1, 2, 3), (18 + 18) / 4), ((), 5)]
)
def test_steps_cost_what_their_longest_text_does_in_the_order_they_are_taken(order, seconds):
    weight = torch.nn.Linear(1, 1)
    lengths = (1, 9, 1, 9) if order else (5, 5, 5, 5)
    work = _probe.Work(0.0, lengths, 2, 2, weight, lambda places: weight.weight.sum(), order=order)
    assert _probe._all_steps(work, [(0, 0.0), (100, 25.0)], seed=0) == pytest.approx(seconds)
