"""The arithmetic side of a forecast: a model by ``rules.memory``, its texts in tokens."""

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


def causal_bytes(model: Any, tokens: int, batch: int, *, checkpointing: bool) -> int | None:  # noqa: ANN401
    """Bytes of tensors of a step of a causal model; ``None`` for a model of no known kind.

    Args:
        model: As it is trained: PEFT's, or transformers' own.
        tokens: Of the longest row.
        batch: Rows that go through at once.
        checkpointing: Whether activations are computed twice.
    """
    from torch import cuda

    config = getattr(model, "peft_config", {}).get("default")
    quantised = getattr(model, "is_loaded_in_4bit", False)
    way: Way = ("qlora" if quantised else "lora") if config else "full"
    try:
        shape = from_config(model.config.to_dict(), "the model")
        setup = Setup(
            shape,
            way,
            tokens,
            batch,
            precision="bf16" if cuda.is_available() and way != "full" else "fp32",
            quantisation="nf4-double" if quantised else None,
            rank=getattr(config, "r", 16),
            checkpointing=checkpointing,
            attention="sdpa",
        )
        return round(memory.estimate(setup).allocated)
    except UserError:
        return None
