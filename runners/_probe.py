"""A few steps before the first: what a fit will take, measured on the longest batch.

The probe runs forward and backward and changes nothing: no optimizer step, no gradient left, and
every random generator as it was. Its cost is five steps. ``WHICHTUNE_PROBE=off`` leaves it out.

Time grows faster than padded tokens (rows times the longest row), and so is measured on a quick, a
usual, a slow and the longest batch; all steps are then added up with the lengths the data has.
Memory is what the process holds after the longest batch, and the optimizer's two moments, which do
not exist yet.
"""

import itertools
import math
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.errors import UserError
from runners import _machine, _processes
from runners.base import Forecast, Plan, Progress, Report

if TYPE_CHECKING:
    import torch

_PASSES = 4
"""Of memory by AdamW and the clipping of gradients, over those of one in-place product."""
_MOMENTS = 2 * 4  # bytes a trained weight: AdamW's two, in fp32


@dataclass(frozen=True)
class Work:
    """What a fit will do, as far as its cost goes."""

    began: float
    """``time.perf_counter()`` when the fit began."""
    lengths: Sequence[int]
    """Tokens, or anything proportional to them, of every training text."""
    batch: int
    """Texts of a step."""
    steps: int
    model: "torch.nn.Module"
    step: Callable[[Sequence[int]], "torch.Tensor"]
    """The loss of a batch, given the places of its texts."""
    estimated_bytes: int | None = None
    """Of tensors, by arithmetic."""
    order: Sequence[int] = ()
    """Places of all texts to be seen, one step after the other; else drawn anew for each pass."""


def wanted() -> bool:
    """Whether a fit is to be probed."""
    return os.environ.get("WHICHTUNE_PROBE", "on").lower() not in ("off", "0", "no")


def forecast(plan: Plan, work: Work, report: Report) -> None:
    """Probe, and tell what the fit will take; nothing where probing is switched off.

    Raises:
        UserError: This machine has not the memory for it.
    """
    if not wanted():
        return
    before = peak_bytes()
    with _undisturbed(work.model):
        points = _timed(work, plan.seed)
        optimizer = _optimizer_seconds(work.model)
    trained = sum(p.numel() for p in work.model.parameters() if p.requires_grad)
    held = sum(p.numel() * p.element_size() for p in work.model.parameters())
    beside = max(0, before - held)  # the arithmetic has the weights too
    measured = peak_bytes() + trained * _MOMENTS
    spent = time.perf_counter() - work.began
    seconds = spent + _all_steps(work, points, plan.seed) + work.steps * optimizer
    limit = plan.max_minutes
    seconds = min(seconds, spent + limit * 60) if limit else seconds
    known = _machine.ratios(plan)
    found = Forecast(
        seconds=seconds * known.seconds,
        memory_bytes=round(measured * known.memory),
        estimated_bytes=None if work.estimated_bytes is None else beside + work.estimated_bytes,
        measured_bytes=measured,
        measured_seconds=seconds,
        corrected_by=known.runs,
    )
    text = f"forecast: {found.seconds:.0f} s and {found.memory_bytes / 2**20:,.0f} MiB"
    report(Progress(message=text, forecast=found))
    refuse_too_large(found.memory_bytes, available_bytes(), plan)


def refuse_too_large(needed: int, available: int, plan: Plan) -> None:
    """Stop before training what would not end.

    Raises:
        UserError: More is needed than there is.
    """
    if needed <= available:
        return
    what = f"{plan.approach} will take {needed / 2**30:.1f} GiB; {available / 2**30:.1f} are free"
    fix = "halve the batch: --setting batch=8, or close other programs and run it again"
    raise UserError(what, where=plan.name, fix=fix)


def peak_bytes() -> int:
    """The highest memory so far: of the GPU's tensors where there is one, else of the process."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kibibytes everywhere else


def available_bytes() -> int:
    """What this process can have: its share of what is free, and what it holds already."""
    import psutil
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory)
    free = psutil.virtual_memory().available // _processes.count()  # each holds a model of its own
    return int(free + psutil.Process().memory_info().rss)


@contextmanager
def _undisturbed(model: "torch.nn.Module") -> Iterator[None]:
    """Leave random generators, gradients and the model's mode as they were."""
    import numpy as np
    import torch

    if torch.cuda.is_available():
        model.to("cuda")  # where a trainer would put it
    state, others, training = random.getstate(), np.random.get_state(), model.training
    with torch.random.fork_rng():
        model.train()
        try:
            yield
        finally:
            model.zero_grad(set_to_none=True)
            model.train(training)
            random.setstate(state)
            np.random.set_state(others)


def _timed(work: Work, seed: int) -> list[tuple[int, float]]:
    """Padded tokens and seconds of a quick, a usual, a slow and the slowest step, in this order."""
    order = sorted(range(len(work.lengths)), key=lambda place: work.lengths[place], reverse=True)
    longest = order[: work.batch]
    steps = list(itertools.islice(_batches(work, seed), work.steps))
    steps.sort(key=lambda places: _padded(work, places))
    chosen = [longest, *(steps[len(steps) * quarter // 4] for quarter in (3, 2, 1))]
    _seconds(work, longest)  # the first one sets the libraries up
    points: list[tuple[int, float]] = []
    least = math.inf
    for places in chosen:
        # What disturbs a measurement makes it longer, so that a smaller step never takes more.
        least = min(least, _seconds(work, places))
        points.append((_padded(work, places), least))
    return points[::-1]


def _seconds(work: Work, places: Sequence[int]) -> float:
    began = time.perf_counter()
    work.step(places).backward()
    work.model.zero_grad(set_to_none=False)
    return time.perf_counter() - began


def _padded(work: Work, places: Sequence[int]) -> int:
    return len(places) * max(work.lengths[place] for place in places)


def _all_steps(work: Work, points: Sequence[tuple[int, float]], seed: int) -> float:
    """Each step costs what those next to it in size do, in proportion."""
    import numpy as np

    steps = itertools.islice(_batches(work, seed), work.steps)
    sizes, seconds = zip(*points, strict=True)
    return float(np.interp([_padded(work, places) for places in steps], sizes, seconds).sum())


def _batches(work: Work, seed: int) -> Iterator[Sequence[int]]:
    """In the order that is known, else as a trainer draws them: each pass in a new one."""
    if work.order:
        yield from (work.order[n : n + work.batch] for n in range(0, len(work.order), work.batch))
        return
    drawn, places = random.Random(seed), list(range(len(work.lengths)))
    while places:
        drawn.shuffle(places)
        yield from (places[n : n + work.batch] for n in range(0, len(places), work.batch))


def _optimizer_seconds(model: "torch.nn.Module") -> float:
    """AdamW reads and writes weights, gradients and moments: so many times one such pass."""
    import torch

    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    if not gradients:
        return 0.0
    began = time.perf_counter()
    torch._foreach_mul_(gradients, 1.0)
    return _PASSES * (time.perf_counter() - began)
