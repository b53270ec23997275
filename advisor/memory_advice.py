"""What the approaches of a recommendation take of the user's card, part by part.

The plan behind it is the usual one (``advisor.usual_plan``), and several cards share the weights.
``whichtune memory`` answers any other plan.
"""

from functools import cache

from advisor import base_models
from advisor.usual_plan import usual
from rules import fit, fit_changes
from rules.facts import Facts
from runners.base import Frozen

_GIB = 2**30
_BAR = 16
_ENCODERS = ("heads", "setfit")
_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
_SHOWN_PARTS = 4


class Held(Frozen):
    """One approach on one model, held against a card."""

    approach: str
    model: str
    tokens: int
    needs_bytes: int
    """Allocated and context: with less it cannot run."""
    safe_bytes: int
    """The fits test."""
    nvidia_smi_bytes: tuple[int, int]
    parts_bytes: dict[str, int]
    """What is alive at the highest moment."""
    confidence: str
    card_bytes: int | None
    fits: bool | None
    """``None`` where the card is not known."""
    change: str
    """The least change that makes it fit, with its new number; empty where it fits already."""


def held(facts: Facts, approach: str) -> Held | None:
    """What an approach takes with a model that is named for the case.

    ``None`` for an API's model, and for an approach that no named model can do.
    """
    if facts.access in ("api_only", "api_with_finetuning"):
        return None
    card = None if facts.gpu_memory_gb is None else facts.gpu_memory_gb * 1e9
    for model in _models(facts, approach):
        found = _held(approach, model, card, max(1, facts.n_gpus or 1))
        if found is not None:
            return found
    return None


def _models(facts: Facts, approach: str) -> tuple[str, ...]:
    named = tuple(model.id for model in base_models.advise(facts).models)
    return (*named, _ENCODER) if approach in _ENCODERS else named


@cache
def _held(approach: str, model: str, card: float | None, cards: int) -> Held | None:
    plan = usual(approach, model, cards)
    if plan is None:
        return None
    setup, found = plan
    verdict = fit.verdict(found, card or None)
    changes = fit_changes.changes(setup, card) if card and not verdict.fits else ()
    enough = next((change for change in changes if change.fits), None)
    says = f"{enough.what}: then {enough.estimate.safe / _GIB:.1f} GiB" if enough else ""
    return Held(
        approach=approach,
        model=model,
        tokens=setup.tokens,
        needs_bytes=round(verdict.needs),
        safe_bytes=round(verdict.safe),
        nvidia_smi_bytes=(round(verdict.shown_low), round(verdict.shown_high)),
        parts_bytes={name: round(size) for name, size in found.parts.items()},
        confidence=found.confidence,
        card_bytes=round(card) if card else None,
        fits=verdict.fits,
        change=says,
    )


def lines(found: Held) -> tuple[str, ...]:
    """The bars by part, and the verdict, one line each."""
    head = f"memory with {found.model.partition('/')[2]}, rows of {found.tokens:,} tokens"
    parts = sorted(found.parts_bytes.items(), key=lambda part: -part[1])
    shown = [*parts[:_SHOWN_PARTS]]
    rest = sum(size for _, size in parts[_SHOWN_PARTS:])
    shown += [("the rest", rest)] if rest else []
    whole = sum(found.parts_bytes.values())
    bars = [
        f"{name:14.14} {size / _GIB:6.2f} GiB {'█' * max(1, round(size / whole * _BAR))}"
        for name, size in shown
    ]
    return (head, *bars, sentence(found))


def sentence(found: Held) -> str:
    """The three numbers and the verdict in one sentence."""
    low, high = (size / _GIB for size in found.nvidia_smi_bytes)
    text = f"needs {found.needs_bytes / _GIB:.1f}, safe {found.safe_bytes / _GIB:.1f} GiB"
    if found.card_bytes is not None:
        text += f" of {found.card_bytes / _GIB:.1f}"
    text += f" ({found.confidence}; nvidia-smi will show {low:.1f} to {high:.1f})"
    if found.fits is False:
        text += "; it does not fit"
        text += f": {found.change}" if found.change else ", and no change makes it fit"
    return text
