"""Where the coefficients of LitGPT and torchtune come from: their own code, traced without weights.

    pip install --target FOLDER --no-deps litgpt==0.4.0 lightning lightning-utilities torchmetrics \
        torchtune==0.5.0 torchao==0.7.0 omegaconf sentencepiece tiktoken blobfile kagglehub
    PYTHONPATH=FOLDER python tests/benchmarks/other_stacks.py

Each line is a model of two layers: what a step of the library takes, and the closed form beside it.
What CUDA does otherwise than a CPU has a stand-in: dropout's mask of a byte, attention's output in
the order that needs no copy, and bitsandbytes' 4-bit product (0.42), which keeps its input.
"""

import importlib.util
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import torch
from torch import nn

from rules.memory import estimate
from rules.model_shape import ModelShape
from rules.setup import ALL_LINEAR, Setup
from runners._trace_kernels import _swapped
from runners._trace_storage import LiveBytes

LAYERS = 2
WIDTHS = (4096, 32, 8, 14336, 128256)  # hidden, heads, kv heads, feed-forward, vocabulary
Step = Callable[[], Any]


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x.new_empty(x.shape, dtype=torch.bool))
        return torch.empty_like(x)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        del ctx
        return torch.empty_like(grads[0])


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        rows, heads, tokens, width = q.shape
        out = q.new_empty(rows, tokens, heads, width).transpose(1, 2)
        ctx.save_for_backward(q, k, v, out, q.new_empty(rows, heads, tokens, dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(torch.empty_like(each) for each in ctx.saved_tensors[:3])


class _FourBit(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, shape: tuple[int, int]) -> torch.Tensor:
        ctx.tensors, ctx.shape = (x,), shape  # kept by hand: backward does not free it
        unpacked = x.new_empty(shape)
        out = x.new_empty(*x.shape[:-1], shape[0])
        del unpacked
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grads[0] @ grads[0].new_empty(ctx.shape), None


class _Linear4bit(nn.Module):
    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        count = self.in_features * self.out_features
        packed = torch.empty(count // 2, dtype=torch.uint8)
        self.weight = nn.Parameter(packed, requires_grad=False)
        self.register_buffer("scales", torch.empty(count // 64, dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return _FourBit.apply(x, (self.out_features, self.in_features))


@contextmanager
def _as_on_cuda() -> Any:
    functional = nn.functional
    with (
        _swapped(functional, "dropout", lambda x, *_, **__: _Dropout.apply(x)),
        _swapped(functional, "scaled_dot_product_attention",
                 lambda q, k, v, **_: _Attention.apply(q, k, v)),
    ):  # fmt: skip
        yield


def _litgpt(setup: Setup, live: LiveBytes) -> tuple[nn.Module, Step]:
    lora, utils = import_module("litgpt.lora"), import_module("litgpt.utils")
    hidden, heads, groups, inner, words = WIDTHS
    chosen = set(setup.targets)
    config = lora.Config(
        n_layer=LAYERS, n_embd=hidden, n_head=heads, n_query_groups=groups, padded_vocab_size=words,
        intermediate_size=inner, rotary_percentage=1.0, bias=False, norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP", parallel_residual=False, lora_r=setup.rank, lora_alpha=16,
        lora_dropout=0.05, lora_mlp="up" in chosen, lora_head=False,
        lora_query="q" in chosen, lora_key="k" in chosen, lora_value="v" in chosen,
        lora_projection="o" in chosen,
    )  # fmt: skip
    model = lora.GPT(config)
    model.max_seq_length = setup.tokens
    lora.mark_only_lora_as_trainable(model)
    if setup.quantisation:
        for module in list(model.modules()):
            for name, child in list(module.named_children()):
                if type(child) is nn.Linear:
                    setattr(module, name, _Linear4bit(child))
    ids = torch.zeros(setup.batch, setup.tokens, dtype=torch.int64)
    last: dict[str, Any] = {}

    def step() -> None:
        """The lines of ``finetune/lora.py``, whose names live on from step to step."""
        wide = [part.float() for part in model(ids, lm_head_chunk_size=128)]  # Fabric's output
        last["logits"] = wide
        last["loss"] = utils.chunked_cross_entropy(wide, ids)
        last["loss"].backward()
        model.zero_grad()

    del live
    return model, step


def _torchtune(setup: Setup, live: LiveBytes) -> tuple[nn.Module, Step]:
    models, peft = import_module("torchtune.models.llama3"), import_module("torchtune.modules.peft")
    hidden, heads, groups, inner, words = WIDTHS
    sizes = {
        "vocab_size": words, "num_layers": LAYERS, "num_heads": heads, "num_kv_heads": groups,
        "embed_dim": hidden, "max_seq_len": 8192, "intermediate_dim": inner,
    }  # fmt: skip
    if setup.way == "full":
        model: Any = models.llama3(**sizes)
    else:
        names = [f"{t}_proj" for t in setup.targets if t in "qkv"] + ["output_proj"]
        model = models.lora_llama3(names, True, False, lora_rank=setup.rank, lora_alpha=16, **sizes)
        peft.set_trainable_params(model, peft.get_adapter_params(model))
    loss = import_module("torchtune.modules.loss").CEWithChunkedOutputLoss()
    model.set_num_output_chunks(loss.num_output_chunks)
    if setup.checkpointing:
        policy = {import_module("torchtune.modules").TransformerSelfAttentionLayer}
        import_module("torchtune.training").set_activation_checkpointing(
            model, auto_wrap_policy=policy
        )
    ids = torch.zeros(setup.batch, setup.tokens, dtype=torch.int64)

    def step() -> None:
        logits = model(ids)
        found = loss(logits, ids)
        del logits
        live.enter_phase("backward")
        found.backward()
        model.zero_grad()
        live.enter_phase("forward")

    return model, step


def traced(setup: Setup) -> int:
    """The highest of two steps, without optimizer state."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    build = _torchtune if setup.stack == "torchtune" else _litgpt
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True), _as_on_cuda():
            live = LiveBytes()
            model, step = build(setup, live)
            live.count([*model.parameters(), *model.buffers()])
            with live:
                step()
                if setup.stack != "litgpt-longest-first":
                    step()
        return max(live.peaks.values())
    finally:
        torch.set_default_dtype(before)


def setups() -> list[tuple[str, Setup]]:
    """The modes that the published rows use."""
    hidden, heads, groups, inner, words = WIDTHS
    shape = ModelShape(
        name="two layers", architecture="llama", layers=LAYERS, hidden=hidden, heads=heads,
        kv_heads=groups, head_dim=hidden // heads, intermediate=inner, vocabulary=words, tied=False,
    )  # fmt: skip
    found: list[tuple[str, Setup]] = []
    for stack in ("litgpt", "litgpt-longest-first"):
        for targets in (("q", "v"), ALL_LINEAR):
            for quantisation in (None, "nf4"):
                way = "qlora" if quantisation else "lora"
                found.append((stack, Setup(
                    shape, way, 1024, 2, rank=8, targets=targets, adapter_dropout=True,
                    quantisation=quantisation, adapter_precision="bf16", checkpointing=False,
                    stack=stack, optimizer="sgd",
                )))  # fmt: skip
    found += [
        ("torchtune", Setup(
            shape, way, 2048, 2, rank=8, targets=("q", "v", "o", "gate", "up", "down"),
            adapter_precision="bf16", stack="torchtune", optimizer="sgd",
        ))
        for way in ("lora", "full")
    ]  # fmt: skip
    return found


def main() -> None:
    """Print a line for each mode of a library that is installed."""
    warnings.simplefilter("ignore")
    print(f"{'stack':22}{'way':7}{'adapted':12}{'trace':>10}{'closed':>10}{'off':>8}")
    for stack, setup in setups():
        library = stack.partition("-")[0]
        if importlib.util.find_spec(library) is None:
            print(f"{stack:22}{library} is not installed")
            continue
        ours = estimate(setup).allocated - 16.25 * 2**20  # workspaces, which no CPU asks for
        theirs = traced(setup)
        adapted = "none" if setup.way == "full" else f"{len(setup.targets)} matrices"
        sizes = f"{theirs / 2**30:6.2f} GiB{ours / 2**30:6.2f} GiB{ours / theirs - 1:+8.1%}"
        print(f"{stack:22}{setup.way:7}{adapted:12}{sizes}", flush=True)


if __name__ == "__main__":
    main()
