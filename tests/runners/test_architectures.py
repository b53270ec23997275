"""Every approach that writes works on the causal architectures people use, with random weights."""

import pytest

from runners.base import find, silent

SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 128,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 1,
}
GROUPED = {"num_key_value_heads": 1, "head_dim": 32}
ARCHITECTURES = {
    "GPT2LMHeadModel": {"n_embd": 64, "n_layer": 2, "n_head": 2, "n_positions": 128},
    "LlamaForCausalLM": {},
    "MistralForCausalLM": {"num_key_value_heads": 1},
    "Qwen3ForCausalLM": GROUPED,
    "Gemma2ForCausalLM": GROUPED,
    "Gemma3ForCausalLM": GROUPED,
    "PhiForCausalLM": {},
    "MixtralForCausalLM": {**GROUPED, "num_local_experts": 2, "num_experts_per_tok": 1},
}
CONFIGS = {"Gemma3ForCausalLM": "Gemma3TextConfig", "GPT2LMHeadModel": "GPT2Config"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Makes a folder with such a model and the shipped tokenizer."""
    import torch
    import transformers

    from runners._render_tokenizer import open_tokenizer

    made = {}

    def make(name):
        if name not in made:
            place = tmp_path_factory.mktemp("model")
            tokenizer = open_tokenizer()
            tokenizer.save_pretrained(place)
            kind: str = CONFIGS.get(name) or name.replace("ForCausalLM", "Config")
            shape = {**SHAPE, "vocab_size": len(tokenizer), **ARCHITECTURES[name]}
            torch.manual_seed(0)
            model = getattr(transformers, name)(getattr(transformers, kind)(**shape))
            model.save_pretrained(place)
            made[name] = str(place)
        return made[name]

    return make


@pytest.mark.parametrize("approach", ["adapters", "full_sft", "lora", "qlora"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_is_tuned_saved_and_reopened(
    name, approach, folder, text_plan, text_train, text_evaluation, tmp_path, monkeypatch
):
    monkeypatch.setattr("runners._guards.ends", lambda cut: None)
    monkeypatch.setenv("WHICHTUNE_PROBE", "off")
    settings = {"epochs": 1, "learning_rate": 1e-3}
    plan = text_plan(tmp_path / "run", approach, base_model=folder(name), settings=settings)
    find(approach).fit(plan, text_train[:16], silent)
    predictor = find(approach).load(plan.artifact)
    assert len(predictor.predict(text_evaluation[:2])) == 2
