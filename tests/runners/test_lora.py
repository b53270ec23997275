"""lora: small matrices beside frozen ones, the only thing that is saved."""

import json

import pytest
from safetensors.numpy import load_file

from rules.errors import SettingError
from runners import _models, lora
from runners.base import silent


def test_the_artifact_holds_the_added_matrices_only(fitted, encoder):
    plan, _, _ = fitted("lora")
    weights = load_file(plan.artifact / "adapter" / "adapter_model.safetensors")
    assert weights
    assert all(".lora_A." in name or ".lora_B." in name for name in weights)
    size = sum(path.stat().st_size for path in plan.artifact.rglob("*") if path.is_file())
    assert size < (_models.locate(encoder) / "model.safetensors").stat().st_size / 20


def test_every_linear_layer_is_adapted(fitted):
    plan, _, _ = fitted("lora")
    weights = load_file(plan.artifact / "adapter" / "adapter_model.safetensors")
    layers = {name.partition(".lora_")[0] for name in weights if ".layer.0." in name}
    assert {name.rpartition(".layer.0.")[2] for name in layers} == {
        "attention.self.query",
        "attention.self.key",
        "attention.self.value",
        "attention.output.dense",
        "intermediate.dense",
        "output.dense",
    }


@pytest.mark.slow
def test_the_same_seed_gives_the_same_predictions_and_another_one_others(
    fitted, new_plan, refit, tmp_path
):
    assert refit(new_plan(tmp_path / "same", "lora")) == fitted("lora")[1]
    assert refit(new_plan(tmp_path / "other", "lora", seed=1)) != fitted("lora")[1]


def test_the_settings_reach_the_adapter(new_plan, refit, tmp_path):
    settings = {"rank": 4, "alpha": 3, "dropout": 0.2, "epochs": 0.5, "batch": 30}
    plan = new_plan(tmp_path / "run", "lora", settings=settings)
    refit(plan)
    about = json.loads((plan.artifact / "adapter" / "adapter_config.json").read_text())
    assert (about["r"], about["lora_alpha"], about["lora_dropout"]) == (4, 3, 0.2)


def test_alpha_is_twice_the_rank_unless_given(fitted):
    about = json.loads((fitted("lora")[0].artifact / "adapter" / "adapter_config.json").read_text())
    assert (about["r"], about["lora_alpha"]) == (16, 32)


def test_dropout_of_everything_is_refused(new_plan, train, tmp_path):
    plan = new_plan(tmp_path / "run", "lora", settings={"dropout": 1})
    with pytest.raises(SettingError, match=r"setting dropout=1: .*less than 1"):
        lora.fit(plan, train, silent)
