"""The closed form of memory: against arithmetic by hand, its own consistency, and bad input."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import memory_layer
from rules.errors import UserError
from rules.memory import estimate
from rules.memory_loss import PATHS
from rules.memory_step import prepare
from rules.model_shape import ModelShape
from rules.setup import Setup
from rules.stacks import known

GIB = 2**30
LLAMA = ModelShape(
    name="llama-3-8b", architecture="llama", layers=32, hidden=4096, heads=32, kv_heads=8,
    head_dim=128, intermediate=14336, vocabulary=128256, tied=False, context=8192,
)  # fmt: skip
MIXTRAL = replace(
    LLAMA, name="mixtral", architecture="mixtral", vocabulary=32000, experts=8, experts_per_token=2
)
BERT = ModelShape(
    name="bert", architecture="bert", layers=12, hidden=768, heads=12, kv_heads=12, head_dim=64,
    intermediate=3072, vocabulary=30522, tied=True, gated=False, layer_norm=True, qkv_bias=True,
    linear_bias=True, kind="encoder", context=512,
)  # fmt: skip
LORA = Setup(LLAMA, "lora", tokens=2048)
QLORA = replace(LORA, way="qlora", quantisation="nf4-double")
FULL = replace(LORA, way="full")


def _layer(setup):
    return memory_layer.measure(prepare(setup, known()[setup.stack]))


def test_the_parameters_are_those_the_makers_state():
    assert LLAMA.parameters == 8_030_261_248
    assert MIXTRAL.parameters == 46_702_792_704


def test_full_tuning_in_bf16_ends_at_eight_bytes_a_weight_and_ten_with_foreach():
    """Weights, gradients and two moments in bf16; foreach adds one temporary a gradient."""
    fused = estimate(replace(FULL, tokens=16)).moments["optimizer step"]
    foreach = estimate(replace(FULL, tokens=16, optimizer="adamw_foreach"))
    workspace = 16.25 * 2**20
    assert fused == 8 * LLAMA.parameters + workspace
    assert foreach.moments["optimizer step"] == 10 * LLAMA.parameters + workspace
    assert foreach.moment == "optimizer step"
    assert foreach.allocated / 1e9 == pytest.approx(80.32, rel=0.001)  # as measured on an A100


def test_double_quantised_weights_take_4_127_bits():
    """As measured: 5.884 GB with embeddings, output and norms in bf16 and a LoRA beside it."""
    weights = estimate(QLORA).parts["weights"]
    matrices = 32 * LLAMA.linear_weights
    bits = 8 * (weights - 2 * (LLAMA.parameters - matrices)) / matrices
    assert bits == pytest.approx(4.127, abs=0.001)


def test_lora_trains_two_thin_matrices_beside_each_adapted_one():
    attention = estimate(replace(LORA, rank=8, targets=("q", "v")))
    assert attention.trainable == 32 * 8 * ((4096 + 4096) + (4096 + 1024))


def test_logits_of_the_plain_trainer_take_twelve_bytes_each_in_backward():
    plain = replace(LORA, stack="transformers", tokens=4096)
    with_words = estimate(plain).moments["loss backward"]
    fewer = estimate(replace(plain, shape=replace(LLAMA, vocabulary=64128)))
    logits = 12 * 4096 * 64128
    tables = 2 * 2 * 64128 * 4096
    assert with_words - fewer.moments["loss backward"] == pytest.approx(logits + tables)


def test_the_reference_of_dpo_costs_a_copy_only_without_adapters():
    pairs = Setup(LLAMA, "dpo", tokens=1024, reference="shared")
    copied = replace(pairs, policy="full", reference="copy")
    assert "frozen companions" not in estimate(pairs).parts
    assert estimate(copied).parts["frozen companions"] == 2 * LLAMA.parameters


def test_a_window_bounds_the_cache_but_not_the_weights():
    reading = Setup(replace(LLAMA, context=None), "inference", tokens=32768, batch=4)
    windowed = replace(reading, shape=replace(reading.shape, window=4096))
    whole, bound = estimate(reading), estimate(windowed)
    assert whole.parts["cache"] == 2 * 32 * 1024 * 2 * 32768 * 4
    assert bound.parts["cache"] == whole.parts["cache"] / 8
    assert bound.parts["weights"] == whole.parts["weights"]


def test_online_rl_keeps_the_cache_of_every_answer_while_it_generates():
    rl = Setup(LLAMA, "online_rl", tokens=1024, completions=16)
    fewer = replace(rl, completions=8)
    more = estimate(rl).moments["generation"] - estimate(fewer).moments["generation"]
    assert more > 2 * 32 * 1024 * 2 * 1024 * 8


def test_fsdp_shards_what_is_stored_and_not_what_is_computed():
    alone, eight = estimate(FULL), estimate(replace(FULL, devices=8))
    assert eight.parts["weights"] == alone.parts["weights"] / 8
    assert eight.parts["gathered weights"] == 2 * 2 * (
        LLAMA.layer_weights + LLAMA.embedding_weights
    )
    assert alone.allocated / 8 < eight.allocated < alone.allocated / 3


def test_a_frozen_encoder_needs_less_than_a_tuned_one():
    frozen = Setup(BERT, "frozen_encoder", tokens=128, batch=32, precision="fp32")
    tuned = replace(frozen, way="encoder_tuning", checkpointing=False)
    top = replace(tuned, way="top_layers", trained_layers=2)
    adapters = replace(tuned, way="adapters")
    sizes = [estimate(setup).allocated for setup in (frozen, top, adapters, tuned)]
    assert sizes[0] == min(sizes)
    assert sizes[-1] == max(sizes)


@given(
    way=st.sampled_from(["lora", "qlora", "full", "dpo", "reward_model", "online_rl"]),
    stack=st.sampled_from(sorted(known())),
    attention=st.sampled_from(["eager", "sdpa", "flash"]),
    shape=st.sampled_from([LLAMA, MIXTRAL]),
    tokens=st.integers(1, 4096),
    batch=st.integers(1, 8),
    checkpointing=st.booleans(),
    accumulation=st.sampled_from([1, 8]),
)  # fmt: skip
def test_parts_add_up_and_more_of_anything_never_needs_less(
    way, stack, attention, shape, tokens, batch, checkpointing, accumulation
):
    setup = Setup(
        shape, way, tokens=tokens, batch=batch, stack=stack, attention=attention,
        checkpointing=checkpointing, accumulation=accumulation,
        quantisation="nf4-double" if way == "qlora" else None,
    )  # fmt: skip
    found = estimate(setup)
    assert sum(found.parts.values()) == pytest.approx(found.allocated)
    assert found.allocated == max(found.moments.values()) == found.moments[found.moment]
    assert all(size >= 0 for size in found.parts.values())
    assert found.needs < found.safe
    assert found.needs < found.shown[1]
    for more in (replace(setup, tokens=tokens * 2), replace(setup, batch=batch + 1)):
        assert estimate(more).allocated >= found.allocated
    kept = estimate(replace(setup, checkpointing=False)).allocated
    assert kept >= estimate(replace(setup, checkpointing=True)).allocated * 0.999


def test_every_stack_names_a_loss_and_a_source():
    for stack in known().values():
        assert stack.loss in PATHS
        assert stack.source.startswith("https://")
        assert (stack.confidence == "guessed") == (stack.margin > 0)


def test_only_what_was_profiled_is_called_so():
    assert estimate(LORA).confidence == "profiled"
    strange = estimate(replace(LORA, shape=replace(LLAMA, architecture="rwkv")))
    assert (strange.confidence, strange.margin) == ("guessed", 0.2)
    assert strange.safe > estimate(LORA).safe
    assert estimate(replace(LORA, stack="torchtune")).confidence == "guessed"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": 0}, "--batch: 0"),
        ({"tokens": 0}, "--tokens: 0"),
        ({"rank": 0}, "--rank: 0"),
        ({"devices": 0}, "--devices: 0"),
        ({"tokens": 8193}, "8,193 tokens are more than llama-3-8b reads: 8,192"),
        ({"stack": "trll"}, "did you mean 'trl'?"),
        ({"targets": ("q", "mlp")}, "no matrix is called mlp"),
        ({"way": "qlora"}, "without a quantisation"),
        ({"way": "full", "quantisation": "nf4"}, "cannot be trained themselves"),
        ({"way": "top_layers", "trained_layers": 40}, "40 of 32 layers"),
        (
            {"way": "qlora", "quantisation": "nf4", "shape": replace(LLAMA, quantised="awq")},
            "is stored in awq",
        ),
    ],
)
def test_what_cannot_run_is_refused_by_name(change, said):
    with pytest.raises(UserError, match=r".") as caught:
        estimate(replace(LORA, **change))
    assert said in str(caught.value)
    assert "fix:" in str(caught.value)


def test_a_reward_model_has_a_score_in_the_place_of_the_words():
    words = LLAMA.vocabulary * LLAMA.hidden
    reward = estimate(replace(LORA, way="reward_model"))
    assert reward.parameters == LLAMA.parameters - words + LLAMA.hidden
    tied = replace(LLAMA, tied=True)
    assert estimate(replace(LORA, way="reward_model", shape=tied)).parameters > tied.parameters


def test_paged_states_are_the_computers_and_not_the_allocators():
    held = estimate(replace(FULL, optimizer="adamw_8bit"))
    paged = estimate(replace(FULL, optimizer="paged_8bit"))
    states = LLAMA.parameters * (2 + 8 / 256)
    assert held.allocated - paged.allocated == pytest.approx(states)
    assert paged.host - held.host == pytest.approx(states)


def test_a_dropped_copy_stands_instead_of_what_the_adapter_would_read():
    """Traced on litgpt 0.4 (tests/benchmarks/other_stacks.py), the mask as CUDA has it: a byte."""
    setup = replace(LORA, stack="litgpt", checkpointing=False, adapter_precision="bf16", rank=8)
    h, i = 4096, 14336
    plain = replace(LLAMA, kv_heads=32)
    dropped = replace(setup, shape=plain, adapter_dropout=True)
    kept = _layer(dropped).saved
    norms, attention, merged, inner = 2 * (4 * h + 4), 8 * h + 4 * 32, 4 * h, 3 * 2 * i
    assert kept == norms + attention + merged + inner + 3 * (4 * h + i) + 7 * 8 * 2
    some = _layer(replace(dropped, targets=("q", "v"))).saved  # padded where keys have no adapter
    assert some == norms + attention + merged + inner + 3 * h + 2 * 2 * h + 2 * 8 * 2


def test_a_loop_that_names_its_last_step_needs_it_beside_the_next():
    first = replace(QLORA, stack="litgpt-longest-first", checkpointing=False)
    then = estimate(replace(first, stack="litgpt"))
    inputs = 2 * (3 * LLAMA.hidden + LLAMA.intermediate)
    assert then.moment == "next forward"
    assert then.parts["last step"] == 2048 * 32 * inputs
    assert then.allocated > estimate(first).allocated
    tied = replace(LLAMA, tied=True)
    untied = estimate(replace(first, shape=tied)).parameters
    assert untied == tied.parameters + LLAMA.vocabulary * LLAMA.hidden


def test_adapters_of_fused_experts_are_counted_as_peft_makes_them():
    """The counts are those of PEFT 0.21 on transformers 5.23, by the trace of both models."""
    lora = replace(LORA, way="qlora", quantisation="nf4-double", tokens=512)
    qwen = ModelShape(
        name="qwen3-30b-a3b", architecture="qwen3_moe", layers=48, hidden=2048, heads=32,
        kv_heads=4, head_dim=128, intermediate=768, vocabulary=151936, tied=False, experts=128,
        experts_per_token=8, qk_norm=True,
    )  # fmt: skip
    assert estimate(replace(lora, shape=MIXTRAL)).trainable == 359_665_664
    assert estimate(replace(lora, shape=qwen)).trainable == 996_507_648
    assert estimate(replace(lora, shape=qwen, stack="transformers-4.48")).trainable < 9e8
    assert estimate(replace(lora, shape=qwen)).confidence == "guessed"
