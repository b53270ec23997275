"""One step of a model without weights, with the bytes that are alive in each of its phases."""

import gc
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from rules.entries import Stack
from rules.setup import Setup
from runners import _trace_kernels, _trace_model
from runners._trace_storage import LiveBytes

WARM, REAL = 0, 1
"""The first pass makes the optimizer's state; the second is the step as it always is."""


@dataclass(frozen=True)
class Traced:
    """What one step at one depth took, in bytes."""

    peaks: dict[str, int]
    weights: int
    trained: int
    trained_bytes: int
    parameters: int


def run(setup: Setup, stack: Stack, config: Any) -> Traced:
    """Trace a step of the model that the configuration describes."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with warnings.catch_warnings(), FakeTensorMode(allow_non_fake_inputs=True):
        warnings.simplefilter("ignore")
        live = LiveBytes()
        model = _trace_model.build(setup, config)
        live.count([*model.parameters(), *model.buffers()])
        weights = live.now
        learning = [p for p in model.parameters() if p.requires_grad]
        with live:
            if learning:
                _train(setup, stack, model, learning, live)
            else:
                _read(setup, model, live)
        return Traced(
            peaks={name: size for name, size in live.peaks.items() if name != "start"},
            weights=weights,
            trained=sum(p.numel() for p in learning),
            trained_bytes=sum(p.numel() * p.element_size() for p in learning),
            parameters=_trace_model.weights_of(model),
        )


def _inputs(setup: Setup, model: Any) -> torch.Tensor:
    words = int(model.config.get_text_config().vocab_size)
    return torch.randint(0, words, (setup.sequences, setup.tokens))


def _read(setup: Setup, model: Any, live: LiveBytes) -> None:
    """One forward pass without gradients; a reader's cache is that of all its tokens."""
    ids = _inputs(setup, model)
    live.enter_phase("generation" if setup.way == "inference" else "embedding")
    with torch.no_grad():
        last = {"logits_to_keep": 1} if setup.way == "inference" else {}
        out = model(input_ids=ids, **last)
    del out


def _train(
    setup: Setup, stack: Stack, model: Any, learning: list[nn.Parameter], live: LiveBytes
) -> None:
    optimizer = _optimizer(setup, learning)
    ids = _inputs(setup, model)
    layers = _trace_model.layers_of(model)
    learning_from = -setup.trained_layers if setup.trains == "top_layers" else 0
    _mark_phases(layers[-1], layers[learning_from], live)
    for turn in (WARM, REAL):
        optimizer.zero_grad(set_to_none=True)
        if turn == REAL:
            live.peaks.clear()
        live.enter_phase("layers forward")
        with torch.autocast("cpu", torch.bfloat16) if setup.autocast else nullcontext():
            loss, held = _loss(setup, stack, model, ids)
        live.enter_phase("loss backward")
        loss.backward()
        live.enter_phase("optimizer step")
        optimizer.step()
        del loss, held
        gc.collect()


def _mark_phases(last: nn.Module, first: nn.Module, live: LiveBytes) -> None:
    """The last layer's output ends the layers' forward pass; its gradient, the loss's backward.

    ``first`` is the lowest layer that the backward pass reaches.
    """

    def watch(module: nn.Module, inputs: Any, output: Any) -> None:
        del inputs
        hidden = output[0] if isinstance(output, tuple) else output
        top, bottom = module is last, module is first
        if top and live.phase == "layers forward":
            live.enter_phase("loss forward")
        if hidden.requires_grad and (top or bottom):
            name = "end of backward" if bottom else "layer backward"
            hidden.register_hook(lambda _: live.enter_phase(name))

    for layer in {first, last}:
        layer.register_forward_hook(watch)


def _loss(setup: Setup, stack: Stack, model: Any, ids: torch.Tensor) -> tuple[Any, Any]:
    """The loss as the stack computes it, and what its caller keeps."""
    if setup.way in ("encoder_tuning", "reward_model"):
        scores = model(input_ids=ids).logits
        return scores.float().square().mean(), None
    if stack.loss == "fused":
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        hidden = base.model(input_ids=ids)[0] if hasattr(base, "model") else None
        if hidden is None:
            hidden = getattr(base, base.base_model_prefix)(input_ids=ids)[0]
        flat = hidden.reshape(-1, hidden.shape[-1])
        weight = base.get_output_embeddings().weight
        return _trace_kernels.FusedLoss.apply(flat, weight), None
    out = model(input_ids=ids, labels=ids)
    return out.loss, out if stack.holds_outputs else None


def _optimizer(setup: Setup, learning: list[nn.Parameter]) -> torch.optim.Optimizer:
    kind = setup.optimizer
    if kind.startswith("sgd"):
        momentum = 0.9 if kind == "sgd_momentum" else 0.0
        return torch.optim.SGD(learning, lr=1e-4, momentum=momentum, foreach=True)
    fused, foreach = kind == "adamw_fused", kind == "adamw_foreach"
    return torch.optim.AdamW(learning, lr=1e-4, fused=fused or None, foreach=foreach)
