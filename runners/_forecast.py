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


def causal_bytes(
    model: Any,  # noqa: ANN401 - PEFT's, or transformers' own
    tokens: int,
    batch: int,
    *,
    checkpointing: bool,
    optimizer: str = "adamw",
) -> int | None:
    """Bytes of tensors of a step of a causal model; ``None`` for a model of no known kind.

    Args:
        model: As it is trained.
        tokens: Of the longest row.
        batch: Rows that go through at once.
        checkpointing: Whether activations are computed twice.
        optimizer: ``adamw`` or ``adamw_8bit``.
    """
    from torch import cuda

    way = _way_of(model)
    config = getattr(model, "peft_config", {}).get("default")
    narrow = next((part for name, part in model.named_modules() if _is_narrow(name)), None)
    try:
        shape = from_config(model.config.to_dict(), "the model")
        setup = Setup(
            shape,
            way,
            tokens,
            batch,
            precision="bf16" if cuda.is_available() and way in _FROZEN else "fp32",
            autocast=cuda.is_available() and cuda.is_bf16_supported(),
            quantisation="nf4-double" if way == "qlora" else None,
            rank=getattr(config, "r", 16),
            adapter_dropout=getattr(config, "lora_dropout", 0) > 0,
            bottleneck=narrow.out_features if narrow else 64,
            trained_layers=_trained_layers(model) if way == "top_layers" else 0,
            optimizer="adamw_8bit" if optimizer == "adamw_8bit" else "adamw_fused",
            checkpointing=checkpointing,
            attention="sdpa",
        )
        return round(memory.estimate(setup).allocated)
    except UserError:
        return None


_FROZEN = ("lora", "qlora", "adapters")
"""Ways beside which the model stays in the type it was published in."""


def _way_of(model: Any) -> Way:  # noqa: ANN401
    if getattr(model, "peft_config", None):
        return "qlora" if getattr(model, "is_loaded_in_4bit", False) else "lora"
    if any(_is_narrow(name) for name, _ in model.named_modules()):
        return "adapters"
    whole = all(weight.requires_grad for weight in model.parameters())
    return "full" if whole else "top_layers"


def _is_narrow(name: str) -> bool:
    """Whether a module is the way down of a bottleneck adapter (``_bottleneck``)."""
    return name.endswith(".bottleneck.down")


def _trained_layers(model: Any) -> int:  # noqa: ANN401
    """How many of the layers, which are numbered in the names of their weights, learn."""
    learning = [name for name, weight in model.named_parameters() if weight.requires_grad]
    return len({part for name in learning for part in name.split(".") if part.isdigit()})
