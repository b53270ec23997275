"""Bottleneck adapters: small networks between the frozen layers of the base model.

A layer's output goes down to a narrow width and up again, and is added to itself. Two to four
per cent of the weights learn; what is saved is megabytes, and several tasks can share one base.
Each answer takes a little longer than with LoRA, whose matrices can be merged (Houlsby et al. 2019,
arXiv 1902.00751; one adapter a layer as in Pfeiffer et al. 2021, arXiv 2005.00247).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from runners import _bottleneck, _causal_sft, _sft_arguments, _sft_settings
from runners.base import Frozen, Plan, Predictor, Report, Row, settings_of

TASKS = ("generation", "instruction_following")
LIBRARIES = ("transformers", "accelerate", "datasets", "safetensors", "trl")
SHARES_STEPS = True
FORGETS_LESS_WITH = (
    "a lower learning rate (--setting learning_rate=) or fewer epochs (--setting epochs=)"
)


class Settings(Frozen):
    """The knobs of this approach."""

    width: Annotated[int, Ge(1)] = 64
    """Numbers in the narrow middle of an adapter."""
    learning_rate: Annotated[float, Gt(0)] | None = None
    """At its highest, after a tenth of the steps; from the width of the model unless given."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Passes over the rows; from the number of rows unless given."""
    batch: Annotated[int, Ge(1)] = 16
    """Rows per step."""
    micro_batch: Annotated[int, Ge(1)] | None = None
    """Rows that go through at once; gradients of several add up to a step."""
    max_tokens: Annotated[int, Ge(8)] | None = None
    """Longer rows are cut; as many as the model can read unless given."""
    checkpointing: bool = False
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
    """Train the adapters; save them alone.

    Raises:
        DataError: No row is left to learn from, or a row shows a fault of the template.
        GuardError: It would have learned nothing of use.
        UserError: The base model writes no text, or has no layers to adapt.
    """
    settings_of(Settings, plan.settings, plan.approach)
    known = _sft_settings.resolve(plan, len(rows), report, added=True)
    settings = settings_of(Settings, known, plan.approach)
    recipe = _sft_settings.recipe(settings)

    def adapt(model: Any) -> Any:  # noqa: ANN401 - a transformers model
        return _bottleneck.add(model, settings.width)

    tuned = _causal_sft.tune(plan, rows, recipe, adapt, report)
    _bottleneck.save(tuned.model, plan.artifact / "adapter", settings.width)


def load(folder: Path) -> Predictor:
    """Put the adapters back between the layers of their base model."""
    return _causal_sft.reopen(folder, lambda model: _bottleneck.put_on(model, folder / "adapter"))
