"""The output layer and its loss: what each implementation holds, in bytes."""

import math
from dataclasses import dataclass

from rules.memory_step import Step


@dataclass(frozen=True, slots=True)
class LossPath:
    """Bytes per logit while the loss goes forward and backward, beside the logits' own size."""

    says: str
    forward: int = 0
    backward: int = 0
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
    "chunked_128": LossPath("bf16 logits and their gradient in chunks of 128 tokens", 4, 4),
    "fused": LossPath("TRL: tiles of 4096 tokens by 32768 words, never the whole"),
    "liger": LossPath("chunks of tokens, gradient written over the logits"),
    "eight_chunks": LossPath("torchtune: bf16 logits in eight chunks"),
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
    if loss is PATHS["none"]:
        per_logit = 0
    return step.tokens * step.setup.shape.vocabulary * per_logit + _fused(step, loss) + extra


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
    if loss is PATHS["eight_chunks"]:
        return tokens / 8 * shape.vocabulary * 12 + tokens * shape.vocabulary * 2
    return 0.0
