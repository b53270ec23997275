"""Moments outside the training step: loading, reading with a cache, generating, embedding."""

from rules.memory_step import MIB, Parts, Step, paged_bytes

_PREFILL = 64  # tokens of a prompt read at once when its length is not known apart


def loading(step: Step) -> Parts:
    """Weights arrive one by one; what is converted on the way stands twice for a moment."""
    setup, shape = step.setup, step.setup.shape
    parts = {"weights": step.weights / setup.devices, "conversion": 0.0}
    if setup.quantisation:  # the largest matrix in 16 bits, while it is packed
        parts["conversion"] = 2.0 * shape.hidden * shape.intermediate
    if setup.upcast:  # the 16-bit tables are still there while their fp32 copies are made
        parts["conversion"] = 2.0 * shape.embedding_weights
    return parts


def cache_bytes(step: Step, rows: int, tokens: int) -> float:
    """Keys and values of all layers; a window bounds what each row keeps."""
    shape = step.setup.shape
    length = min(tokens, shape.window) if shape.window else tokens
    return 2.0 * shape.blocks * shape.kv_width * 2 * rows * length


def reading(step: Step) -> Parts:
    """Generation: weights, the cache at full length, and the reading of the prompt."""
    setup, shape = step.setup, step.setup.shape
    parts = dict(step.resident)
    parts["cache"] = cache_bytes(step, setup.batch, setup.tokens)
    parts["activations"] = _prompt(step, setup.batch, min(setup.tokens, _PREFILL))
    if setup.quantisation:  # the largest matrix in 16 bits
        widest = shape.vocabulary if step.stack.quantised_head else 0
        parts["unpacked weights"] = 2.0 * shape.hidden * max(shape.intermediate, widest)
    return parts


def generating(step: Step) -> Parts:
    """Online RL's first half: all answers at once, with the trained weights and their state."""
    setup = step.setup
    parts = dict(step.resident)
    parts["cache"] = cache_bytes(step, setup.completions, setup.tokens)
    prompt = max(1, setup.tokens - setup.completion_tokens)
    parts["activations"] = _prompt(step, setup.completions, prompt, last_only=True)
    # sampling keeps logits of the last token in fp32: scores, sorted ones and probabilities
    parts["logits"] = 12.0 * setup.completions * setup.shape.vocabulary
    return parts


def _prompt(step: Step, rows: int, tokens: int, *, last_only: bool = False) -> float:
    shape = step.setup.shape
    logits = 0 if last_only or shape.kind == "encoder" else 2 * shape.vocabulary
    return float(rows * tokens * (logits + 6 * step.active_width + 12 * shape.hidden))


def embedding(step: Step) -> Parts:
    """A frozen encoder reads a batch: one layer's work, nothing kept."""
    setup, shape = step.setup, step.setup.shape
    parts = dict(step.resident)
    size = step.attention
    work = 3 * step.stream * shape.hidden + size * (2 * shape.query_width + 2 * shape.kv_width)
    work += 2 * step.forward * step.active_width
    if setup.attention == "eager":
        work += 2 * 4 * shape.heads * setup.tokens
    parts["activations"] = float(step.tokens * work)
    return parts


def host_bytes(step: Step) -> float:
    """Resident memory of the process beside the GPU: libraries, and one shard of the checkpoint."""
    libraries, shard = 1100 * MIB, 5e9  # torch, transformers, peft, trl imported; hub's shard size
    stored = float(step.setup.shape.parameters * 2)
    return libraries + min(stored, shard) + paged_bytes(step)
