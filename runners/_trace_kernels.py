"""Stand-ins for what CUDA does otherwise than a CPU: they allocate the same and compute nothing."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

_TOKEN_TILE, _WORD_TILE = 4096, 32768  # trl/kernels/chunked_logprob.py and trainer/utils.py


class _Softmax(torch.autograd.Function):
    """CUDA's softmax: backward makes gradient times output, then the gradient of the input."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
        out = torch.empty(x.shape, dtype=dtype or x.dtype)
        ctx.save_for_backward(out)
        ctx.input_type = x.dtype
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        product = torch.empty_like(grads[0])
        gradient = torch.empty(grads[0].shape, dtype=ctx.input_type)
        del product
        return gradient, None


def _softmax(x: torch.Tensor, dim: int = -1, _stacklevel: int = 3, dtype: Any = None) -> Any:
    del dim, _stacklevel
    return _Softmax.apply(x, dtype)


class _Unpacked(torch.autograd.Function):
    """A product with 4-bit weights: fused forward, one matrix unpacked for the input's gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        ctx.shape = shape
        return x.new_empty((*x.shape[:-1], shape[0]))

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        weight = torch.empty(ctx.shape, dtype=grads[0].dtype)
        return grads[0] @ weight, None


class Linear4bit(nn.Linear):
    """The memory of bitsandbytes' ``Linear4bit``: packed weights and their scales."""

    def __init__(self, layer: nn.Linear, compute: torch.dtype, *, double: bool) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        count = self.in_features * self.out_features
        packed = torch.empty((count + 1) // 2, 1, dtype=torch.uint8)
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.bias = layer.bias
        blocks = (count + 63) // 64
        scales = torch.empty(blocks, dtype=torch.uint8 if double else torch.float32)
        self.register_buffer("scales", scales)
        if double:
            self.register_buffer("scales_of_scales", torch.empty((blocks + 255) // 256))
        self._compute = compute

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
        """The product in the compute type, returned in the input's."""
        kind = input.dtype
        out: Any = _Unpacked.apply(input.to(self._compute), (self.out_features, self.in_features))
        if self.bias is not None:
            out = out + self.bias.to(out.dtype)
        return out.to(kind)


def quantise(model: nn.Module, compute: torch.dtype, *, double: bool) -> None:
    """Replace every linear layer but the output, as bitsandbytes' loading does."""
    head = getattr(model, "get_output_embeddings", lambda: None)()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if (
                type(child) is nn.Linear
                and child is not head
                and name not in ("score", "classifier")
            ):
                setattr(module, name, Linear4bit(child, compute, double=double))


class FusedLoss(torch.autograd.Function):
    """TRL's fused output layer and loss: one tile of logits, never all of them.

    Its CPU path allocates otherwise than its kernel, so the kernel's buffers are made here: the
    tile, 36 bytes a token of running sums, and backward fp32 sums beside the 16-bit gradients.
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(hidden, weight)
        tile = _tile(hidden, weight)
        ctx.sums = torch.empty(hidden.shape[0], 9, dtype=torch.float32)
        del tile
        return torch.empty((), dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        del grads
        hidden, weight = ctx.saved_tensors
        tile = _tile(hidden, weight)
        sums = torch.empty(hidden.shape, dtype=torch.float32)
        learns = ctx.needs_input_grad[1]
        weight_sums = torch.empty(weight.shape, dtype=torch.float32) if learns else None
        gradient = torch.empty_like(hidden)
        weight_gradient = torch.empty_like(weight) if learns else None
        del tile, sums, weight_sums
        return gradient, weight_gradient


def _tile(hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    rows, words = min(hidden.shape[0], _TOKEN_TILE), min(weight.shape[0], _WORD_TILE)
    return torch.empty(rows, words, dtype=torch.bfloat16)


@contextmanager
def _swapped(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Another attribute for as long as the block runs."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _stay(self: Any, *_: Any, **__: Any) -> Any:
    return self


@contextmanager
def in_place() -> Iterator[None]:
    """Put the stand-ins where the libraries look, for as long as the block runs.

    Grouped attention is switched off as a padded batch does, so that keys and values are repeated.
    """
    # PEFT imports bitsandbytes, which then reports a CPU kernel it has not found; none is needed
    logging.getLogger("bitsandbytes.backends").setLevel(logging.ERROR)
    from peft.tuners.tuners_utils import BaseTunerLayer
    from transformers.integrations import sdpa_attention

    threads, kind = torch.get_num_threads(), torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(_swapped(nn.functional, "softmax", _softmax))
        stack.enter_context(_swapped(sdpa_attention, "use_gqa_in_sdpa", lambda *_: False))
        mover = "_move_adapter_to_device_of_base_layer"
        stack.enter_context(_swapped(BaseTunerLayer, mover, _stay))
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_default_dtype(kind)


@contextmanager
def unmoved() -> Iterator[None]:
    """PEFT moves modules while it wraps them; a tensor without data cannot be moved."""
    with _swapped(nn.Module, "to", _stay):
        yield
