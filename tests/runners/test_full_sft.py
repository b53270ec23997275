"""full_sft: every weight learns, or the top layers alone while the rest stays bit by bit."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from rules.errors import SettingError
from runners import _models, full_sft
from runners.base import silent


def changed(plan, encoder):
    """Names of the weights that differ from those of the base model."""
    before = load_file(_models.locate(encoder) / "model.safetensors")
    after = load_file(plan.artifact / "encoder" / "model.safetensors")
    assert after
    return {name for name, value in after.items() if not np.array_equal(value, before[name])}, after


def test_every_layer_learns_unless_told_otherwise(fitted, encoder):
    names, _ = changed(fitted("full_sft")[0], encoder)
    assert all(any(f"layer.{n}." in name for name in names) for n in range(6))
    assert any("word_embeddings" in name for name in names)


@pytest.mark.parametrize("count", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_with_top_layers_the_rest_stays_bit_by_bit(count, new_plan, refit, encoder, tmp_path):
    settings = {"top_layers": count, "epochs": 1, "learning_rate": 1e-3}
    plan = new_plan(tmp_path / "run", "full_sft", settings=settings)
    refit(plan)
    names, every = changed(plan, encoder)
    top = {name for name in every if any(f"layer.{6 - n}." in name for n in range(1, count + 1))}
    assert names <= top
    assert {name for name in top if name.endswith(".weight")} <= names


def test_more_layers_than_the_model_has_are_refused(new_plan, train, tmp_path):
    plan = new_plan(tmp_path / "run", "full_sft", settings={"top_layers": 7})
    message = r"top_layers=7, but the model has 6 layers\n  fix: use --setting top_layers=6 or less"
    with pytest.raises(SettingError, match=message):
        full_sft.fit(plan, train, silent)


def test_the_artifact_is_complete_without_the_base_model(
    new_plan, train, evaluation, encoder_copy, tmp_path
):
    folder = encoder_copy()
    settings = {"top_layers": 1, "epochs": 0.2}
    plan = new_plan(tmp_path / "run", "full_sft", base_model=str(folder), settings=settings)
    full_sft.fit(plan, train, silent)
    folder.rename(folder.with_name("gone"))
    assert len(full_sft.load(plan.artifact).predict(evaluation[:3])) == 3
