"""QLoRA: LoRA beside a base model that is held in four bits.

The frozen weights are rounded to NF4 with double quantisation by bitsandbytes (Dettmers et al.
2023, arXiv 2305.14314) and are read back for each product. That saves memory and takes time: where
sixteen bits fit, ``lora`` is as good and faster. Without a GPU it works for small models, several
times slower, and frees no memory that matters; that is said before the first step.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval

from runners import _causal_lm, _causal_sft, _generation, _peft, _sft_arguments, _sft_settings
from runners.base import Frozen, Plan, Predictor, Progress, Report, Row, settings_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TASKS = ("generation", "instruction_following", "preference_alignment")
LIBRARIES = ("transformers", "accelerate", "bitsandbytes", "datasets", "peft", "trl")
SHARES_STEPS = True
FOUR_BITS = True
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
    variant: Literal["plain", "dora", "rslora"] = "plain"
    """DoRA also learns how long each column is; rsLoRA scales by the root of the rank."""
    learning_rate: Annotated[float, Gt(0)] | None = None
    """At its highest, after a tenth of the steps; from the width of the model unless given."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Passes over the rows; from the number of rows unless given."""
    batch: Annotated[int, Ge(1)] = 16
    """Rows per step."""
    max_tokens: Annotated[int, Ge(8)] | None = None
    """Longer rows are cut; as many as the model can read unless given."""
    checkpointing: bool = True
    """Less memory for a third more time."""
    optimizer: _sft_arguments.Optimizer = "adamw"
    """``adamw_8bit`` keeps its two moments in a quarter of the memory."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing: what follows depends on the model too."""
    del rows
    return {}


def computed_text(rows: int, base_model: str) -> dict[str, tuple[Any, str]]:
    """Epochs and the learning rate."""
    return _sft_settings.automatic(rows, base_model, added=True)


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Train the added matrices on the rounded model; save the adapter only.

    Raises:
        DataError: No row is left to learn from, or a row shows a fault of the template.
        GuardError: It would have learned nothing of use.
        UserError: The base model writes no text.
    """
    settings_of(Settings, plan.settings, plan.approach)
    known = _sft_settings.resolve(plan, len(rows), report, added=True)
    settings = settings_of(Settings, known, plan.approach)
    added = _peft.Added(
        settings.rank, settings.alpha or 2 * settings.rank, settings.dropout, settings.variant
    )
    tell_the_price(report)

    def adapt(model: "PreTrainedModel") -> Any:  # noqa: ANN401 - PEFT's model
        from peft import prepare_model_for_kbit_training

        # Checkpointing is switched on by the trainer.
        ready: Any = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        return _peft.add(ready, added)

    _causal_lm.require_causal(plan.base_model)  # before weights are looked for that it has not
    recipe = _sft_settings.recipe(settings)
    tuned = _causal_sft.tune(
        plan,
        rows,
        recipe,
        adapt,
        report,
        # Held by nobody here, so that it can be let go of where memory is too small for a step.
        _causal_lm.open_model(plan.base_model, four_bits=True),
    )
    _peft.save(tuned.model, plan.artifact / "adapter")


def tell_the_price(report: Report) -> None:
    """Say what four bits cost where they bring nothing."""
    import torch

    if not torch.cuda.is_available():
        text = "no GPU: four bits are read back at every step, which makes it slower than lora here"
        report(Progress(message=text, warning=True))


def load(folder: Path) -> Predictor:
    """Put the adapter on its base model, rounded as it was when it learned."""
    known = _generation.about(folder)
    model, tokenizer = _causal_lm.open_model(known["base_model"], four_bits=True)
    tuned = _peft.put_on(model, folder / "adapter").eval()
    return _generation.Writer(tuned, tokenizer, known["max_new_tokens"])
