"""One layer: what it saves for the backward pass, and what that pass needs at once.

Bytes per token, itemised with saved-tensor hooks on transformers 5.23 and PEFT 0.21; the trace of
the real step (``runners/_trace.py``) is compared with them by the tests.
"""

from dataclasses import dataclass

from rules.memory_step import Step, adapted_forward

_QUERY_INPUTS, _FORWARD_INPUTS = ("q", "k", "v"), ("gate", "up")


@dataclass(frozen=True, slots=True)
class Layer:
    """Bytes per token of one layer."""

    saved: float
    """Everything kept for the backward pass."""
    forward_saved: float
    """Of which the inner activations of the feed-forward part."""
    norm: float
    """Of which one norm."""
    forward_backward: float
    """More, while the feed-forward part goes backward."""
    attention_backward: float
    """More, while attention goes backward."""
    checkpoint: float
    """Kept instead of all this, where the layer is computed again."""
    spared: float
    """Not saved twice: in an fp32 stream the first norm's input is the checkpoint itself."""


def measure(step: Step) -> Layer:
    """The bytes per token of one layer."""
    shape, setup = step.setup.shape, step.setup
    norm = _norm(step)
    attention = _attention(step)
    inner = (3 if shape.gated else 1) * step.forward * step.active_width
    inputs = _lora_inputs(step) if setup.trains in ("lora", "adapters") else _linear_inputs(step)
    if setup.quantisation and step.stack.keeps_4bit_input:  # attention keeps its output anyway
        inputs += kept_inputs(step) - 2 * shape.query_width
    saved = shape.norms * (norm + 4) + inputs + attention + inner
    recomputed = setup.checkpointing and step.stream == 4
    return Layer(
        saved=saved,
        forward_saved=inner,
        norm=norm + 4,
        forward_backward=_forward_backward(step),
        attention_backward=_attention_backward(step),
        checkpoint=step.stream * shape.hidden,
        spared=step.stream * shape.hidden if recomputed else 0,
    )


def _norm(step: Step) -> float:
    """RMSNorm keeps an fp32 copy, LayerNorm its input; and its output where its weight learns."""
    hidden = step.setup.shape.hidden
    plain = step.setup.shape.layer_norm or step.stack.fused_norm
    kept = (step.stream if plain else 4) * hidden
    return kept + (step.stream * hidden if step.setup.trains in ("full", "top_layers") else 0)


def key_width(step: Step) -> int:
    """Width of keys as attention holds them: repeated to that of the queries, but not by flash."""
    shape = step.setup.shape
    return shape.kv_width if step.setup.attention == "flash" else shape.query_width


def _attention(step: Step) -> float:
    shape, setup = step.setup.shape, step.setup
    query, keys, size = shape.query_width, key_width(step), step.attention
    if setup.attention == "eager":  # fp32 softmax, and its 16-bit copy where the arithmetic is so
        scores = (4 + (size if size == 2 else 0)) * shape.heads * setup.tokens
        return size * (query + 2 * keys) + scores + (size * query if setup.trains == "full" else 0)
    merged = size * _merged_width(step) if step.stack.merged_qkv else 0
    return size * (2 * query + 2 * keys) + 4 * shape.heads + merged  # output and log-sum-exp


def _merged_width(step: Step) -> int:
    """What values keep alive of the tensor they are cut from; repeated ones are a copy."""
    shape = step.setup.shape
    if shape.kv_heads == shape.heads:
        return shape.query_width + shape.kv_width
    return 2 * shape.kv_width if shape.kv_heads == 1 else 0


def kept_inputs(step: Step) -> float:
    """Bytes per token of the inputs of a layer's matrices; one norm feeds several of them."""
    shape = step.setup.shape
    return 2.0 * (max(shape.norms, 1) * shape.hidden + shape.query_width + step.active_width)


def _linear_inputs(step: Step) -> float:
    """Inputs of matrices that learn: qkv share one, gate and up another, down has its own."""
    hidden, inner = step.setup.shape.hidden, step.active_width
    if step.autocasts:  # a 16-bit copy for each matrix
        return (3 + 2) * 2 * hidden + 2 * inner
    return 2 * step.attention * hidden + step.forward * inner


def _cast_size(step: Step) -> int:
    """Bytes of an adapter's own copy of its input; 0 where it reads the shared one."""
    if step.setup.autocast:
        return 2
    return 4 if step.adapter == 4 and step.stream == 2 else 0


def _lora_inputs(step: Step) -> float:
    """Without autocast each fp32 adapter keeps an fp32 copy: more than full tuning may hold."""
    shape, cast = step.setup.shape, _cast_size(step)
    targets, inner = set(step.setup.targets), step.active_width
    if step.setup.trains == "adapters":  # input and bottleneck of two adapters
        return 2 * (step.stream * shape.hidden + 2 * step.adapter * step.setup.bottleneck)
    thin = 2 if step.setup.autocast or step.adapter == 2 else 4
    kept = float(len(targets - {"head"}) * step.setup.rank * thin)
    if step.setup.adapter_dropout:  # each adapter reads its dropped copy
        return kept + _dropout(step, cast)
    for group in (_QUERY_INPUTS, _FORWARD_INPUTS):
        count = len(targets.intersection(group))
        if count:
            kept += (count * cast or step.stream) * shape.hidden
    if "o" in targets:
        kept += cast * shape.query_width
    if "down" in targets:
        kept += (cast or step.forward) * inner
    return kept


def _dropout(step: Step, cast: int) -> float:
    """A mask of a byte and the dropped copy, for each adapted matrix."""
    shape, targets = step.setup.shape, set(step.setup.targets)
    forward = adapted_forward(step.setup)
    widths = dict.fromkeys(("gate", "up"), shape.hidden)
    widths |= {"o": shape.query_width, "down": step.active_width}
    total = sum(widths[t] for t in ("o", *forward) if t in targets)
    padded = 0
    queries = targets.intersection(_QUERY_INPUTS)
    if queries and step.stack.merged_qkv:  # one adapter for the three, padded where one has none
        total += shape.hidden
        ends = {"q": shape.query_width, "k": shape.kv_width, "v": shape.kv_width}
        padded = sum(ends[t] for t in queries) if len(queries) < len(ends) else 0
    else:
        total += len(queries) * shape.hidden
    return float((1 + (cast or step.stream)) * total + step.attention * padded)


def _forward_backward(step: Step) -> float:
    """Gradients of output, product, activation and up; experts pass one after the other."""
    setup, shape = step.setup, step.setup.shape
    hidden, inner = shape.hidden, step.active_width
    if shape.experts > 1:  # one expert at a time; 1.5 for the uneven load of the routers measured
        inner = inner / shape.experts * 1.5
    wide = "down" in setup.targets and step.adapter == 4 and step.forward == 2
    if setup.trains == "lora" and wide and not setup.autocast:  # fp32 input gradient of the adapter
        return step.stream * hidden + (4 + 2 + 2) * step.active_width
    return step.stream * hidden + (3 if shape.gated else 2) * step.forward * inner


def _attention_backward(step: Step) -> float:
    shape, size, query = step.setup.shape, step.attention, step.setup.shape.query_width
    if step.setup.attention == "eager":
        # CUDA's softmax backward makes gradient times output, then the gradient of its input
        soft = 4 + 4 if size == 2 else 12
        return soft * shape.heads * step.setup.tokens + step.stream * shape.hidden + size * query
    return step.stream * shape.hidden + size * 2 * (query + key_width(step)) + 4 * query


def unpacked_bytes(step: Step) -> float:
    """One quantised matrix in 16 bits, for the gradient of its input."""
    shape = step.setup.shape
    fused = shape.experts > 1 and step.stack.fused_experts
    width = shape.query_width if fused else shape.intermediate
    return 2.0 * shape.hidden * width if step.setup.quantisation else 0.0


def merged_experts(step: Step) -> float:
    """Bytes of a layer's experts, where their adapters are multiplied out and added to them.

    PEFT has no other way for a tensor of three dimensions: product and sum are as large as the
    experts themselves.
    """
    shape, setup = step.setup.shape, step.setup
    fused = shape.experts > 1 and step.stack.fused_experts and setup.trains == "lora"
    return float(shape.expert_weights * step.weight) if fused and adapted_forward(setup) else 0.0


def backward_hump(step: Step, layer: Layer) -> float:
    """The most that the backward pass of one recomputed layer holds, in bytes."""
    shape, setup = step.setup.shape, step.setup
    kept = layer.saved - layer.spared
    forward = step.tokens * (kept + layer.forward_backward)
    if setup.quantisation:  # one matrix is unpacked to 16 bits for the gradient of its input
        inner = (2 * step.forward + 2) * step.active_width + (2 + step.stream) * shape.hidden
        unpacked = unpacked_bytes(step)
        forward = max(forward, step.tokens * (kept - layer.forward_saved + inner) + unpacked)
    attention = kept - layer.forward_saved - layer.norm + layer.attention_backward
    return max(forward, step.tokens * attention)
