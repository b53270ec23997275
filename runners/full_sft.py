"""Full fine-tuning: every weight of the base model, or its top layers with the rest frozen.

On an encoder with a classification layer that starts from the fitted head. The dearest approach in
memory (weights, gradients and two moments of the optimizer), and the one with the most to forget.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt

from rules.errors import SettingError
from runners import _encoder, _tune_encoder
from runners.base import Frozen, Plan, Predictor, Report, Row, settings_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch.nn import ModuleList


TASKS = ("classification",)
LIBRARIES = ("sentence_transformers", "sklearn", "accelerate")


class Settings(Frozen):
    """The knobs of this approach."""

    top_layers: Annotated[int, Ge(1)] | None = None
    """How many layers, counted from the output, are trained; all weights unless given."""
    learning_rate: Annotated[float, Gt(0)] = 1e-4
    """At its highest, after a tenth of the steps; it then falls to zero."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Passes over the rows; from the number of rows unless given."""
    batch: Annotated[int, Ge(1)] = _tune_encoder.BATCH
    """Rows per step."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """The number of epochs."""
    return {"epochs": _tune_encoder.epochs_for(rows)}


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Train the encoder and the layer; save both.

    Raises:
        DataError: Fewer than two labels.
        SettingError: More layers than the model has.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)

    def freeze(encoder: "SentenceTransformer") -> None:
        if settings.top_layers is not None:
            train_only_top(encoder, settings.top_layers)

    epochs = settings.epochs or _tune_encoder.epochs_for(len(rows))[0]
    schedule = _tune_encoder.Schedule(epochs, settings.learning_rate, settings.batch)
    encoder = _tune_encoder.fit(plan, rows, schedule, freeze, report)
    encoder.save(str(plan.artifact / "encoder"), create_model_card=False)


def train_only_top(encoder: "SentenceTransformer", count: int) -> None:
    """Freeze everything but the last layers of the encoder.

    Raises:
        SettingError: The model has fewer layers.
    """
    layers = _layers(encoder)
    if count > len(layers):
        fix = f"use --setting top_layers={len(layers)} or less, or leave it out for all weights"
        what = f"top_layers={count}, but the model has {len(layers)} layers"
        raise SettingError(what, where="--setting", fix=fix)
    for parameter in encoder.parameters():
        parameter.requires_grad = False
    for layer in layers[len(layers) - count :]:
        for parameter in layer.parameters():
            parameter.requires_grad = True


def _layers(encoder: "SentenceTransformer") -> "ModuleList":
    """The stack of equal layers: the longest module list, whatever the architecture calls it."""
    from torch.nn import ModuleList

    stacks = [module for module in encoder.modules() if isinstance(module, ModuleList)]
    return max(stacks, key=len)


def load(folder: Path) -> Predictor:
    """Open the tuned encoder with its layer."""
    return _tune_encoder.Tuned(_encoder.open_encoder(str(folder / "encoder")), folder)
