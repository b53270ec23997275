"""The output layer and its loss: what each implementation holds, in bytes."""

import math
from dataclasses import dataclass

from rules.memory_step import Step


@dataclass(frozen=True, slots=True)
class LossPath:
    """Bytes per logit while the loss goes forward and backward, beside the logits' own size."""

    says: str
    forward: float = 0
    backward: float = 0
    with_logits: bool = False
    """Whether the forward pass holds the model's own logits too."""
    upcasts: int = 0
    """Bytes of the fp32 copy of logits that are 16 bits wide."""


# fp32 copy 4, log-softmax 4; backward: log-softmax 4, its gradient 4, gradient of the logits 4.
PATHS = {
    "upcast": LossPath("transformers 5: logits, fp32 copy, log-softmax", 4, 12, True, 4),
    "shifted": LossPath("4.46 to 4.49: and a contiguous shifted fp32 copy", 8, 12, True, 4),
    "float": LossPath("up to 4.45: fp32 logits, shifted copy, log-softmax", 12, 12),
    "shifted_in_place": LossPath("logits, fp32, shifted; the kernel works in place", 10, 10),
    "float_in_place": LossPath("fp32 logits and shifted copy; the kernel works in place", 8, 8),
    "sixteen_bit": LossPath("no fp32 copy: logits 2, shifted 2, log-softmax 2", 6, 8),
    # Lightning's Fabric returns what a model gives in fp32; the gradient is made by 128 tokens.
    "chunked_128": LossPath("fp32 logits and log-softmax, in chunks of 128 tokens", 8, 8),
    "fused": LossPath("TRL: tiles of 4096 tokens by 32768 words, never the whole"),
    "liger": LossPath("chunks of tokens, gradient written over the logits"),
    # All bf16 logits (2), seven chunks' log-softmax (3.5), the last one's fp32 copy and log-softmax
    # (1); then, with the logits deleted, log-softmax (4) and two fp32 gradients of a chunk (1).
    "eight_chunks": LossPath("torchtune: bf16 logits in eight chunks", 6.5, 5),
    "none": LossPath("a scalar or a class: no vocabulary"),
}

_TILE = (4096, 32768)  # TRL's fused head: at most 4096 tokens by 32768 words, bf16


def path(step: Step) -> LossPath:
    """The implementation that runs: none where there is no vocabulary to predict."""
    if step.setup.way in ("reward_model", "encoder_tuning", "setfit") or _headless(step):
        return PATHS["none"]
    return PATHS[loss_name(step)]


def loss_name(step: Step) -> str:
    """GPT-BigCode computes its own loss, in 16 bits unless autocast; fast kernels pass it by."""
    if step.setup.shape.architecture != "gpt_bigcode" or "shifted" not in step.stack.loss:
        return step.stack.loss
    return "shifted" if step.setup.autocast else "sixteen_bit"


def _headless(step: Step) -> bool:
    return step.setup.shape.kind == "encoder"


def forward_bytes(step: Step) -> float:
    """Alive at the end of the loss's forward pass."""
    loss = path(step)
    per_logit = loss.forward + (step.logits if loss.with_logits else 0)
    if step.logits == 2:
        per_logit += loss.upcasts
    return step.tokens * step.setup.shape.vocabulary * per_logit + _fused(step, loss)


def backward_bytes(step: Step) -> float:
    """Alive when the gradient of the logits stands."""
    loss = path(step)
    per_logit = loss.backward + (_held_size(step) if step.stack.holds_outputs else 0)
    extra = 0.0
    if loss is PATHS["fused"]:  # fp32 sum of the hidden gradient beside its 16-bit copy
        extra = step.tokens * step.setup.shape.hidden * 6
        if step.setup.trains == "full":  # fp32 sum of the output layer's gradient, and the gradient
            extra += (4 + step.trained_size) * step.setup.shape.embedding_weights
    if loss is PATHS["chunked_128"]:
        extra = _chunk_or_head(step)
    if loss is PATHS["eight_chunks"] and step.setup.trains == "full":
        extra = _chunked_head(step)
    if loss is PATHS["none"]:  # the last norm goes backward in fp32: five copies, by the trace
        return 20.0 * step.tokens * step.setup.shape.hidden
    return step.tokens * step.setup.shape.vocabulary * per_logit + _fused(step, loss) + extra


def _chunk_or_head(step: Step) -> float:
    """One chunk's two fp32 gradients beside all; or, that done, the head's weights beside 6 bytes.

    Autograd runs backward what was computed last: the losses of all chunks before any of the head.
    """
    words = step.setup.shape.vocabulary
    chunk = min(128, step.setup.tokens) * step.setup.sequences
    return max(8.0 * chunk * words, unpacked_head(step) - 2.0 * step.tokens * words)


def _chunked_head(step: Step) -> float:
    """More than the first chunk's, where each chunk's gradient of the output layer is added up.

    The second chunk has one such gradient beside 4.5 bytes a logit, then two beside 3.25.
    """
    logits = step.tokens * step.setup.shape.vocabulary
    gradient = step.setup.shape.embedding_weights * step.trained_size
    return max(0.0, gradient - 0.5 * logits, 2.0 * gradient - 1.75 * logits)


def unpacked_head(step: Step) -> float:
    """The output layer in 16 bits, where it is stored in four."""
    quantised = step.stack.quantised_head and step.setup.quantisation
    return 2.0 * step.setup.shape.embedding_weights if quantised else 0.0


def next_forward(step: Step) -> float:
    """The next step's logits are made, in 16 bits and then in 32, while the last ones stand."""
    size = step.tokens * step.setup.shape.vocabulary
    return max(size * (4 + 2.0) + unpacked_head(step), size * (4 + 2.0 + 4))


def held_bytes(step: Step) -> float:
    """Logits that the caller keeps while the layers go backward."""
    if not step.stack.holds_outputs or path(step) is PATHS["none"]:
        return 0.0
    return float(step.tokens * step.setup.shape.vocabulary * step.logits)


def _held_size(step: Step) -> int:
    return 4 if step.stack.loss == "float" else step.logits


def _fused(step: Step, loss: LossPath) -> float:
    shape, tokens = step.setup.shape, step.tokens
    trains_head = step.setup.trains == "full"
    if loss is PATHS["fused"]:  # 36 bytes a token: running maximum, sum, target logit ...
        return min(tokens, _TILE[0]) * min(shape.vocabulary, _TILE[1]) * 2 + 36 * tokens
    if loss is PATHS["liger"]:  # as many chunks as the logits are wider than the hidden state
        chunks = math.ceil(shape.vocabulary / shape.hidden)
        rows = 2 ** math.ceil(math.log2(max(1, math.ceil(tokens / chunks))))
        gradient = shape.embedding_weights * step.weight if trains_head else 0
        return rows * shape.vocabulary * 6 + tokens * shape.hidden * 2 + gradient
    return 0.0
