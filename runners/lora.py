"""LoRA: small trained matrices beside the frozen ones of the base model.

On an encoder with a classification layer that starts from the fitted head. PEFT does the work. The
learning rate is about ten times that of full fine-tuning, and every linear layer is adapted, as the
claim "LoRA equals full fine-tuning" needs (Thinking Machines 2025, *LoRA Without Regret*).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt, Interval

from runners import _encoder, _tune_encoder
from runners.base import Frozen, Plan, Predictor, Report, Row, settings_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


TASKS = ("classification",)
LIBRARIES = ("sentence_transformers", "sklearn", "accelerate", "peft")


class Settings(Frozen):
    """The knobs of this approach."""

    rank: Annotated[int, Ge(1)] = 16
    """Width of the added matrices."""
    alpha: Annotated[int, Ge(1)] | None = None
    """Scale of what they add, over rank; twice the rank unless given."""
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.05
    """Share of the inputs to the added matrices that each step leaves out."""
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    """At its highest, after a tenth of the steps; it then falls to zero."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Passes over the rows; from the number of rows unless given."""
    batch: Annotated[int, Ge(1)] = _tune_encoder.BATCH
    """Rows per step."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """The number of epochs."""
    return {"epochs": _tune_encoder.epochs_for(rows)}


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Train the added matrices and the layer; save the adapter only.

    Raises:
        DataError: Fewer than two labels.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)

    def adapt(encoder: "SentenceTransformer") -> None:
        from peft import LoraConfig

        encoder.add_adapter(
            LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha or 2 * settings.rank,
                lora_dropout=settings.dropout,
                target_modules="all-linear",
            )
        )

    epochs = settings.epochs or _tune_encoder.epochs_for(len(rows))[0]
    schedule = _tune_encoder.Schedule(epochs, settings.learning_rate, settings.batch)
    encoder = _tune_encoder.fit(plan, rows, schedule, adapt, report)
    adapted: Any = encoder.transformers_model  # the model with the adapter in it
    adapted.save_pretrained(str(plan.artifact / "adapter"))


def load(folder: Path) -> Predictor:
    """Put the adapter back on its base model."""
    encoder = _encoder.open_encoder(_tune_encoder.base_model_of(folder))
    encoder.load_adapter(str(folder / "adapter"))
    return _tune_encoder.Tuned(encoder, folder)
