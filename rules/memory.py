"""The highest memory of one training step, in closed form: the largest of its moments.

What is computed is the peak of ``torch.cuda.max_memory_allocated`` of one GPU: not a sum of parts,
but the highest of the moments of a step, at each of which it is known what is alive. Sizes of
weights stand in ``memory_step``, one layer in ``memory_layer``, the loss in ``memory_loss``.
"""

from dataclasses import dataclass
from typing import Literal

from rules import memory_layer, memory_moments, memory_use, stacks
from rules.errors import UserError
from rules.memory_step import GIB, MIB, Parts, Step, prepare
from rules.setup import ALL_LINEAR, Setup

Confidence = Literal["profiled", "traced", "guessed"]

PROFILED = frozenset(
    "llama mistral mixtral qwen2 qwen3 gemma phi3 granite powerlm smollm3".split()  # noqa: SIM905
)
"""Architectures whose layers are those the coefficients were read from, or differ in no tensor."""

UNKNOWN_LAYER = 0.2
"""Added to a guess about an architecture nobody profiled; GPT-BigCode was off by 25 %."""

CONTEXT = 0.45 * GIB
"""CUDA context and kernels outside the allocator, A100 with CUDA 12; a T4 took 0.14 GiB."""

SAFE_SHARE, SAFE_BYTES = 1.03, 0.3 * GIB
"""The fits test: 11 of 12 runs near a T4's limit were told right by 1.03 x allocated + context."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes of one setup; every number is in bytes unless it says otherwise."""

    allocated: float
    """Highest ``torch.cuda.max_memory_allocated`` of one GPU."""
    moment: str
    """The moment of the step in which that happens."""
    moments: dict[str, float]
    """The peak of every moment: loading, loss forward, loss backward, optimizer step ..."""
    parts: dict[str, float]
    """What is alive at the peak: weights, gradients, optimizer, activations, logits ..."""
    context: float
    """What CUDA takes outside the allocator."""
    reserved: tuple[float, float]
    """Band of what the caching allocator takes, fragments included."""
    host: float
    """Highest resident memory of the process on the CPU side."""
    parameters: int
    trainable: int
    confidence: Confidence
    margin: float = 0.0
    """Share to add before a guess is trusted."""

    @property
    def needs(self) -> float:
        """Without this it cannot run: allocated and context."""
        return self.allocated + self.context

    @property
    def safe(self) -> float:
        """With this it will run: the number a card is compared with."""
        return SAFE_SHARE * self.allocated * (1 + self.margin) + self.context + SAFE_BYTES

    @property
    def shown(self) -> tuple[float, float]:
        """What ``nvidia-smi`` will show, which is not what it needs."""
        low, high = self.reserved
        return low + self.context, high + self.context


def estimate(setup: Setup) -> Estimate:
    """The memory that one step of this setup takes.

    Raises:
        UserError: The setup contradicts itself, or its stack is unknown.
    """
    _check(setup)
    step = prepare(setup, stacks.find(setup.stack))
    moments = _moments(step)
    totals = {name: sum(parts.values()) for name, parts in moments.items()}
    peak = max(totals, key=totals.__getitem__)
    confidence, margin = _confidence(step)
    return Estimate(
        allocated=totals[peak],
        moment=peak,
        moments=totals,
        parts={name: size for name, size in moments[peak].items() if size},
        context=CONTEXT,
        reserved=_reserved(step, totals[peak]),
        host=memory_use.host_bytes(step),
        parameters=step.setup.shape.parameters,
        trainable=step.trained,
        confidence=confidence,
        margin=margin,
    )


def _moments(step: Step) -> dict[str, Parts]:
    way = step.setup.way
    moments = {"loading": memory_use.loading(step)}
    if way == "inference":
        return moments | {"generation": memory_use.reading(step)}
    if way == "frozen_encoder":
        return moments | {"embedding": memory_use.embedding(step)}
    if way == "online_rl":
        moments["generation"] = memory_use.generating(step)
    return moments | memory_moments.training(step)


def _confidence(step: Step) -> tuple[Confidence, float]:
    known = step.setup.shape.architecture in PROFILED
    if memory_layer.merged_experts(step):  # two mixtures traced: +0.4 % and +4.2 %
        return "guessed", max(step.stack.margin, 0.05)
    trained = step.setup.way in ("lora", "qlora", "full", "inference")
    if known and step.stack.confidence == "profiled":
        # DPO, reward models and RL follow from the same layers, but nobody has published peaks
        return ("profiled", 0.0) if trained else ("guessed", 0.15)
    return "guessed", max(step.stack.margin, 0.0 if known else UNKNOWN_LAYER)


# Share of a layer's backward hump that the allocator holds in pieces it cannot use again, from the
# measured rows with room to spare: chunked losses leave few large holes, fp32 logits many.
_HOLES = {"fused": 0.27, "liger": 0.27, "chunked_128": 0.27, "eight_chunks": 0.27}


def typical_reserved(setup: Setup, allocated: float) -> float:
    """What the allocator takes on a card with room to spare; near its limit it takes less."""
    return _holes(prepare(setup, stacks.find(setup.stack)), allocated, 1.0)


def _reserved(step: Step, allocated: float) -> tuple[float, float]:
    return allocated * 1.01, _holes(step, allocated, 1.5)


def _holes(step: Step, allocated: float, share: float) -> float:
    if step.setup.trains == "nothing":
        return allocated * 1.05 + 24 * MIB
    hump = memory_layer.backward_hump(step, memory_layer.measure(step))
    usual = 0.75 if step.setup.attention == "eager" else 1.1
    return allocated * 1.01 + share * _HOLES.get(step.stack.loss, usual) * hump + 24 * MIB


def _check(setup: Setup) -> None:
    """Refuse what cannot run."""
    counts = {
        "--batch": setup.batch,
        "--tokens": setup.tokens,
        "--rank": setup.rank,
        "--devices": setup.devices,
        "--accumulation": setup.accumulation,
    }
    for flag, value in counts.items():
        if value < 1:
            raise UserError(
                f"{value} is not a number of anything", where=flag, fix="give 1 or more"
            )
    context = setup.shape.context
    if context and setup.tokens > context:
        what = f"{setup.tokens:,} tokens are more than {setup.shape.name} reads: {context:,}"
        raise UserError(what, where="--tokens", fix=f"give {context} or fewer, or another model")
    _check_training(setup)


def _check_training(setup: Setup) -> None:
    stored = setup.shape.quantised
    if stored and setup.quantisation and stored not in setup.quantisation:
        what = f"{setup.shape.name} is stored in {stored}; it cannot become {setup.quantisation}"
        raise UserError(what, where="model", fix="name the checkpoint that is not quantised")
    if setup.quantisation and setup.trains in ("full", "top_layers"):
        what = f"weights in {setup.quantisation} cannot be trained themselves"
        raise UserError(what, where="--approach", fix="train adapters over them: --approach qlora")
    if setup.way == "qlora" and not setup.quantisation:
        what = "QLoRA without a quantisation is LoRA"
        raise UserError(what, where="quantisation", fix="give nf4 or nf4-double")
    unknown = set(setup.targets) - {*ALL_LINEAR, "head"}
    if unknown:
        what = f"no matrix is called {', '.join(sorted(unknown))}"
        raise UserError(what, where="targets", fix=f"choose from {', '.join(ALL_LINEAR)}, head")
    if setup.way == "top_layers" and not 1 <= setup.trained_layers <= setup.shape.blocks:
        what = f"{setup.trained_layers} of {setup.shape.blocks} layers"
        raise UserError(what, where="--layers", fix=f"give 1 to {setup.shape.blocks}")
