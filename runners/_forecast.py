"""The arithmetic side of a forecast: an encoder by ``rules.memory``, its texts in tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rules import memory
from rules.errors import UserError
from rules.model_config import from_config
from rules.setup import Setup, Way

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def token_counts(encoder: "SentenceTransformer", texts: Sequence[str]) -> list[int]:
    """Tokens of every text, as many as the encoder reads."""
    tokenizer: Any = encoder.tokenizer
    most = encoder.max_seq_length or 512
    return [min(len(ids), most) for ids in tokenizer(list(texts), verbose=False)["input_ids"]]


def estimated_bytes(
    encoder: "SentenceTransformer", lengths: Sequence[int], batch: int, learning: float
) -> int | None:
    """Bytes of tensors of a step on the longest batch; ``None`` for an encoder of no known kind.

    Args:
        encoder: In fp32, without checkpointing, as our runners tune it.
        lengths: Tokens of the training texts.
        batch: Texts of a step.
        learning: Share of the weights that learn: beside few, the others keep no gradients.
    """
    inner: Any = encoder.transformers_model
    way: Way = "encoder_tuning" if learning > 0.5 else "lora"
    try:
        shape = from_config(inner.config.to_dict(), "the encoder")
        setup = Setup(
            shape, way, max(lengths), batch, precision="fp32", checkpointing=False, attention="sdpa"
        )
        return round(memory.estimate(setup).allocated)
    except UserError:
        return None
