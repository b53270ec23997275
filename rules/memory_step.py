"""What every formula of memory needs of a setup: sizes of numbers, weights, what is trained.

Symbols in the comments: tok tokens of the micro batch, h hidden width, q and kv widths of queries
and keys, I feed-forward width, V vocabulary, L layers. Sizes are bytes.
"""

from dataclasses import dataclass, replace

from rules.entries import Stack
from rules.model_shape import ModelShape
from rules.setup import Precision, Setup

MIB, GIB = 2**20, 2**30
SIZE: dict[Precision, int] = {"bf16": 2, "fp16": 2, "fp32": 4}

# 4-bit payload, one scale per 64 weights; with double quantisation the scale is one byte, and
# 256 scales share an fp32 one (bitsandbytes, Linear4bit). GPTQ: groups of 128 with an fp16 scale,
# a 4-bit zero point and a 32-bit group index shared by 8.
QUANTISED_BYTES = {
    "nf4": 0.5 + 4 / 64,
    "nf4-double": 0.5 + 1 / 64 + 4 / (64 * 256),
    "int8": 1.0,
    "gptq4": 0.5 + 2.5 / 128 + 4 / 128 / 8,
}

# Bytes of optimizer state for one trained weight of p bytes: Adam keeps two moments in the
# weight's own type; 8-bit Adam two bytes and one fp32 scale per 256 for each moment.
_EIGHT_BIT = 2 + 2 * 4 / 256
_STATE_PER_BYTE = {"adamw_fused": 2, "adamw_foreach": 2, "adamw_loop": 2, "sgd_momentum": 1}
_STATE_BYTES = {
    "adamw_8bit": _EIGHT_BIT,
    "adamw_8bit_in_backward": _EIGHT_BIT,
    # managed memory, which torch's allocator knows nothing of (bitsandbytes, functional.get_paged)
    "paged_8bit": 0.0,
    "paged_8bit_in_backward": 0.0,
    "sgd": 0.0,
    "adafactor": 0.02,  # one row and one column of a matrix thousands wide
}

_NOT_SHARED = ("workspace", "embedding model")

Parts = dict[str, float]
"""Bytes that are alive at one moment, by what they are."""


@dataclass(frozen=True, slots=True)
class Step:
    """One training step with its sizes worked out."""

    setup: Setup
    stack: Stack
    tokens: int
    """Of the whole micro batch."""
    weight: int
    stream: int
    """Bytes of a number of the residual stream: 4 after ``prepare_model_for_kbit_training``."""
    attention: int
    """Of queries, keys, values and attention output."""
    forward: int
    """Of the feed-forward part; a 4-bit product returns the type of its input."""
    logits: int
    adapter: int
    weights: float
    trained: int
    """Weights that learn."""
    trained_size: int
    resident: Parts
    """What stays through all moments of a step."""

    @property
    def gradients(self) -> float:
        """Bytes of all gradients together."""
        return float(self.trained * self.trained_size)

    @property
    def in_backward(self) -> bool:
        """Whether each gradient is used and dropped while the backward pass still runs."""
        return self.setup.optimizer.endswith("in_backward")

    @property
    def autocasts(self) -> bool:
        """Whether fp32 weights are cast for the arithmetic, and the casts kept."""
        return self.setup.autocast and self.weight == 4

    @property
    def active_width(self) -> int:
        """Feed-forward width that one token passes: of its experts, and of the shared one."""
        shape = self.setup.shape
        return shape.intermediate * shape.experts_per_token + shape.shared_intermediate


def prepare(setup: Setup, stack: Stack) -> Step:
    """Work out the sizes of a setup."""
    if setup.way == "reward_model":
        setup = replace(setup, shape=_headless(setup.shape))
    elif stack.separate_head and setup.shape.tied:
        setup = replace(setup, shape=_untied(setup.shape))
    upcast = setup.upcast and setup.quantisation is not None
    weight = SIZE[setup.precision]
    wide = weight == 4 and not setup.autocast
    adapter = SIZE[setup.adapter_precision]
    trained = trained_weights(setup, stack)
    trained_size = weight if setup.trains in ("full", "top_layers") else adapter
    weights = weight_bytes(setup, stack)
    return Step(
        setup=setup,
        stack=stack,
        tokens=setup.sequences * setup.tokens,
        weight=weight,
        stream=4 if upcast or weight == 4 else 2,
        attention=2 if setup.autocast or not (upcast or weight == 4) else 4,
        forward=4 if upcast or wide else 2,
        logits=4 if (upcast and not setup.autocast) or wide else 2,
        adapter=adapter,
        weights=weights,
        trained=trained,
        trained_size=trained_size,
        resident=_resident(setup, weights, trained, trained_size),
    )


def _untied(shape: ModelShape) -> ModelShape:
    """The shape with a second table, which the makers' count leaves out."""
    stated = shape.stated_parameters
    more = stated + shape.embedding_weights if stated else None
    return replace(shape, tied=False, stated_parameters=more)


def _headless(shape: ModelShape) -> ModelShape:
    """The shape with a score in the place of the words; a tied table stays as the input's."""
    less = 0 if shape.tied else shape.embedding_weights
    stated = shape.stated_parameters
    extra = shape.extra_parameters - less + shape.hidden
    more = stated - less + shape.hidden if stated else None
    return replace(shape, extra_parameters=extra, stated_parameters=more)


def paged_bytes(step: Step) -> float:
    """Optimizer state that the driver moves between card and computer."""
    return step.trained * _EIGHT_BIT if step.setup.optimizer.startswith("paged") else 0.0


def weight_bytes(setup: Setup, stack: Stack) -> float:
    """Bytes of the model itself: quantised matrices of the layers, the rest as it is held.

    transformers 5 holds the experts of a layer in one tensor, and its bitsandbytes integration
    replaces ``nn.Linear`` alone: loading in 4 bits leaves them as they are.
    """
    shape, rest_size = setup.shape, 4 if setup.upcast else SIZE[setup.precision]
    if setup.quantisation is None:
        return float(shape.parameters * SIZE[setup.precision])
    matrices = shape.blocks * shape.linear_weights + shape.decoder_layers * shape.attention_weights
    if stack.fused_experts and setup.quantisation != "gptq4":
        matrices -= shape.blocks * shape.expert_weights
    if stack.quantised_head and shape.kind == "causal":
        matrices += shape.embedding_weights
    rest = (shape.parameters - matrices) * rest_size
    return matrices * QUANTISED_BYTES[setup.quantisation] + rest


def trained_weights(setup: Setup, stack: Stack) -> int:
    """How many weights learn."""
    shape, trains = setup.shape, setup.trains
    if trains == "full":
        return shape.parameters
    if trains == "lora":
        return lora_weights(setup, stack)
    if trains == "adapters":  # down to the bottleneck and up again with biases, twice a layer
        return (
            shape.blocks
            * 2
            * (2 * shape.hidden * setup.bottleneck + setup.bottleneck + shape.hidden)
        )
    if trains == "top_layers":
        return setup.trained_layers * shape.layer_weights + shape.hidden
    return 0


def lora_weights(setup: Setup, stack: Stack) -> int:
    """Weights of the two thin matrices beside each adapted one.

    PEFT 0.21 adapts fused experts too: gate and up are one tensor, so their adapter has twice the
    rank; and it adapts the router, where all linear layers are asked for.
    """
    shape, rank = setup.shape, setup.rank
    hidden, inner, shared = shape.hidden, shape.intermediate, shape.shared_intermediate
    ends = {
        "q": shape.query_width,
        "k": shape.kv_width,
        "v": shape.kv_width,
        "o": shape.query_width,
    }
    sides = sum(hidden + ends[target] for target in setup.targets if target in ends)
    wide = adapted_forward(setup)
    each = sum(hidden + inner for _ in wide)
    if stack.fused_experts and shape.experts > 1 and wide:
        doubled = 2 * (hidden + 2 * inner) if {"gate", "up"} & set(wide) else 0
        each = doubled + (hidden + inner if "down" in wide else 0)
        sides += hidden + shape.experts
    sides += each * shape.experts + sum(hidden + shared for _ in wide if shared)
    head = rank * (hidden + shape.vocabulary) if "head" in setup.targets else 0
    return shape.blocks * rank * sides + head


def adapted_forward(setup: Setup) -> tuple[str, ...]:
    """The matrices of the feed-forward part that have adapters."""
    kinds = ("gate", "up", "down") if setup.shape.gated else ("up", "down")
    return tuple(target for target in setup.targets if target in kinds)


def _resident(setup: Setup, weights: float, trained: int, size: int) -> Parts:
    """Weights, adapters, optimizer state and frozen companions; sharded over the devices."""
    # Two cuBLAS workspaces of 8.125 MiB live in the allocator: forward and autograd thread.
    parts = {"weights": weights, "workspace": 16.25 * MIB}
    if setup.trains in ("lora", "adapters"):
        parts["adapters"] = float(trained * size)
    state = _STATE_BYTES.get(setup.optimizer)
    per_weight = state if state is not None else _STATE_PER_BYTE.get(setup.optimizer, 2) * size
    if trained and per_weight:
        parts["optimizer"] = trained * per_weight
    frozen = setup.companions + (1 if setup.reference == "copy" else 0)
    if frozen:
        parts["frozen companions"] = weights * frozen
    if setup.beside_bytes:
        parts["embedding model"] = setup.beside_bytes
    return _sharded(parts, setup) if setup.devices > 1 else parts


def _sharded(parts: Parts, setup: Setup) -> Parts:
    """FSDP shards what is stored; a gathered layer, the next one and the tables stand whole."""
    shape = setup.shape
    whole = {name: size for name, size in parts.items() if name in _NOT_SHARED}
    shared = {name: size / setup.devices for name, size in parts.items() if name not in whole}
    tables = shape.embedding_weights * (1 if shape.tied else 2) * SIZE[setup.precision]
    layer = parts["weights"] * shape.layer_weights / shape.parameters
    return shared | whole | {"gathered weights": 2 * layer + tables}
