"""LoRA matrices by PEFT, on every linear layer of a model that writes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Added:
    """What is added beside each layer."""

    rank: int
    alpha: int
    dropout: float
    variant: Literal["plain", "dora", "rslora"] = "plain"


def add(model: Any, added: Added) -> Any:  # noqa: ANN401 - a transformers model, then PEFT's
    """The model with untrained matrices, which do not change what it says yet."""
    from peft import get_peft_model

    return get_peft_model(model, config(model, added))


def config(model: Any, added: Added, task: str | None = None) -> Any:  # noqa: ANN401 - PEFT's
    """What PEFT is told of them, for a trainer that puts them on the model itself."""
    from peft import LoraConfig
    from transformers.pytorch_utils import Conv1D

    usual = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
    return LoraConfig(
        r=added.rank,
        lora_alpha=added.alpha,
        lora_dropout=0.0 if _has_fused_experts(model) else added.dropout,
        use_dora=added.variant == "dora",
        use_rslora=added.variant == "rslora",
        target_modules="all-linear",
        fan_in_fan_out=any(isinstance(part, Conv1D) for part in model.modules()),  # GPT-2
        task_type=task or usual,
    )


def _has_fused_experts(model: Any) -> bool:  # noqa: ANN401
    """Whether experts are one table of three dimensions, beside which PEFT can drop nothing."""
    named = model.named_parameters()
    return any(weight.dim() == 3 for name, weight in named if "experts" in name)


def put_on(
    model: Any,  # noqa: ANN401
    folder: Path,
    name: str = "default",
    *,
    learns: bool = False,
) -> Any:  # noqa: ANN401
    """The model with the matrices of a folder; others can be put beside them by another name."""
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(folder), adapter_name=name, is_trainable=learns)


def save(model: Any, folder: Path) -> None:  # noqa: ANN401
    """Write the matrices, and no model card with nothing filled in."""
    model.save_pretrained(str(folder), selected_adapters=["default"])
    (folder / "README.md").unlink(missing_ok=True)
