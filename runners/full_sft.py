"""Full fine-tuning: every weight of the base model, or its top layers with the rest frozen.

For labels on an encoder, with a classification layer that starts from the fitted head; for texts on
a causal model or an encoder-decoder, which learns its answers and nothing of what it is asked. The
dearest approach in memory (weights, gradients and two moments of the optimizer), and the one with
the most to forget.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt

from rules.errors import SettingError
from runners import (
    _causal_lm,
    _causal_sft,
    _encoder,
    _generation,
    _models,
    _seq2seq,
    _seq2seq_writer,
    _sft_arguments,
    _sft_settings,
    _tune_encoder,
)
from runners.base import Frozen, Plan, Predictor, Report, Row, settings_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch.nn import Module, ModuleList


TASKS = ("classification", "generation", "instruction_following", "preference_alignment")
LIBRARIES = ("sentence_transformers", "sklearn", "accelerate")
TEXT_LIBRARIES = ("transformers", "accelerate", "datasets", "trl")
SHARES_STEPS = True
SPLITS_MODEL = True
FORGETS_LESS_WITH = (
    "a lower learning rate (--setting learning_rate=), "
    "fewer epochs (--setting epochs=), or --approach lora, which changes less of the model"
)


class Settings(Frozen):
    """The knobs of this approach."""

    top_layers: Annotated[int, Ge(1)] | None = None
    """How many layers, counted from the output, are trained; all weights unless given."""
    learning_rate: Annotated[float, Gt(0)] = 1e-4
    """At its highest, after a tenth of the steps; it then falls to zero. For texts it follows from
    the width of the model unless given."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Passes over the rows; from the number of rows unless given."""
    batch: Annotated[int, Ge(1)] = _tune_encoder.BATCH
    """Rows per step."""
    micro_batch: Annotated[int, Ge(1)] | None = None
    """Of texts: rows that go through at once; gradients of several add up to a step."""
    max_tokens: Annotated[int, Ge(8)] | None = None
    """Of texts: longer rows are cut; as many as the model can read unless given."""
    checkpointing: bool = False
    """Of texts: less memory for a third more time."""
    optimizer: _sft_arguments.Optimizer = "adamw"
    """Of texts: ``adamw_8bit`` keeps its two moments in a quarter of the memory."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """The number of epochs."""
    return {"epochs": _tune_encoder.epochs_for(rows)}


def computed_text(rows: int, base_model: str) -> dict[str, tuple[Any, str]]:
    """Epochs, and the learning rate of a causal model."""
    return _sft_settings.automatic(rows, base_model, added=False)


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Train the encoder and the layer; save both.

    Raises:
        DataError: Fewer than two labels.
        SettingError: More layers than the model has.
        GuardError: It would have learned nothing of use.
    """
    settings = settings_of(Settings, plan.settings, plan.approach, plan.task)
    if plan.task != "classification":
        _fit_text(plan, rows, report)
        return

    def freeze(encoder: "SentenceTransformer") -> None:
        if settings.top_layers is not None:
            train_only_top(encoder, settings.top_layers)

    epochs = settings.epochs or _tune_encoder.epochs_for(len(rows))[0]
    schedule = _tune_encoder.Schedule(epochs, settings.learning_rate, settings.batch)
    encoder = _tune_encoder.fit(plan, rows, schedule, freeze, report)
    encoder.save(str(plan.artifact / "encoder"), create_model_card=False)


def _fit_text(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    known = _sft_settings.resolve(plan, len(rows), report, added=False)
    settings = settings_of(Settings, known, plan.approach)

    def freeze(model: Any) -> Any:  # noqa: ANN401 - a transformers model
        model.float()  # a step is smaller than what half precision can add to a weight
        if settings.top_layers is not None:
            train_only_top(model, settings.top_layers)
        return model

    sort = _seq2seq if _models.kind(plan.base_model) == "encoder_decoder" else _causal_sft
    tuned = sort.tune(plan, rows, _sft_settings.recipe(settings), freeze, report)
    tuned.model.save_pretrained(str(plan.artifact / "model"))
    tuned.tokenizer.save_pretrained(str(plan.artifact / "model"))


def train_only_top(encoder: "Module", count: int) -> None:
    """Freeze everything but the last layers of the model.

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


def _layers(encoder: "Module") -> "ModuleList":
    """The stack of equal layers: the longest module list, whatever the architecture calls it."""
    from torch.nn import ModuleList

    stacks = [module for module in encoder.modules() if isinstance(module, ModuleList)]
    return max(stacks, key=len)


def load(folder: Path) -> Predictor:
    """Open the tuned encoder with its layer, or the tuned causal model."""
    if _generation.writes(folder):
        if _models.kind(str(folder / "model")) == "encoder_decoder":
            found = _seq2seq_writer.open_model(str(folder / "model"))
            return _seq2seq_writer.Seq2SeqWriter(*found, _generation.read(folder)["max_new_tokens"])
        model, tokenizer = _causal_lm.open_model(str(folder / "model"))
        return _generation.Writer(model, tokenizer, _generation.read(folder)["max_new_tokens"])
    return _tune_encoder.Tuned(_encoder.open_encoder(str(folder / "encoder")), folder)
