"""The moments of one training step at which memory may be highest, each with what is alive then."""

from rules import memory_layer, memory_loss
from rules.memory_layer import Layer
from rules.memory_step import Parts, Step

# Copies of a layer's experts that stand while it goes backward, in the first layer to do so and in
# the last: from traces of Qwen3-30B-A3B and Mixtral (python tests/benchmarks/exact.py).
_MERGED_TOP, _MERGED_BOTTOM = 2.9, 1.7


def training(step: Step) -> dict[str, Parts]:
    """Every moment of a training step, from the loss to the optimizer."""
    layer = memory_layer.measure(step)
    moments = {
        "loss forward": _loss_forward(step, layer),
        "loss backward": _loss_backward(step, layer),
        "layer backward": _layer_backward(step, layer),
        "end of backward": _end_of_backward(step, layer),
        "optimizer step": _optimizer(step),
    }
    if step.setup.attention == "eager":
        moments["attention forward"] = _attention_forward(step, layer)
    if not step.setup.checkpointing:
        moments["attention backward"] = _attention_backward(step, layer)
    if step.setup.trains == "full" and not step.in_backward:
        moments["embedding backward"] = _embedding_backward(step)
    if step.stack.keeps_last_step:
        moments["next forward"] = _next_forward(step, layer)
    if step.setup.reference != "none":
        moments["reference forward"] = _reference(step)
    return moments


def _depth(step: Step) -> int:
    """Layers that keep something for the backward pass.

    With checkpointing transformers 5 lets the embeddings' output ask for a gradient, so that frozen
    layers are kept and passed through as well (``gradient_checkpointing_enable``).
    """
    setup = step.setup
    some = setup.trains == "top_layers" and not setup.checkpointing
    return setup.trained_layers if some else setup.shape.blocks


def _kept(step: Step, layer: Layer) -> Parts:
    """What stands while the loss is computed: state, saved activations, tables, sums so far."""
    setup, shape = step.setup, step.setup.shape
    parts = dict(step.resident)
    each = layer.checkpoint if setup.checkpointing else layer.saved
    parts["activations"] = step.tokens * each * _depth(step) + _tables(step)
    if setup.accumulation > 1 and not step.in_backward:
        parts["gradients"] = step.gradients / setup.devices
    casts = _cast_weights(step) if setup.trains == "full" else 0.0
    if setup.autocast and (step.weight == 4 or step.stream == 4):
        casts += 2.0 * shape.embedding_weights
    if casts:
        parts["autocast copies"] = casts
    return parts


def _cast_weights(step: Step) -> float:
    """16-bit copies of fp32 matrices, which autocast keeps until the forward pass is over."""
    shape = step.setup.shape
    return 2.0 * shape.blocks * shape.linear_weights if step.autocasts else 0.0


def _tables(step: Step) -> float:
    """Rotary tables for one row's positions; ids, labels and positions of 8 bytes."""
    return step.tokens * (4 * step.setup.shape.head_dim / step.setup.batch + 24)


def _final(step: Step) -> float:
    """Bytes per token of the last norm, and of the output layer's input where it learns."""
    hidden, full = step.setup.shape.hidden, step.setup.trains == "full"
    if step.stack.fused_norm:
        return (step.stream + (step.attention if full else 0)) * hidden
    return 4 * hidden + ((step.stream + step.attention) * hidden if full else 0)


def _loss_forward(step: Step, layer: Layer) -> Parts:
    parts = _kept(step, layer)
    out = step.attention * step.setup.shape.hidden if step.setup.trains != "full" else 0
    parts["activations"] += step.tokens * (_final(step) + out)
    parts["logits"] = memory_loss.forward_bytes(step)
    return parts


def _loss_backward(step: Step, layer: Layer) -> Parts:
    parts = _kept(step, layer)
    parts["activations"] += step.tokens * _final(step)
    parts["logits"] = memory_loss.backward_bytes(step)
    if step.setup.checkpointing and step.autocasts and "autocast copies" in parts:
        parts["autocast copies"] -= _cast_weights(step) if step.setup.trains == "full" else 0
    return parts


def _next_forward(step: Step, layer: Layer) -> Parts:
    """The loop still names the last step's logits and loss; the loss holds the graph.

    Backward frees what autograd saved; bitsandbytes keeps its inputs apart (``ctx.tensors``).
    """
    parts = _kept(step, layer)
    parts["activations"] += step.tokens * _final(step)
    parts["logits"] = memory_loss.next_forward(step)
    if step.setup.quantisation and step.stack.keeps_4bit_input:
        parts["last step"] = step.tokens * memory_layer.kept_inputs(step) * _depth(step)
    return parts


def _attention_forward(step: Step, layer: Layer) -> Parts:
    """Scores of all heads against all tokens, before and after the softmax."""
    shape, size = step.setup.shape, step.attention
    parts = _kept(step, layer)
    scores = (8 if size == 4 else 6) * shape.heads * step.setup.tokens
    near = size * 2 * (shape.query_width + memory_layer.key_width(step))
    now = step.tokens * (near + scores + (4 + step.stream) * shape.hidden)
    if not step.setup.checkpointing:  # the last layer's share is among what is kept already
        now -= step.tokens * layer.saved
    parts["layer"] = now
    return parts


def _head_gradient(step: Step) -> float:
    """The output layer's gradient stands first."""
    if step.setup.trains != "full" or step.in_backward or step.setup.way == "reward_model":
        return 0.0
    return float(step.setup.shape.embedding_weights * step.trained_size / step.setup.devices)


def _layer_backward(step: Step, layer: Layer) -> Parts:
    """The top layer goes backward while all the others still keep theirs."""
    parts = dict(step.resident)
    setup = step.setup
    each = layer.checkpoint if setup.checkpointing else layer.saved
    parts["activations"] = step.tokens * each * _depth(step) + _tables(step)
    parts["logits"] = memory_loss.held_bytes(step)
    if merged := memory_layer.merged_experts(step):
        parts["merged experts"] = _MERGED_TOP * merged
    accumulated = setup.accumulation > 1 and not step.in_backward
    parts["gradients"] = _head_gradient(step)
    if accumulated:
        parts["gradients"] += step.gradients / setup.devices
    if setup.checkpointing:
        parts["layer"] = memory_layer.backward_hump(step, layer)
        if step.autocasts and setup.trains == "full":
            parts["autocast copies"] = 2.0 * setup.shape.linear_weights
    else:
        parts["layer"] = step.tokens * layer.forward_backward + memory_layer.unpacked_bytes(step)
        if setup.trains == "full":
            parts["autocast copies"] = _cast_weights(step)
    return parts


def _attention_backward(step: Step, layer: Layer) -> Parts:
    """Without recomputing: the feed-forward part of the layer is gone, its gradients stand."""
    parts = _layer_backward(step, layer)
    parts["layer"] = step.tokens * (layer.attention_backward - layer.forward_saved - layer.norm)
    if step.setup.trains == "full" and not step.in_backward:
        parts["gradients"] += (
            step.setup.shape.layer_weights * step.trained_size / step.setup.devices
        )
    return parts


def _end_of_backward(step: Step, layer: Layer) -> Parts:
    """The lowest layer that learns goes backward: nearly all gradients stand."""
    parts, shape = dict(step.resident), step.setup.shape
    table = shape.embedding_weights * step.trained_size if step.setup.trains == "full" else 0
    if step.setup.checkpointing:
        parts["layer"] = memory_layer.backward_hump(step, layer)
        below = shape.blocks - step.setup.trained_layers if step.setup.trains == "top_layers" else 0
        parts["activations"] = step.tokens * layer.checkpoint * (1 + below) + _tables(step)
        if step.autocasts and step.setup.trains == "full":
            parts["autocast copies"] = 2.0 * shape.linear_weights
        # the embedding's own gradient comes last; a tied one stands since the output layer
        gradients = step.gradients - (0 if shape.tied else table)
        one = shape.layer_weights * step.trained_size if step.setup.trains == "full" else 0
    else:
        parts["layer"] = step.tokens * layer.forward_backward + memory_layer.unpacked_bytes(step)
        parts["activations"] = step.tokens * layer.saved + _tables(step)
        gradients, one = step.gradients, table
    parts["gradients"] = (one if step.in_backward else gradients) / step.setup.devices
    if merged := memory_layer.merged_experts(step):
        parts["merged experts"] = _MERGED_BOTTOM * merged
    parts["logits"] = memory_loss.held_bytes(step)
    return parts


def _embedding_backward(step: Step) -> Parts:
    """All gradients, and for tied embeddings a second one that is to be added to the first."""
    parts, shape = dict(step.resident), step.setup.shape
    extra = shape.embedding_weights * step.trained_size if shape.tied else 0
    parts["gradients"] = (step.gradients + extra) / step.setup.devices
    parts["activations"] = step.tokens * step.stream * shape.hidden + _tables(step)
    parts["logits"] = memory_loss.held_bytes(step)
    return parts


def _optimizer(step: Step) -> Parts:
    """``foreach`` makes a temporary for each gradient, the loop for the largest two, fused none."""
    parts, shape = dict(step.resident), step.setup.shape
    if step.in_backward:
        parts["gradients"] = float(shape.embedding_weights * step.trained_size)
        return parts
    parts["gradients"] = step.gradients / step.setup.devices
    if step.setup.optimizer == "adamw_foreach":
        parts["optimizer temporaries"] = parts["gradients"]
    elif step.setup.optimizer == "adamw_loop":
        largest = 2.0 * shape.embedding_weights * step.trained_size
        parts["optimizer temporaries"] = min(parts["gradients"], largest)
    parts["logits"] = memory_loss.held_bytes(step)
    return parts


def _reference(step: Step) -> Parts:
    """The reference reads the same rows, without keeping anything but one layer's work."""
    parts, shape = dict(step.resident), step.setup.shape
    work = step.attention * (shape.query_width + 2 * shape.kv_width) + 4 * shape.hidden
    work += 2 * step.forward * step.active_width
    parts["layer"] = step.tokens * work + _tables(step)
    parts["logits"] = memory_loss.forward_bytes(step)
    return parts
