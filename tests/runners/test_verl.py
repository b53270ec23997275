"""A reinforcement run is taken to verl: its start, its rewards, its questions and its settings."""

import importlib.util
import json
from pathlib import Path

import pytest
import yaml

pytest.importorskip("trl")

from rules.errors import UserError
from runners import _reward_model, _rewards, _verl, rlhf
from runners.base import Row, silent

QUICK = {"steps": 1, "answer_tokens": 8, "learning_rate": 5e-3}


@pytest.fixture
def taken(text_plan, text_train, tmp_path):
    """Runs and exports; the folder and the plan."""

    def take(settings, rows=text_train, **fields):
        plan = text_plan(
            tmp_path / "run", "rlhf", settings={**QUICK, **settings}, train=rows, **fields
        )
        rlhf.fit(plan, rows, silent)
        _verl.require(plan)
        folder = tmp_path / "verl"
        _verl.write(plan, folder)
        return folder, plan

    return take


def program(folder):
    """The reward as verl loads it: from a file, by its name."""
    spec = importlib.util.spec_from_file_location("reward", folder / "reward.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.compute_score


def configured(folder):
    return yaml.safe_load((folder / _verl.CONFIG).read_text("utf-8"))


def test_the_settings_and_the_questions_go_along(taken, text_train):
    import pyarrow.parquet as pq

    folder, _ = taken(
        {"reward": "format", "sft_first": False, "algorithm": "grpo", "beta": 0.2, "batch": 8},
        answer_format=".*flower.*",
    )
    found = configured(folder)
    assert found["data"]["train_batch_size"] == 2
    assert found["actor_rollout_ref"]["rollout"]["n"] == 4
    assert found["actor_rollout_ref"]["actor"]["use_kl_loss"] is True
    assert found["actor_rollout_ref"]["actor"]["kl_loss_coef"] == 0.2
    assert found["actor_rollout_ref"]["actor"]["optim"]["lr"] == 5e-3
    assert found["algorithm"]["use_kl_in_reward"] is False
    assert found["trainer"]["total_training_steps"] == 1
    lines = pq.read_table(folder / "train.parquet").to_pylist()
    assert len(lines) == len({row.input for row in text_train})
    assert lines[0]["prompt"] == [{"role": "user", "content": text_train[0].input}]
    assert lines[0]["reward_model"]["ground_truth"] == text_train[0].target
    assert _verl.COMMAND in (folder / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"reward": "format"}, {"answer_format": "It is .*"}),
        ({"reward": "format"}, {"answer_format": '{"type": "object", "required": ["a"]}'}),
        ({"reward": "number"}, {}),
    ],
    ids=["pattern", "schema", "number"],
)
def test_the_program_rewards_as_ours_does(settings, fields, taken, text_train):
    rows = [row.model_copy(update={"target": f"{row.target} 3"}) for row in text_train]
    folder, plan = taken({**settings, "sft_first": False}, rows=rows, **fields)
    score = program(folder)
    ours = _rewards.reward_of(plan, settings["reward"], plan)
    for answer in ("It is 3", '{"a": 3}', "", "{", "no 4", "1,003 and 3.0"):
        (expected,) = ours([rows[0]], [answer])
        assert score("whichtune", answer, rows[0].target, {"id": "1"}, more=1) == expected


def test_a_function_of_the_users_goes_along(taken, tmp_path):
    from runners import _own_metric

    (tmp_path / "rewards.py").write_text(
        "def shortness(answer, references):\n    return -len(answer) / len(references[0])\n"
    )
    own = _own_metric.find("rewards:shortness", tmp_path, ())
    folder, _ = taken({"reward": "metric", "sft_first": False}, metric_function=own)
    (tmp_path / "rewards.py").unlink()
    assert program(folder)("whichtune", "ab", "abcd") == -0.5


@pytest.mark.slow
def test_start_and_reward_model_are_whole_and_say_the_same(taken, text_train):
    import torch
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForSequenceClassification,
        AutoTokenizer,
    )

    rows = [
        row.model_copy(update={"rejected": f"It is an old {row.input.split()[0]}."})
        for row in text_train
    ]
    folder, plan = taken({"sft_first": True}, rows=rows, task="preference_alignment")
    assert configured(folder)["reward"]["reward_model"]["model_path"] == "${here}/reward_model"
    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    assert not [name for name, _ in model.named_parameters() if "lora" in name]
    judge = _reward_model.RewardModel(plan.artifact / "reward" / "artifact")
    whole = AutoModelForSequenceClassification.from_pretrained(folder / "reward_model").eval()
    tokenizer = AutoTokenizer.from_pretrained(folder / "reward_model")
    row = rows[0]
    chat = [
        {"role": "user", "content": row.input},
        {"role": "assistant", "content": row.target},
    ]
    ids = tokenizer.apply_chat_template(chat, return_tensors="pt", return_dict=True)["input_ids"]
    with torch.inference_mode():
        said = whole(input_ids=ids).logits[0, 0].item()
    assert said == pytest.approx(judge.score([row])[0], abs=1e-4)


def test_another_approach_is_refused(text_plan, tmp_path):
    with pytest.raises(UserError, match="is lora, and verl goes on with reinforcement"):
        _verl.require(text_plan(tmp_path / "run", "lora"))


def keys(known, under=""):
    for name, value in known.items():
        yield f"{under}{name}"
        if isinstance(value, dict):
            yield from keys(value, f"{under}{name}.")


def test_every_key_is_one_of_verls(taken):
    """Where verl's wheel is here: ``pip install --no-deps verl==0.9.1``."""
    found = importlib.util.find_spec("verl")
    if found is None or found.origin is None:
        pytest.skip("verl is not installed")
    theirs = Path(found.origin).parent / "trainer" / "config" / "_generated_ppo_trainer.yaml"
    folder, _ = taken(
        {"reward": "number", "sft_first": False},
        rows=[
            Row(id=str(n), input=f"How much is {n} and 1?", target=f"{n + 1}") for n in range(40)
        ],
    )
    ours = configured(folder)
    for ours_alone in ("hydra", "defaults", "here"):
        del ours[ours_alone]
    assert set(keys(ours)) <= set(keys(yaml.safe_load(theirs.read_text("utf-8"))))
    assert json.loads((folder / "reward.json").read_text()) == {"reward": "number"}
