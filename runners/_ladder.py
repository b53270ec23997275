"""The way down where memory is too small for a step: what is given up, in the order of its price.

Fewer rows at once come first, since gradients of several add up to the same step; then activations
are computed twice, which takes a third more time and changes nothing else. Only when neither is
enough are rows cut, which changes what is learned and is said with its share. The approach itself
is never changed: that is advised. What the user chose stays as chosen.

The arithmetic of ``rules.memory`` goes down before the first step; a step that fails for want of
memory goes down one rung.
"""

import gc
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rules.errors import UserError
from runners import _checkpoints, _forecast, _probe, _processes, _sft_arguments
from runners._render import Rendered
from runners._render_guards import RenderError
from runners._sft_arguments import Recipe
from runners.base import Plan, Progress, Report

_FILLED = 0.8
"""Of the memory that is free, what the arithmetic may fill: it knows the tensors, and no more."""
_SHORTER = 0.75
"""Of the longest row, what the next shorter one keeps."""
_LEAST_TOKENS = 8
_SIGNS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python says so, or torch, of a GPU or of a processor."""
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _SIGNS)


def before(plan: Plan, model: Any, rows: Sequence[Rendered], recipe: Recipe) -> Recipe:  # noqa: ANN401
    """The first rung on which the arithmetic says that a step fits; the same where it says nothing.

    Args:
        plan: Tells what the user chose, and how many processes share a step.
        model: As it is trained.
        rows: What is learned from.
        recipe: How to train, if memory allows.

    Raises:
        UserError: No rung is low enough.
        RenderError: ``all_cut``: on the lowest, most answers would be cut off.
    """
    free, longest = _probe.available_bytes(), max(len(row.ids) for row in rows)

    def fits(way: Recipe, share: float) -> bool:
        tokens = min(longest, way.max_tokens or longest)
        micro = _sft_arguments.micro_batch(plan, way)
        needed = _forecast.causal_bytes(
            model, tokens, micro, checkpointing=way.checkpointing, optimizer=way.optimizer
        )
        return needed is None or needed <= free * share

    lowest = recipe
    for way in (recipe, *_harmless(plan, recipe)):
        if fits(way, _FILLED):
            return way
        lowest = way
    # Between what is safe and what there is, trying is better than cutting; several processes may
    # split the model among them, which the arithmetic of one does not know.
    if plan.processes > 1 or fits(lowest, 1.0):
        return lowest
    for way in _shorter(plan, rows, lowest):
        if fits(way, 1.0):
            return way
    raise _refusal(plan, rows)


def lower(plan: Plan, rows: Sequence[Rendered], recipe: Recipe) -> Recipe:
    """One rung down, after a step that failed for want of memory; it is where a killed run goes on.

    Raises:
        UserError: This was the lowest.
        RenderError: ``all_cut``: on a lower one, most answers would be cut off.
    """
    found = next(_harmless(plan, recipe), None) or next(_shorter(plan, rows, recipe), None)
    if found is None:
        raise _refusal(plan, rows)
    if found.max_tokens != recipe.max_tokens:  # other rows: what was learned of the old ones goes
        _checkpoints.forget(plan.folder)
    _checkpoints.decided(plan, _rungs(found), anew=True)
    return found


def agreed(plan: Plan, recipe: Recipe) -> Recipe:
    """The same in all processes, and the same again when the run goes on after a stop."""
    if not _processes.rank():
        known = _checkpoints.decided(plan, _rungs(recipe))
        recipe = replace(recipe, **known)
    return _processes.agreed(plan, recipe)


def _rungs(recipe: Recipe) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in ("micro_batch", "checkpointing", "max_tokens")}


def free_memory() -> None:
    """Let go of what a step left that failed."""
    from torch import cuda

    gc.collect()
    if cuda.is_available():
        cuda.empty_cache()


def _harmless(plan: Plan, recipe: Recipe) -> Iterator[Recipe]:
    """Rungs that change nothing of what is learned."""
    rows = recipe.micro_batch or recipe.batch
    chosen = plan.settings.get("micro_batch") is not None
    while rows > 1 and not chosen:
        rows = math.ceil(rows / 2)
        recipe = replace(recipe, micro_batch=rows)
        yield recipe
    if not recipe.checkpointing and "checkpointing" not in plan.settings:
        yield replace(recipe, checkpointing=True)


def _shorter(plan: Plan, rows: Sequence[Rendered], recipe: Recipe) -> Iterator[Recipe]:
    """Rungs that cut rows, as long as half of them still have something to be learned."""
    if plan.settings.get("max_tokens") is not None:
        return
    longest = max(len(row.ids) for row in rows)
    tokens = min(longest, recipe.max_tokens or longest)
    least = max(_LEAST_TOKENS, _first_answers(rows))
    while (tokens := math.floor(tokens * _SHORTER)) >= least:
        yield replace(recipe, max_tokens=tokens)


def _first_answers(rows: Sequence[Rendered]) -> int:
    """Tokens with which half of the rows show at least the first of what is learned of them."""
    places = sorted(row.learned.index(True) + 1 for row in rows if True in row.learned)
    return places[len(places) // 2] if places else 0


def _refusal(plan: Plan, rows: Sequence[Rendered]) -> UserError:
    fix = _advice(plan)
    if plan.settings.get("max_tokens") is None:
        least = max(_LEAST_TOKENS, _first_answers(rows))
        what = f"memory is too small for rows of {least:,} tokens, where half of the answers begin"
        return RenderError("all_cut", what, where=plan.name, fix=fix)
    what = f"memory is too small for {plan.approach}, even for one row at once"
    return UserError(what, where=plan.name, fix=fix)


def _advice(plan: Plan) -> str:
    from torch import cuda

    if plan.approach == "full_sft":
        return "train less of the model: --approach lora, or --setting top_layers=2"
    if plan.approach in ("lora", "adapters") and cuda.is_available():
        return "hold the base model in four bits: --approach qlora"
    return "take a smaller base model, or close other programs and run it again"


def tell(asked: Recipe, taken: Recipe, rows: Sequence[Rendered], report: Report) -> None:
    """Say what was given up, one warning for each kind."""
    texts: list[str] = []
    if (taken.micro_batch or taken.batch) < (asked.micro_batch or asked.batch):
        at_once = f"{taken.micro_batch} of {taken.batch} rows go through at once"
        texts.append(f"{at_once}, to fit into memory; what is learned stays the same")
    if taken.checkpointing and not asked.checkpointing:
        texts.append("activations are computed twice, to fit into memory: a third more time")
    if taken.max_tokens and taken.max_tokens != asked.max_tokens:
        cut = sum(len(row.ids) > taken.max_tokens for row in rows)
        share = f"{cut:,} of {len(rows):,} rows ({cut / len(rows):.0%})"
        texts.append(f"{share} are cut to {taken.max_tokens:,} tokens, to fit into memory")
    for text in texts:
        report(Progress(message=text, warning=True))
