"""The closed form against a trace of the real step: no new release falsifies it unnoticed.

Each moment is compared with the phase of the trace that it describes; a drift names the moment, the
coefficients it is computed from, and what the closed form counts at it.
"""

from dataclasses import replace

import pytest

from rules import stacks
from rules.memory import estimate
from rules.model_config import from_config
from rules.setup import Setup
from runners import _trace

LLAMA = {
    "model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
    "intermediate_size": 8192, "vocab_size": 128256, "tie_word_embeddings": True,
    "max_position_embeddings": 8192,
}  # fmt: skip
MISTRAL = {
    "model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
    "intermediate_size": 14336, "vocab_size": 32000, "tie_word_embeddings": False,
    "max_position_embeddings": 8192, "sliding_window": None,
}  # fmt: skip
QWEN2 = {
    "model_type": "qwen2", "hidden_size": 1536, "num_hidden_layers": 28,
    "num_attention_heads": 12, "num_key_value_heads": 2, "intermediate_size": 8960,
    "vocab_size": 151936, "tie_word_embeddings": True, "max_position_embeddings": 8192,
}  # fmt: skip
GRANITE_LIKE = LLAMA | {
    "hidden_size": 2304, "num_attention_heads": 36, "num_key_value_heads": 36,
    "intermediate_size": 9216, "vocab_size": 49152, "num_hidden_layers": 40,
}  # fmt: skip
SHAPES = {"llama": LLAMA, "mistral": MISTRAL, "qwen2": QWEN2, "granite-like": GRANITE_LIKE}
DRIFT = 0.02
PHASES = {
    "loss forward": ("loss forward",),
    "loss backward": ("loss backward",),
    "end of backward": ("end of backward", "embedding backward"),
    "optimizer step": ("optimizer step",),
}
"""What the trace calls a phase, and the moments of the closed form that fall into it."""
COEFFICIENTS = {
    "loss forward": "LossPath.forward of {loss!r}, Layer.checkpoint or Layer.saved",
    "loss backward": "LossPath.backward of {loss!r}, Layer.checkpoint or Layer.saved",
    "layer backward": "Layer.saved, Layer.forward_backward and Layer.attention_backward",
    "attention forward": "the scores in memory_moments._attention_forward",
    "attention backward": "Layer.attention_backward",
    "end of backward": "Step.gradients, Layer.saved and Layer.forward_backward",
    "embedding backward": "Step.gradients, once more for tied embeddings",
    "optimizer step": "memory_step._STATE_PER_BYTE of {optimizer!r}, Step.gradients",
}
"""What each moment is computed from, beside the weights that stay: where a drift is put right."""


def modes(shape):
    """The ways of training that users choose, each on the stack it is measured on."""
    lora = Setup(shape, "lora", tokens=1024, batch=2)
    qlora = replace(lora, way="qlora", quantisation="nf4-double", adapter_precision="bf16")
    full = replace(lora, way="full")
    return {
        "lora": lora,
        "lora, no checkpointing": replace(lora, checkpointing=False),
        "lora, eager, plain trainer": replace(lora, attention="eager", stack="transformers"),
        "qlora": qlora,
        "qlora, upcast, eager, outputs held": replace(
            qlora, attention="eager", stack="transformers-held", upcast=True,
            optimizer="adamw_foreach", adapter_precision="fp32", targets=("q", "k", "v", "o"),
        ),
        "full": full,
        "full, plain trainer, foreach": replace(
            full, stack="transformers", optimizer="adamw_foreach"
        ),
        "full, no checkpointing": replace(full, checkpointing=False, stack="transformers"),
    }  # fmt: skip


def more_modes(shape):
    """Preferences and a part of the layers: no published peaks say all of their settings."""
    lora = Setup(shape, "lora", tokens=1024, batch=2)
    return {
        "dpo, reference shared": replace(lora, way="dpo", reference="shared"),
        "dpo, reference copied": replace(lora, way="dpo", policy="full", reference="copy"),
        "reward model": replace(lora, way="reward_model"),
        "top layers": replace(lora, way="top_layers", trained_layers=4),
    }


GRID = [(shape, mode) for shape in SHAPES for mode in modes(from_config(LLAMA))]
QUICK = [GRID[8 * number + mode] for number, mode in enumerate((0, 3, 6, 7))]
"""Each shape once: LoRA, QLoRA, full with a plain trainer, full without checkpointing."""
MORE_QUICK = (("mistral", "dpo, reference shared"), ("qwen2", "reward model"))


def drifts(config, setup):
    """Where the closed form has left the trace: the moment, how far, and what it counts there."""
    closed, traced = estimate(setup), _trace.trace(setup, config)
    found = []
    if abs(closed.allocated / traced.allocated - 1) > DRIFT:
        sizes = f"{_against(closed.allocated, traced.allocated)} {closed.parts}"
        found.append(f"peak: {sizes}; {_coefficients(closed.moment, setup)}")
    for phase, moments in PHASES.items():
        ours = max(closed.moments.get(moment, 0) for moment in moments)
        theirs = traced.moments[phase]
        # a moment far below the peak decides nothing, whatever it is
        if abs(ours / theirs - 1) > DRIFT and max(ours, theirs) > 0.9 * traced.allocated:
            found.append(f"{phase}: {_against(ours, theirs)}; {_coefficients(phase, setup)}")
    return found


def _coefficients(moment, setup):
    loss = stacks.find(setup.stack).loss
    return "look at " + COEFFICIENTS[moment].format(loss=loss, optimizer=setup.optimizer)


def _against(ours, theirs):
    return f"closed form {ours / 2**30:.3f} GiB, trace {theirs / 2**30:.3f} GiB"


@pytest.mark.parametrize(("shape", "mode"), QUICK)
def test_the_closed_form_is_what_the_real_step_takes(shape, mode):
    config = SHAPES[shape]
    assert drifts(config, modes(from_config(config, shape))[mode]) == []


@pytest.mark.slow
@pytest.mark.parametrize(("shape", "mode"), [pair for pair in GRID if pair not in QUICK])
def test_the_rest_of_the_grid(shape, mode):
    config = SHAPES[shape]
    assert drifts(config, modes(from_config(config, shape))[mode]) == []


@pytest.mark.parametrize(
    ("shape", "mode"),
    [
        pytest.param(shape, mode, marks=() if (shape, mode) in MORE_QUICK else pytest.mark.slow)
        for shape in ("llama", "mistral", "qwen2")
        for mode in more_modes(from_config(LLAMA))
    ],
)
def test_preferences_and_top_layers_too(shape, mode):
    config = SHAPES[shape]
    assert drifts(config, more_modes(from_config(config, shape))[mode]) == []


def test_every_moment_of_a_step_names_its_coefficients():
    shape = from_config(LLAMA)
    for setup in (*modes(shape).values(), *more_modes(shape).values()):
        assert set(estimate(setup).moments) <= {*COEFFICIENTS, "loading", "reference forward"}


def test_a_drift_is_found_and_named():
    config = SHAPES["mistral"]
    setup = modes(from_config(config))["lora"]
    wider = replace(setup, shape=replace(setup.shape, intermediate=30000, stated_parameters=None))
    (first, *_) = drifts(config, wider)
    assert "peak: closed form" in first
    assert "look at Layer.saved, Layer.forward_backward" in first
