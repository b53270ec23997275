"""adapters: narrow layers that start as nothing, learn alone, and are all that is saved."""

import pytest
import torch
from safetensors.torch import load_file

from rules.errors import UserError
from runners import _bottleneck, _causal_lm, _generation, adapters


@pytest.fixture(scope="module")
def fitted(text_plan, text_train, tmp_path_factory):
    """Two passes: enough to see what is trained and what is saved."""
    folder = tmp_path_factory.mktemp("adapters") / "run"
    settings = {"epochs": 2, "learning_rate": 1e-2, "width": 8}
    plan = text_plan(folder, "adapters", settings=settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runners._guards.ends", lambda cut: None)
        adapters.fit(plan, text_train, lambda news: None)
    return plan


def scores(model):
    with torch.inference_mode():
        return model(torch.arange(5, 25)[None]).logits


def test_an_untrained_adapter_changes_nothing_and_the_base_is_frozen(writer_model):
    model, _ = _causal_lm.open_model(writer_model)
    before = scores(model)
    _bottleneck.add(model, 16)
    assert torch.equal(scores(model), before)
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning
    assert all(".mlp.bottleneck." in name for name in learning)
    for layer in ("layers.0", "layers.1"):
        assert any(layer in name for name in learning)


def test_an_adapter_adds_what_goes_down_and_up_again(writer_model):
    model, _ = _causal_lm.open_model(writer_model)
    _bottleneck.add(model, 16)
    adapter = model.model.layers[0].mlp.bottleneck
    torch.nn.init.normal_(adapter.up.weight)
    hidden = torch.randn(2, 3, 64)
    inner = torch.relu(hidden @ adapter.down.weight.T + adapter.down.bias)
    wanted = hidden + inner @ adapter.up.weight.T + adapter.up.bias
    assert torch.allclose(adapter(hidden), wanted, atol=1e-5)


def test_the_artifact_holds_the_adapters_alone_and_reopens_to_the_same_model(fitted, writer_model):
    files = {path.name for path in (fitted.artifact / "adapter").iterdir()}
    assert files == {"adapter.json", "adapter.safetensors"}
    weights = load_file(fitted.artifact / "adapter" / "adapter.safetensors")
    assert len(weights) == 2 * 4
    assert weights["model.layers.0.mlp.bottleneck.down.weight"].shape == (8, 64)
    assert any(weight.abs().sum() for name, weight in weights.items() if ".up." in name)
    writer = adapters.load(fitted.artifact)
    assert isinstance(writer, _generation.Writer)
    base, _ = _causal_lm.open_model(writer_model)
    assert not torch.equal(scores(writer.model), scores(base))
    state = writer.model.state_dict()
    assert all(torch.equal(state[name], weight) for name, weight in weights.items())
    assert all(torch.equal(state[name], weight) for name, weight in base.state_dict().items())


ARCHITECTURES = {
    "GPT2": {"n_embd": 32, "n_layer": 2, "n_head": 2},
    "Mistral": {"num_key_value_heads": 2},
    "Qwen3": {"num_key_value_heads": 2, "head_dim": 16},
    "Gemma2": {"num_key_value_heads": 2, "head_dim": 16},
    "Phi": {},
    "Mixtral": {"num_key_value_heads": 2, "num_local_experts": 2},
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_usual_architectures_have_layers_to_adapt(name):
    import transformers

    shape = {
        "vocab_size": 100,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 1,
    }
    config = getattr(transformers, f"{name}Config")(**{**shape, **ARCHITECTURES[name]})
    model = getattr(transformers, f"{name}LMHeadModel" if name == "GPT2" else f"{name}ForCausalLM")(
        config
    ).eval()
    before = scores(model)
    _bottleneck.add(model, 4)
    assert torch.allclose(scores(model), before, atol=1e-6)
    for adapter in (part.bottleneck for part in model.modules() if hasattr(part, "bottleneck")):
        torch.nn.init.normal_(adapter.up.bias)  # a layer norm would take ones away
    assert not torch.allclose(scores(model), before, atol=1e-3)


def test_a_model_without_known_layers_is_refused(writer_model):
    model, _ = _causal_lm.open_model(writer_model)
    for layer in model.model.layers:
        layer.strange = layer.mlp
        del layer.mlp
    with pytest.raises(UserError, match=r"no layer of a llama model is known to be feed-forward"):
        _bottleneck.add(model, 4)
