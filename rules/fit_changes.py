"""What to change when a setup does not fit: the least harm first, each with its new number.

Harm grows down the list. The first changes cost time and leave the result as it is; shorter rows
lose text; LoRA and QLoRA change what is learnt; a smaller base model changes it most.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from rules.fit import fits
from rules.memory import Estimate, estimate
from rules.memory_step import GIB
from rules.model_shape import ModelShape
from rules.setup import Setup

_SHORTEST = 128
_EIGHT_BIT_FROM = 10**8  # weights: below that optimizer states are no matter


@dataclass(frozen=True, slots=True)
class Change:
    """One way to make it fit, or a part of one."""

    what: str
    """What to change, with the flag that does it."""
    harm: str
    """What it costs."""
    setup: Setup
    estimate: Estimate
    fits: bool


_Step = Callable[[Setup], "tuple[Setup, str, str] | None"]


def changes(
    setup: Setup,
    available: float,
    *,
    lengths: Sequence[int] = (),
    smaller: Sequence[ModelShape] = (),
) -> tuple[Change, ...]:
    """The changes that help, by harm; each stands upon those before it until one fits.

    ``lengths`` are tokens of the user's rows, to say what share a shorter limit cuts; ``smaller``
    are base models to fall back on, in any order. Empty when it fits as it is.
    """
    if fits(setup, available):
        return ()
    found: list[Change] = []
    current = setup
    # fewer rows may help only once the optimizer's step is no longer the highest moment
    for step in (_checkpoint, _fewer_rows, _cheaper_optimizer, _fewer_rows):
        current = _taken(step, current, available, found)
        if found and found[-1].fits:
            break
    gentle = current
    if not (found and found[-1].fits):
        found += _shorter(gentle, available, lengths)
        found += _adapters(gentle, available)
    found += _smaller_models(gentle, available, smaller)
    return tuple(found)


def _taken(step: _Step, setup: Setup, available: float, found: list[Change]) -> Setup:
    """Keep a change where it helps, and go on from there."""
    changed = step(setup)
    if changed is None:
        return setup
    new, what, harm = changed
    after = estimate(new)
    if after.safe >= estimate(setup).safe:
        return setup
    found.append(Change(what, harm, new, after, after.safe <= available))
    return new


def _checkpoint(setup: Setup) -> tuple[Setup, str, str] | None:
    if setup.checkpointing or setup.trains == "nothing":
        return None
    what = "gradient checkpointing on: leave out --no-checkpointing"
    return replace(setup, checkpointing=True), what, "about a third more time, the same result"


def _fewer_rows(setup: Setup) -> tuple[Setup, str, str] | None:
    if setup.batch == 1:
        return None
    if setup.trains == "nothing":
        return replace(setup, batch=1), "--batch 1", "rows one after the other"
    steps = setup.accumulation * setup.batch
    what = f"--batch 1, gradients of {steps} rows added up"
    return replace(setup, batch=1, accumulation=steps), what, "slower, the same result"


def _cheaper_optimizer(setup: Setup) -> tuple[Setup, str, str] | None:
    if estimate(setup).trainable < _EIGHT_BIT_FROM or "8bit" in setup.optimizer:
        return None
    what = "--optimizer adamw_8bit"
    return replace(setup, optimizer="adamw_8bit"), what, "states in 8 bits; results within noise"


def _shorter(setup: Setup, available: float, lengths: Sequence[int]) -> Iterator[Change]:
    """Halve the rows until it fits."""
    tokens = setup.tokens // 2
    while tokens >= _SHORTEST:
        new = replace(setup, tokens=tokens)
        after = estimate(new)
        if after.safe <= available:
            cut = sum(length > tokens for length in lengths)
            share = f"{cut / len(lengths):.0%} of the rows are cut" if lengths else "cuts long rows"
            yield Change(f"--tokens {tokens}", share, new, after, fits=True)
            return
        tokens //= 2


def _adapters(setup: Setup, available: float) -> Iterator[Change]:
    """LoRA instead of all weights, then over 4-bit weights; one row at a time where that helps."""
    if setup.shape.kind != "causal" or setup.trains not in ("full", "lora"):
        return
    lora = _with_policy(setup, "lora")
    if setup.trains == "full":
        harm = "adapters learn less than all weights where the task is far from pretraining"
        for change in _with_fewer_rows("--approach lora", harm, lora, available):
            yield change
            if change.fits:
                return
    if setup.quantisation or setup.shape.quantised:
        return
    four = replace(_with_policy(lora, "qlora"), quantisation="nf4-double", adapter_precision="bf16")
    harm = "weights in 4 bits: slower steps, a little quality"
    yield from _with_fewer_rows("--approach qlora", harm, four, available)


def _with_fewer_rows(what: str, harm: str, setup: Setup, available: float) -> Iterator[Change]:
    """A change, and where it is not enough, the same with one row at a time."""
    after = estimate(setup)
    yield Change(what, harm, setup, after, after.safe <= available)
    fewer = None if after.safe <= available else _fewer_rows(setup)
    if fewer:
        new = estimate(fewer[0])
        says = f"{harm}; {fewer[2]}"
        yield Change(f"{what} {fewer[1]}", says, fewer[0], new, new.safe <= available)


def _with_policy(setup: Setup, policy: Literal["lora", "qlora"]) -> Setup:
    if setup.way in ("dpo", "reward_model", "online_rl"):
        reference = "shared" if setup.reference != "none" else "none"
        return replace(setup, policy=policy, reference=reference)
    return replace(setup, way=policy, optimizer="adamw_fused")


def _smaller_models(
    setup: Setup, available: float, smaller: Sequence[ModelShape]
) -> Iterator[Change]:
    """The largest other model with which the same approach fits."""
    below = [shape for shape in smaller if shape.parameters < setup.shape.parameters]
    for shape in sorted(below, key=lambda each: -each.parameters):
        tokens = min(setup.tokens, shape.context or setup.tokens)
        new = replace(setup, shape=shape, tokens=tokens, trained_layers=0)
        after = estimate(new)
        if after.safe <= available:
            size = f"{shape.parameters / 1e9:.1f} billion weights"
            yield Change(f"{shape.name} instead", f"{size}: knows less", new, after, fits=True)
            return


def missing(setup: Setup, available: float) -> str:
    """How much is lacking, in words."""
    lack = estimate(setup).safe - available
    return f"{ceil(lack / GIB * 10) / 10:.1f} GiB too much"
