"""Exact mode: any architecture, no weights, nothing left behind, and bad input by name."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from rules.errors import UserError
from rules.model_shape import ModelShape
from rules.setup import Setup
from runners import _trace

SMALL = {
    "hidden_size": 512, "num_hidden_layers": 6, "num_attention_heads": 8,
    "num_key_value_heads": 4, "intermediate_size": 1408, "vocab_size": 32000,
    "max_position_embeddings": 1024, "pad_token_id": None, "eos_token_id": 2, "bos_token_id": 1,
}  # fmt: skip
SHAPE = ModelShape(
    name="small", architecture="unseen", layers=6, hidden=512, heads=8, kv_heads=4, head_dim=64,
    intermediate=1408, vocabulary=32000, tied=False,
)  # fmt: skip
LORA = Setup(SHAPE, "lora", tokens=256, batch=2)


@pytest.mark.parametrize(
    "kind",
    ["qwen2_moe", *(pytest.param(n, marks=pytest.mark.slow) for n in ("gpt_neox", "gemma3_text"))],
)
def test_two_depths_tell_the_whole_of_an_unseen_architecture(kind):
    config = {"model_type": kind, **SMALL}
    quick, whole = _trace.trace(LORA, config), _trace.full_depth(LORA, config)
    assert quick.allocated == pytest.approx(whole.allocated, rel=0.05)
    assert quick.trainable == whole.trainable
    assert quick.confidence == "traced"
    assert sum(quick.parts.values()) == pytest.approx(quick.allocated)


@pytest.mark.slow
def test_of_the_top_layers_those_that_learn_are_counted_once():
    setup = replace(LORA, way="top_layers", trained_layers=2)
    config = {"model_type": "llama", **SMALL, "num_hidden_layers": 8}
    quick, whole = _trace.trace(setup, config), _trace.full_depth(setup, config)
    assert quick.allocated == pytest.approx(whole.allocated, rel=0.005)


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("inference", "llama"),
        ("dpo", "llama"),
        ("frozen_encoder", "bert"),
        *(
            pytest.param(*pair, marks=pytest.mark.slow)
            for pair in [
                ("reward_model", "llama"),
                ("top_layers", "llama"),
                ("encoder_tuning", "bert"),
            ]
        ),
    ],
)
def test_other_ways_are_traced_too(way, kind):
    setup = replace(
        LORA, way=way, trained_layers=2, checkpointing=False, stack="transformers",
        reference="copy" if way == "dpo" else "none",
    )  # fmt: skip
    found = _trace.trace(setup, {"model_type": kind, **SMALL})
    assert found.allocated > found.parts["weights"]
    assert (found.trainable > 0) == (way not in ("inference", "frozen_encoder"))
    assert ("frozen companions" in found.parts) == (way == "dpo")


@pytest.mark.slow
def test_packed_weights_count_as_those_they_stand_for_and_adapters_do_not():
    config = {"model_type": "llama", **SMALL}
    four = replace(LORA, way="qlora", quantisation="nf4-double")
    whole = _trace.trace(replace(LORA, way="inference"), config).parameters
    assert _trace.trace(four, config).parameters == whole
    assert _trace.trace(LORA, config).parameters == whole


def test_nothing_is_left_behind():
    before = nn.functional.softmax, nn.Module.to, torch.get_num_threads(), torch.get_default_dtype()
    _trace.trace(LORA, {"model_type": "llama", **SMALL})
    with pytest.raises(UserError):
        _trace.trace(LORA, {"model_type": "llama", **SMALL, "hidden_size": 511})
    after = nn.functional.softmax, nn.Module.to, torch.get_num_threads(), torch.get_default_dtype()
    assert before == after


@pytest.mark.parametrize(
    ("config", "change", "said"),
    [
        ({}, {}, "no model_type"),
        ({"model_type": "lama"}, {}, "does not build 'lama'"),
        ({"model_type": "llama", **SMALL}, {"tokens": 4096}, "4,096 tokens are more than"),
        ({"model_type": "llama", **SMALL}, {"batch": 0}, "--batch"),
        ({"model_type": "llama", **SMALL}, {"way": "online_rl"}, "cannot be traced yet"),
        ({"model_type": "llama", **SMALL}, {"stack": "litgpt"}, "not the one installed"),
        ({"model_type": "llama", **SMALL}, {"optimizer": "paged_8bit"}, "paged_8bit"),
        ({"model_type": "llama", **SMALL}, {"devices": 4}, "of one card, not of 4"),
    ],
)
def test_what_cannot_be_traced_is_refused_by_name(config, change, said):
    with pytest.raises(UserError, match=r".") as caught:
        _trace.trace(replace(LORA, **change), config)
    assert said in str(caught.value)
