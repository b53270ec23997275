"""Exact mode: trace the real step without weights at two depths, and go on to the whole model.

transformers builds the model from its configuration, PEFT adapts it, and the step runs on tensors
that have sizes and no data, on a CPU, whatever card is meant. Layers repeat, so each phase of the
step grows by the same bytes with every further layer: two depths give the line. Nothing is fitted.
Importing this imports torch.
"""

from typing import Any

from rules import memory, stacks
from rules.entries import Stack
from rules.errors import UserError
from rules.memory import Estimate
from rules.memory_step import GIB, MIB, Parts
from rules.setup import Setup
from runners import _trace_kernels, _trace_model, _trace_step
from runners._trace_step import Traced

_WORKSPACE = 16.25 * MIB  # two cuBLAS handles; nothing on a CPU asks for them
_SHALLOW = 2  # with one layer the first and the last are the same, and their phases fall together
_CAN = ("inference", "frozen_encoder", "encoder_tuning", "lora", "qlora", "full", "top_layers",
        "dpo", "reward_model")  # fmt: skip
_LOSSES = ("fused", "upcast")
_OPTIMIZERS = ("adamw_fused", "adamw_foreach", "adamw_loop", "sgd", "sgd_momentum")


def trace(setup: Setup, config: dict[str, Any]) -> Estimate:
    """The memory of one step of the model that a ``config.json`` describes.

    Raises:
        UserError: transformers cannot build it, or the step is one that cannot be traced.
    """
    _check(setup)
    stack = stacks.find(setup.stack)
    whole = _trace_model.configured(config)
    _check_length(setup, whole)
    depth, period = _trace_model.depth_of(whole), _trace_model.period_of(whole)
    # of the layers that do not learn the line is drawn, not of those that do; and one of them
    # more, since a phase ends between the first layer and the second
    shallow = setup.trained_layers + _SHALLOW if setup.trains == "top_layers" else _SHALLOW
    low = min(depth, -(-shallow // period) * period)
    high = min(depth, low + period)
    with _trace_kernels.in_place():
        first = _at(setup, stack, config, low)
        second = _at(setup, stack, config, high) if high > low else first
    share = (depth - low) / (high - low) if high > low else 0.0
    return _estimate(setup, _grown(first, second, share), whole)


def full_depth(setup: Setup, config: dict[str, Any]) -> Estimate:
    """The same without the shortcut: every layer is traced. Slow; what ``trace`` is checked by."""
    _check(setup)
    stack = stacks.find(setup.stack)
    whole = _trace_model.configured(config)
    with _trace_kernels.in_place():
        found = _at(setup, stack, config, _trace_model.depth_of(whole))
    return _estimate(setup, found, whole)


def _at(setup: Setup, stack: Stack, config: dict[str, Any], depth: int) -> Traced:
    try:
        return _trace_step.run(setup, stack, _trace_model.at_depth(config, depth))
    except (RuntimeError, NotImplementedError, TypeError, AttributeError, ValueError) as error:
        # a model whose code looks into its tensors, which have no data here
        said = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        what = f"{config['model_type']} cannot be traced: {said}"
        raise UserError(what, where="--exact", fix="leave out --exact") from error


def _grown(first: Traced, second: Traced, share: float) -> Traced:
    """The line through two depths, continued."""

    def further(low: float, high: float) -> int:
        return round(low + (high - low) * share)

    peaks = {name: further(size, second.peaks[name]) for name, size in first.peaks.items()}
    return Traced(
        peaks=peaks,
        weights=further(first.weights, second.weights),
        trained=further(first.trained, second.trained),
        trained_bytes=further(first.trained_bytes, second.trained_bytes),
        parameters=further(first.parameters, second.parameters),
    )


def _estimate(setup: Setup, found: Traced, config: Any) -> Estimate:
    resident = _companions(setup, found)
    moments = {name: size + sum(resident.values()) for name, size in found.peaks.items()}
    tied = getattr(_trace_model.text_part(config), "tie_word_embeddings", False)
    if setup.trains == "full" and tied:
        _without_third_copy(moments, setup, config)
    peak = max(moments, key=moments.__getitem__)
    allocated = moments[peak]
    parts = _parts(setup, found, resident, peak, allocated)
    return Estimate(
        allocated=allocated,
        moment=peak,
        moments=moments,
        parts=parts,
        context=memory.CONTEXT,
        reserved=(allocated * 1.01, allocated * 1.01 + parts.get("activations", 0.0) + 24 * MIB),
        host=1.1 * GIB + min(found.parameters * 2.0, 5e9),
        parameters=found.parameters,
        trainable=found.trained,
        confidence="traced",
    )


def _companions(setup: Setup, found: Traced) -> Parts:
    """What stands beside the traced model: workspaces, and frozen copies of its weights."""
    copies = setup.companions + (1 if setup.reference == "copy" else 0)
    parts = {"workspace": _WORKSPACE}
    if setup.beside_bytes:
        parts["embedding model"] = setup.beside_bytes
    return parts | {"frozen companions": found.weights * copies} if copies else parts


def _without_third_copy(moments: dict[str, float], setup: Setup, config: Any) -> None:
    """Tied embeddings have two gradients at once in backward; under a dispatch mode three.

    The mode keeps autograd from adding in place (checked against the real engine: two copies).
    """
    text = _trace_model.text_part(config)
    size = text.vocab_size * text.hidden_size * (4 if setup.precision == "fp32" else 2)
    if "end of backward" in moments:
        moments["end of backward"] -= size


def _parts(setup: Setup, found: Traced, resident: Parts, peak: str, allocated: float) -> Parts:
    """What is known by name; what remains is the work of the moment."""
    adapted = setup.trains == "lora"
    parts = {"weights": float(found.weights - (found.trained_bytes if adapted else 0)), **resident}
    if adapted:
        parts["adapters"] = float(found.trained_bytes)
    if found.trained:
        moments_kept = {"sgd": 0, "sgd_momentum": 1}.get(setup.optimizer, 2)
        parts["optimizer"] = float(found.trained_bytes * moments_kept)
        if peak in ("optimizer step", "end of backward"):
            parts["gradients"] = float(found.trained_bytes)
    rest = allocated - sum(parts.values())
    return {name: size for name, size in {**parts, "activations": max(rest, 0.0)}.items() if size}


def _check(setup: Setup) -> None:
    if setup.way not in _CAN:
        what = f"{setup.way} cannot be traced yet"
        raise UserError(what, where="--exact", fix="leave out --exact: the closed form knows it")
    if setup.quantisation not in (None, "nf4", "nf4-double"):
        what = f"{setup.quantisation} cannot be traced"
        raise UserError(what, where="--exact", fix="leave out --exact: the closed form knows it")
    stack = stacks.find(setup.stack)
    if stack.loss not in _LOSSES:
        what = f"the stack {setup.stack} is not the one installed here"
        raise UserError(what, where="--exact", fix="leave out --exact, or use --stack trl")
    if setup.optimizer not in _OPTIMIZERS and setup.trains != "nothing":
        what = f"{setup.optimizer} cannot be traced without its card"
        raise UserError(what, where="--exact", fix="leave out --exact: the closed form knows it")
    if setup.devices > 1:
        what = f"a trace is of one card, not of {setup.devices}"
        raise UserError(what, where="--exact", fix="leave out --exact: the closed form shares it")
    for flag, value in (("--batch", setup.batch), ("--tokens", setup.tokens)):
        if value < 1:
            raise UserError(f"{value} of nothing", where=flag, fix="give 1 or more")


def _check_length(setup: Setup, config: Any) -> None:
    most = getattr(_trace_model.text_part(config), "max_position_embeddings", None)
    if isinstance(most, int) and 0 < most < setup.tokens:
        what = f"{setup.tokens:,} tokens are more than the model reads: {most:,}"
        raise UserError(what, where="--tokens", fix=f"give {most} or fewer")
