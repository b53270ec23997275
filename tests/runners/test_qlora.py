"""qlora: the base model is held in four bits, while it learns and when it is opened again."""

import json
from typing import Any

import pytest
import torch

from rules.errors import SettingError
from runners import _causal_lm, _generation, qlora
from runners.base import silent


@pytest.fixture(scope="module")
def fitted(text_plan, text_train, tmp_path_factory):
    """Two passes: enough to see what is trained and what is saved."""
    folder = tmp_path_factory.mktemp("qlora") / "run"
    plan = text_plan(folder, "qlora", settings={"epochs": 2, "learning_rate": 1e-2})
    news = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runners._guards.ends", lambda cut: None)
        qlora.fit(plan, text_train, news.append)
    return plan, news


def test_every_layer_of_the_base_is_rounded_to_four_bits_and_the_rest_is_not(writer_model):
    from bitsandbytes.nn import Linear4bit

    model, _ = _causal_lm.open_model(writer_model, four_bits=True)
    layers = [part for name, part in model.named_modules() if ".layers." in name]
    linear: list[Any] = [part for part in layers if isinstance(part, torch.nn.Linear)]
    assert len(linear) == 14
    assert all(isinstance(part, Linear4bit) for part in linear)
    assert all(part.weight.quant_type == "nf4" for part in linear)
    assert all(part.weight.quant_state.nested for part in linear)  # double quantisation
    assert model.get_input_embeddings().weight.dtype.is_floating_point


def test_rounding_changes_what_the_model_finds_likely_a_little(writer_model, text_evaluation):
    whole, rounded = (
        _generation.Writer(*_causal_lm.open_model(writer_model, four_bits=four), 8)
        for four in (False, True)
    )
    before = sum(said.bits for said in whole.bits(text_evaluation))
    after = sum(said.bits for said in rounded.bits(text_evaluation))
    assert before != after
    assert after == pytest.approx(before, rel=0.2)


def test_the_artifact_is_the_adapter_alone_and_is_put_on_a_rounded_base(fitted):
    from bitsandbytes.nn import Linear4bit

    plan, _ = fitted
    assert {path.name for path in plan.artifact.iterdir()} == {"adapter", "generation.json"}
    about = json.loads((plan.artifact / "adapter" / "adapter_config.json").read_text())
    assert (about["r"], about["lora_alpha"]) == (16, 32)
    writer = qlora.load(plan.artifact)
    assert isinstance(writer, _generation.Writer)
    assert any(isinstance(part, Linear4bit) for part in writer.model.modules())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there the four bits are worth it")
def test_without_a_gpu_it_says_what_that_costs(fitted):
    _, news = fitted
    assert any("slower than lora here" in item.message for item in news if item.warning)


def test_a_rank_of_nothing_is_refused(text_plan, text_train, tmp_path):
    plan = text_plan(tmp_path / "run", "qlora", settings={"rank": 0})
    with pytest.raises(SettingError, match="setting rank=0: "):
        qlora.fit(plan, text_train, silent)
