"""The usual plan of an approach on a model: TRL's longest row, one at a time, its defaults."""

from functools import cache

from rules import fit, model_config, ways
from rules.errors import UserError
from rules.memory import Estimate
from rules.setup import Setup

TOKENS = 1024
"""Longest row unless somebody says otherwise: ``max_length`` of TRL 1.16's trainers."""
_GIB = 2**30


@cache
def usual(approach: str, model: str, cards: int = 1) -> tuple[Setup, Estimate] | None:
    """The stage of the plan that needs the most, estimated.

    ``None`` where the approach cannot use the model, runs elsewhere, or has no closed form there.
    """
    try:
        shape = model_config.from_table(model)
        tokens = min(TOKENS, shape.context or TOKENS)
        steps = ways.setups(approach, shape, tokens=tokens, devices=cards)
    except UserError:
        return None
    return fit.most(steps) if steps else None


def in_words(model: str, memory_gb: float | None) -> str:
    """What LoRA and QLoRA take of a model, and whether that is more than there is, in GB of 10**9.

    Empty for a model without a closed form: a guess would look like the other numbers.
    """
    plans = [usual(approach, model) for approach in ("lora", "qlora")]
    lora, four = (plan[1].safe if plan else None for plan in plans)
    if lora is None or four is None:
        return ""
    text = f"LoRA: safe with {lora / _GIB:.1f} GiB; QLoRA: {four / _GIB:.1f}"
    if memory_gb and lora > memory_gb * 1e9:
        text += f", and you have {memory_gb * 1e9 / _GIB:.1f}"
    return text
