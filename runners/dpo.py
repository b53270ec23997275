"""Direct preference optimisation: learn from pairs of answers which one people prefer.

The model is its own reward: of each pair the better answer is to become likelier than the worse
one, compared with a reference that is the model before training (Rafailov et al. 2023, arXiv
2305.18290). ``ipo`` asks for a margin of fixed size instead of an ever larger one (Azar et al.
2023, arXiv 2310.12036). Rows with a thumb and no second answer are learned by KTO (Ethayarajh et
al. 2024, arXiv 2402.01306). TRL does the work; the reference is never a second copy of the model.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from runners import (
    _causal_lm,
    _generation,
    _guards,
    _pairs,
    _peft,
    _policy,
    _preference_trainer,
    _sft_settings,
    _sft_trainer,
    _stages,
)
from runners._preference_trainer import Aim, Loss
from runners._sft_arguments import Recipe
from runners.base import Frozen, Plan, Predictor, Progress, Report, Row, settings_of

TASKS = ("preference_alignment",)
LIBRARIES = ("transformers", "accelerate", "datasets", "peft", "trl")
FORGETS_LESS_WITH = (
    "a larger beta (--setting beta=), a lower learning rate (--setting learning_rate=), "
    "or fewer epochs (--setting epochs=)"
)
ROWS_SEEN = 3000
"""Pairs that are seen in all; the published recipes see 10,000 to 60,000 once (evidence.md)."""
_SLOWER = 0.1
"""Of the rate at which answers are learned by heart: TRL's own defaults differ by 20 times."""


class Settings(Frozen):
    """The knobs of this approach."""

    weights: _policy.Weights = "lora"
    """What learns: ``lora`` matrices, those beside four bits (``qlora``), or the ``full`` model."""
    loss: Loss = "sigmoid"
    """Of pairs: ``sigmoid`` is DPO's own, ``ipo`` is less sure of few or noisy pairs."""
    beta: Annotated[float, Gt(0)] = 0.1
    """How dear it is to leave the reference: more keeps the model nearer to what it was."""
    sft_first: bool = False
    """Learn the better answers by heart before; for a base model that was never tuned."""
    epochs: Annotated[float, Gt(0)] | None = None
    """Passes over the pairs; from their number unless given."""
    learning_rate: Annotated[float, Gt(0)] | None = None
    """At its highest; from the width of the model unless given."""
    batch: Annotated[int, Ge(2)] = 16
    """Pairs per step."""
    rank: Annotated[int, Ge(1)] = 16
    """Width of the added matrices."""
    max_tokens: Annotated[int, Ge(8)] | None = None
    """Longer rows are cut; as many as the model can read unless given."""
    checkpointing: bool = False
    """Less memory for a third more time."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """The number of epochs."""
    return {"epochs": _preference_trainer.epochs_for(rows, ROWS_SEEN)}


def computed_text(rows: int, base_model: str) -> dict[str, tuple[Any, str]]:
    """Epochs, and the learning rate where the model is on this machine."""
    usual = _sft_settings.automatic(rows, base_model, added=True)
    found = computed(rows)
    if "learning_rate" in usual:
        rate = float(f"{usual['learning_rate'][0] * _SLOWER:.1e}")
        told = "a tenth of the rate of supervised tuning with added matrices; with --setting "
        found["learning_rate"] = (rate, f"{told}weights=full take a tenth of this")
    return found


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Train on the pairs, or the thumbs; save what changed.

    Raises:
        DataError: No pair is left to learn from, or all thumbs say the same.
        GuardError: It has learned nothing.
        UserError: The base model writes no text.
    """
    settings_of(Settings, plan.settings, plan.approach)
    settings = settings_of(Settings, _resolved(plan, len(rows), report), plan.approach)
    _causal_lm.require_causal(plan.base_model)
    began = _preference_trainer.clock()
    aim = Aim(settings.loss, settings.beta, _pairs.are_thumbs(rows))
    if settings.sft_first:
        wanted = {"rank": settings.rank, "max_tokens": settings.max_tokens}
        _stages.tune(plan, _policy.TUNES[settings.weights], wanted, rows, report)
    added = _peft.Added(settings.rank, 2 * settings.rank, 0.0)
    opened = _policy.open_to_learn(plan, settings.weights, added, after_sft=settings.sft_first)
    window = _generation.window_of(opened.model.config)
    most = min(window, settings.max_tokens or window)
    slices = _pairs.prepare(plan, rows, opened.tokenizer, most, report)
    _guards.words_fit(opened.model, opened.tokenizer, (row.ids for row in slices.train))
    if aim.thumbs:
        report(Progress(message="answers with a thumb and no second answer: learned by KTO"))
    recipe = Recipe(
        epochs=settings.epochs or 1,
        learning_rate=settings.learning_rate or 1e-6,
        batch=settings.batch,
        max_tokens=most,
        checkpointing=settings.checkpointing,
    )
    trainer = _preference_trainer.trainer(plan, opened, slices, recipe, aim, report)
    _preference_trainer.forecast(plan, trainer, recipe, began, report)
    before = _guards.fingerprint(trainer.model)
    _sft_trainer.train(plan, trainer, report)
    if not _sft_trainer.stopped(plan, trainer):
        _guards.something_changed(before, trainer.model)
    room = _generation.room_for(rows, opened.tokenizer, window)
    learned = opened._replace(model=trainer.model)
    _policy.save(plan, settings.weights, settings.beta, learned, room, after_sft=settings.sft_first)


def _resolved(plan: Plan, rows: int, report: Report) -> dict[str, Any]:
    """The plan's settings, with what is automatic where they say nothing."""
    found = dict(plan.settings)
    for name, (value, reason) in computed_text(rows, plan.base_model).items():
        if found.get(name) is None:
            found[name] = value
            report(Progress(message=f"{name} {value}: {reason}"))
    return found


def load(folder: Path) -> Predictor:
    """Put what was learned back on its base model."""
    return _policy.load(folder)
