"""A model's shape from its ``config.json`` or a row of the table, against transformers itself."""

import importlib.util
from contextlib import suppress
from dataclasses import replace

import pytest

from rules import tables
from rules.errors import UserError
from rules.model_config import from_config, from_table, read, read_row, row_config
from rules.model_types import REFUSED, TYPES

LLAMA = {
    "model_type": "llama",
    "vocab_size": 128256,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": False,
}
QWEN_MOE = {
    "model_type": "qwen3_moe",
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "moe_intermediate_size": 768,
    "num_hidden_layers": 48,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "tie_word_embeddings": False,
}
ROUNDED_BY_THEIR_MAKERS = {
    "google/embeddinggemma-300m",  # two projections above the transformer are counted too
    "Qwen/Qwen3-1.7B",  # 1.72
    "mistralai/Ministral-3-8B-Base-2512",  # 8.49
}
ROWS = {row.id: row for row in tables.models() if "Qwen3.5" not in row.id}
needs_transformers = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_counts_as_many_weights_as_its_makers_state(name):
    shape = replace(from_table(name), stated_parameters=None)
    slack = 0.017 if name in ROUNDED_BY_THEIR_MAKERS else 0.01
    assert shape.parameters == pytest.approx(ROWS[name].parameters_b * 1e9, rel=slack)


def test_what_no_closed_form_covers_is_named_with_the_way_out():
    with pytest.raises(UserError, match="linear attention") as refused:
        from_table("Qwen/Qwen3.5-9B")
    assert "--exact" in refused.value.fix


@pytest.mark.parametrize("name", ROWS)
def test_a_row_and_the_config_made_from_it_say_the_same(name):
    row = ROWS[name]
    shape, again = read_row(row).shape, from_config(row_config(row), name)
    assert (again.layers, again.hidden, again.vocabulary) == (
        row.shape.layers,
        row.shape.hidden,
        row.shape.vocabulary,
    )
    assert replace(again, kind=shape.kind, stated_parameters=shape.stated_parameters) == shape


@needs_transformers
@pytest.mark.parametrize("model_type", [name for name in TYPES if name != "deepseek"])
def test_every_architecture_counts_as_many_weights_as_transformers_builds(model_type):
    import torch
    from transformers import (
        CONFIG_MAPPING,
        AutoModel,
        AutoModelForCausalLM,
        AutoModelForSeq2SeqLM,
    )

    config = CONFIG_MAPPING[model_type]()
    shape = from_config(config.to_dict(), model_type)
    head = {
        "causal": AutoModelForCausalLM,
        "encoder": AutoModel,
        "encoder_decoder": AutoModelForSeq2SeqLM,
    }[shape.kind]
    with torch.device("meta"):
        built = head.from_config(config)
    weights = sum(weight.numel() for weight in built.parameters())
    assert shape.parameters == pytest.approx(weights, rel=0.0005)


@needs_transformers
@pytest.mark.parametrize("model_type", [name for name in TYPES if name != "deepseek"])
def test_every_default_is_the_one_of_transformers(model_type):
    from transformers import CONFIG_MAPPING

    theirs = CONFIG_MAPPING[model_type]()
    for name, value in TYPES[model_type].defaults.items():
        assert getattr(theirs, name) == value, name
    assert getattr(theirs, "tie_word_embeddings", None) is TYPES[model_type].tied


def test_llama_is_read_field_by_field():
    shape = from_config(LLAMA, "here")
    assert (shape.kv_heads, shape.head_dim, shape.context) == (8, 128, 131072)
    assert not shape.tied
    assert shape.parameters == 8_030_261_248  # what the makers' safetensors index adds up to


def test_a_mixture_has_the_width_of_one_expert_and_how_many_a_token_passes():
    shape = from_config(QWEN_MOE)
    assert (shape.intermediate, shape.experts, shape.experts_per_token) == (768, 128, 8)
    assert shape.parameters == pytest.approx(30.5e9, rel=0.01)


def test_layers_without_experts_are_counted_alike_and_noted():
    config = QWEN_MOE | {"mlp_only_layers": [0, 1]}
    assert any("2 layers have no experts" in note for note in read(config).notes)
    with pytest.raises(UserError, match=r"every 2\. layer has experts"):
        from_config(QWEN_MOE | {"decoder_sparse_step": 2})


def test_shared_experts_are_those_every_token_passes():
    config = QWEN_MOE | {
        "model_type": "deepseek",
        "n_routed_experts": 64,
        "n_shared_experts": 2,
        "moe_intermediate_size": 1408,
    }
    assert from_config(config).shared_intermediate == 2816


def test_a_window_counts_only_where_every_layer_has_it():
    mistral = LLAMA | {"model_type": "mistral"}
    assert from_config(mistral | {"sliding_window": 4096}).window == 4096
    assert from_config(mistral | {"sliding_window": None}).window is None
    found = read(mistral)
    assert found.shape.window == 4096
    assert "sliding_window is not in the file: transformers takes 4096" in found.notes
    assert from_config(LLAMA | {"model_type": "gemma2", "sliding_window": 4096}).window is None


def test_the_text_part_of_a_model_that_also_sees_is_read_with_the_defaults_of_its_class():
    inner = {
        "model_type": "gemma3_text",
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
    }
    found = read({"model_type": "gemma3", "text_config": inner, "vision_config": {}})
    assert found.shape.parameters == pytest.approx(3.88e9, rel=0.01)
    said = " ".join(found.notes)
    for part in (
        "language part",
        "num_attention_heads",
        "num_key_value_heads",
        "vocab_size",
        "head_dim",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("decoder", "multi_query", "expected"), [(False, True, 1), (False, False, 64), (True, True, 8)]
)
def test_falcons_three_fields_decide_its_keys_together(decoder, multi_query, expected):
    config = LLAMA | {
        "model_type": "falcon",
        "hidden_size": 8192,
        "num_attention_heads": 64,
        "num_kv_heads": 8,
        "new_decoder_architecture": decoder,
        "multi_query": multi_query,
    }
    assert from_config(config).kv_heads == expected


@pytest.mark.parametrize(
    ("stored", "method"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq"),
        ({"quant_method": "awq"}, "awq"),
        ({"load_in_4bit": True}, "bitsandbytes"),
        (None, None),
    ],
)
def test_a_checkpoint_that_is_stored_quantised_says_how(stored, method):
    assert from_config(LLAMA | {"quantization_config": stored}).quantised == method


@pytest.mark.parametrize(
    "field",
    ["num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size", "intermediate_size"],
)
def test_a_missing_size_is_refused_by_its_name(field):
    config = {name: value for name, value in LLAMA.items() if name != field}
    with pytest.raises(UserError, match=f"'{field}' is missing") as refused:
        from_config(config, "org/name config.json")
    assert refused.value.where == "org/name config.json"
    assert field in refused.value.fix


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "lama"}, "nearest known is 'llama'"),
        ({"model_type": "rwkv7"}, "does not know the architecture 'rwkv7'"),
        ({"model_type": None}, "'model_type' is missing"),
        ({"hidden_size": "4096"}, "hidden_size cannot be '4096'"),
        ({"num_hidden_layers": 0}, "num_hidden_layers cannot be 0"),
        ({"num_hidden_layers": True}, "num_hidden_layers cannot be True"),
        ({"tie_word_embeddings": "no"}, "tie_word_embeddings cannot be 'no'"),
        ({"num_key_value_heads": 5}, "32 heads cannot share 5"),
        ({"num_attention_heads": 33, "num_key_value_heads": 33}, "33 heads do not divide"),
        *(({"model_type": name}, "no closed form") for name in REFUSED),
    ],
)
def test_a_value_that_cannot_be_is_quoted(change, said):
    with pytest.raises(UserError, match=said) as refused:
        from_config(LLAMA | change, "config.json")
    assert refused.value.fix


WRONG = (None, "x", -1, 0, 1.5, True, [], {}, [1], float("nan"))


@pytest.mark.parametrize("model_type", TYPES)
def test_no_value_of_any_field_ends_in_anything_but_a_message(model_type):
    names = (
        *LLAMA,
        *QWEN_MOE,
        *("d_model", "d_kv", "d_ff", "num_heads", "num_layers", "num_decoder_layers"),
        *("encoder_layers", "decoder_layers", "encoder_ffn_dim", "encoder_attention_heads"),
        *("n_embd", "n_layer", "n_head", "n_inner", "n_positions", "dim", "hidden_dim"),
        *("n_layers", "n_heads", "type_vocab_size", "feed_forward_proj", "multi_query"),
        *("mlp_only_layers", "decoder_sparse_step", "moe_layer_freq", "first_k_dense_replace"),
        *("n_routed_experts", "n_shared_experts", "shared_expert_intermediate_size"),
        *("num_local_experts", "position_buckets", "max_relative_positions"),
        *("relative_attention", "relative_attention_num_buckets", "quantization_config"),
        *("text_config", "sliding_window", "new_decoder_architecture", "ffn_hidden_size"),
    )
    whole = dict.fromkeys(names) | QWEN_MOE | {"model_type": model_type}
    sizes = ("d_model", "d_kv", "d_ff", "num_heads", "num_layers", "encoder_layers", "n_layer")
    sizes += ("encoder_ffn_dim", "encoder_attention_heads", "n_embd", "n_head", "dim", "n_layers")
    sizes += ("n_positions", "n_heads", "hidden_dim", "n_routed_experts", "num_local_experts")
    whole |= dict.fromkeys(sizes, 64)
    whole |= {"max_position_embeddings": 512, "relative_attention": True}
    assert from_config(whole).parameters > 0
    for name in names:
        for value in WRONG:
            with suppress(UserError):
                assert from_config(whole | {name: value}).parameters > 0
