"""LoRA: small trained matrices beside the frozen ones of the base model.

For labels on an encoder, with a classification layer that starts from the fitted head; for texts on
a causal model or an encoder-decoder, which learns its answers and nothing of what it is asked. PEFT
does the work. The learning rate is about ten times that of full fine-tuning, and every linear layer
is adapted, as the claim "LoRA equals full fine-tuning" needs (Thinking Machines 2025, *LoRA Without
Regret*).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval

from runners import (
    _causal_sft,
    _encoder,
    _generation,
    _models,
    _peft,
    _seq2seq,
    _sft_arguments,
    _sft_settings,
    _tune_encoder,
)
from runners.base import Frozen, Plan, Predictor, Report, Row, settings_of

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


TASKS = ("classification", "generation", "instruction_following", "preference_alignment")
LIBRARIES = ("sentence_transformers", "sklearn", "accelerate", "peft")
TEXT_LIBRARIES = ("transformers", "accelerate", "datasets", "peft", "trl")
SHARES_STEPS = True
FORGETS_LESS_WITH = (
    "a lower learning rate (--setting learning_rate=), "
    "fewer epochs (--setting epochs=), or matrices of a smaller rank (--setting rank=)"
)


class Settings(Frozen):
    """The knobs of this approach."""

    rank: Annotated[int, Ge(1)] = 16
    """Width of the added matrices."""
    alpha: Annotated[int, Ge(1)] | None = None
    """Scale of what they add, over rank; twice the rank unless given."""
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.05
    """Share of the inputs to the added matrices that each step leaves out; none beside experts."""
    learning_rate: Annotated[float, Gt(0)] = 1e-3
    """At its highest, after a tenth of the steps; it then falls to zero. For texts it follows from
    the width of the model unless given."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Passes over the rows; from the number of rows unless given."""
    batch: Annotated[int, Ge(1)] = _tune_encoder.BATCH
    """Rows per step."""
    variant: Literal["plain", "dora", "rslora"] = "plain"
    """DoRA also learns how long each column is; rsLoRA scales by the root of the rank."""
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
    return _sft_settings.automatic(rows, base_model, added=True)


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Train the added matrices and the layer; save the adapter only.

    Raises:
        DataError: Fewer than two labels.
        GuardError: It would have learned nothing of use.
    """
    settings = settings_of(Settings, plan.settings, plan.approach, plan.task)
    if plan.task != "classification":
        _fit_text(plan, rows, report)
        return

    def adapt(encoder: "SentenceTransformer") -> None:
        from peft import LoraConfig

        encoder.add_adapter(
            LoraConfig(
                r=settings.rank,
                lora_alpha=settings.alpha or 2 * settings.rank,
                lora_dropout=settings.dropout,
                use_dora=settings.variant == "dora",
                use_rslora=settings.variant == "rslora",
                target_modules="all-linear",
            )
        )

    epochs = settings.epochs or _tune_encoder.epochs_for(len(rows))[0]
    schedule = _tune_encoder.Schedule(epochs, settings.learning_rate, settings.batch)
    encoder = _tune_encoder.fit(plan, rows, schedule, adapt, report)
    adapted: Any = encoder.transformers_model  # the model with the adapter in it
    adapted.save_pretrained(str(plan.artifact / "adapter"))


def _fit_text(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    known = _sft_settings.resolve(plan, len(rows), report, added=True)
    settings = settings_of(Settings, known, plan.approach)
    added = _peft.Added(
        settings.rank, settings.alpha or 2 * settings.rank, settings.dropout, settings.variant
    )
    recipe = _sft_settings.recipe(settings)
    sort = _seq2seq if _models.kind(plan.base_model) == "encoder_decoder" else _causal_sft
    tuned = sort.tune(plan, rows, recipe, lambda model: _peft.add(model, added), report)
    _peft.save(tuned.model, plan.artifact / "adapter")


def load(folder: Path) -> Predictor:
    """Put the adapter back on its base model."""
    if _generation.writes(folder):
        base = _generation.read(folder)["base_model"]
        sort = _seq2seq if _models.kind(base) == "encoder_decoder" else _causal_sft
        return sort.reopen(folder, lambda model: _peft.put_on(model, folder / "adapter"))
    encoder = _encoder.open_encoder(_tune_encoder.base_model_of(folder))
    encoder.load_adapter(str(folder / "adapter"))
    return _tune_encoder.Tuned(encoder, folder)
