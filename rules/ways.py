"""What each approach runs on the user's own machine: its steps, with the defaults of our stack.

An approach that trains in stages needs the most that one of its stages needs. Defaults are those of
TRL 1.16 and of the PEFT and transformers installed with it; ``defaults`` says each with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, TypedDict, Unpack

from rules.errors import UserError
from rules.model_shape import ModelShape
from rules.setup import Attention, Optimizer, Policy, Precision, Quantisation, Reference, Setup, Way


class Known(TypedDict, total=False):
    """What a user may decide beside approach, model, length and batch."""

    precision: Precision
    quantisation: Quantisation
    rank: int
    optimizer: Optimizer
    checkpointing: bool
    accumulation: int
    attention: Attention
    stack: str
    devices: int
    trained_layers: int
    policy: Policy
    reference: Reference


_READS: Mapping[str, str] = {
    "zero_shot": "the model reads one row",
    "few_shot": "the model reads the examples and one row",
    "long_context": "the model reads all documents",
    "rag": "the model reads the passages found, beside the encoder that found them",
}
_TRAINS: Mapping[str, tuple[Way, ...]] = {
    "heads": ("frozen_encoder",),
    "setfit": ("setfit",),
    "adapters": ("adapters",),
    "lora": ("lora",),
    "qlora": ("qlora",),
    "full_sft": ("full",),
    "continued_pretraining": ("full",),
    "pretraining": ("full",),
    "dpo": ("dpo",),
    "rlhf": ("lora", "reward_model", "online_rl"),
    "hybrid": ("lora", "inference"),
}
_AWAY: Mapping[str, str] = {
    "hosted": "the provider's machines do the work: no memory of yours is needed",
}
_RETRIEVER_BYTES = 22_713_216 * 4.0
"""sentence-transformers/all-MiniLM-L6-v2 in fp32: a small encoder as RAG usually starts with."""
_WHOLE_LAYERS = ("full", "encoder_tuning")
_WITH_POLICY = ("dpo", "rlhf")
_ENCODERS_ONLY = ("heads", "setfit")

_DEFAULTS: Mapping[str, str] = {
    "precision": "bf16: TRL trains in it where the card can; an encoder is held in fp32",
    "optimizer": "fused AdamW: the default of transformers 5 (adamw_torch_fused)",
    "checkpointing": "on: the default of TRL's trainers; off for encoders, as transformers does",
    "attention": "sdpa: what transformers chooses where flash attention is not installed",
    "batch": "1 row: the least that can run; 32 for an encoder, as our runners do",
}
_MORE: Mapping[str, Mapping[str, str]] = {
    "lora": {"rank": "16 on all linear layers: TRL's and QLoRA's advice"},
    "qlora": {
        "rank": "16 on all linear layers: QLoRA's advice",
        "quantisation": "NF4, scales quantised too: the QLoRA paper's",
    },
    "rag": {"retriever": "all-MiniLM-L6-v2 in fp32 beside it, 0.08 GiB"},
    "dpo": {
        "policy": "LoRA, as for supervised tuning; --policy full or qlora",
        "reference": "the model without its adapter: no second copy",
    },
    "rlhf": {
        "completions": "8 answers a prompt: TRL's default",
        "reward model": "of the same size, held in 16 bits beside the policy",
    },
}


def approaches() -> tuple[str, ...]:
    """Every approach this module knows."""
    return (*_READS, *_TRAINS, *_AWAY)


def defaults(approach: str, policy: str | None = None) -> dict[str, str]:
    """What was assumed for this approach, and why."""
    if approach in _AWAY:
        return {}
    found = {**_DEFAULTS, **_MORE.get(approach, {})}
    if policy == "full" and approach in _WITH_POLICY:
        found["reference"] = "a frozen copy: all weights of the policy learn"
    return found


def why_none(approach: str) -> str | None:
    """Why this approach needs no memory here; ``None`` where it needs some."""
    return _AWAY.get(approach)


def setups(
    approach: str,
    shape: ModelShape,
    *,
    tokens: int,
    batch: int | None = None,
    **known: Unpack[Known],
) -> tuple[Setup, ...]:
    """The steps an approach runs here; none for one that runs elsewhere.

    Raises:
        UserError: There is no such approach, or it cannot use a model of this kind.
    """
    if approach not in approaches():
        near = get_close_matches(approach, approaches(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{hint}these are known: {', '.join(approaches())}"
        raise UserError(f"unknown approach {approach!r}", where="--approach", fix=fix)
    if approach in _AWAY:
        return ()
    _check_kind(approach, shape)
    _check_policy(approach, known)
    found = _stages(approach, shape, tokens, batch, known)
    _check_used(approach, found, known)
    return found


def _stages(
    approach: str, shape: ModelShape, tokens: int, batch: int | None, known: Mapping[str, Any]
) -> tuple[Setup, ...]:
    if shape.kind == "encoder":
        return (_of_encoder(approach, shape, tokens, batch or 32, known),)
    ways: tuple[Way, ...] = _TRAINS.get(approach, ("inference",))
    if approach == "rlhf":  # the first stage trains the policy too
        ways = (known.get("policy", "lora"), *ways[1:])
    found = tuple(_of_writer(way, shape, tokens, batch or 1, known) for way in ways)
    if approach == "rag":
        return tuple(replace(setup, beside_bytes=_RETRIEVER_BYTES) for setup in found)
    return found


def _check_used(approach: str, found: Sequence[Setup], known: Mapping[str, Any]) -> None:
    """Refuse what no stage of the approach can use, instead of leaving it out unsaid."""
    if known.get("rank") and all(setup.trains != "lora" for setup in found):
        fix = "leave it out, or give --approach lora"
        raise UserError(f"{approach} has no rank", where="--rank", fix=fix)
    if known.get("trained_layers") and all(setup.way != "top_layers" for setup in found):
        what = f"{approach} does not train whole layers"
        raise UserError(what, where="--layers", fix="leave it out, or give --approach full_sft")


def _check_policy(approach: str, known: Mapping[str, Any]) -> None:
    """Refuse what only preference learning has."""
    for name in ("policy", "reference"):
        if name in known and approach not in _WITH_POLICY:
            what = f"{approach} has no {name}"
            fix = f"leave it out, or give --approach {' or '.join(_WITH_POLICY)}"
            raise UserError(what, where=f"--{name}", fix=fix)


def _check_kind(approach: str, shape: ModelShape) -> None:
    encoder = shape.kind == "encoder"
    if approach in _ENCODERS_ONLY and not encoder:
        what = f"{approach} stands on a sentence encoder; {shape.name} writes text"
        fix = "name an encoder, such as sentence-transformers/all-MiniLM-L6-v2"
        raise UserError(what, where="MODEL", fix=fix)
    if encoder and approach in ("dpo", "rlhf", "qlora", "hybrid", "rag", "long_context"):
        what = f"{approach} needs a model that writes text; {shape.name} is an encoder"
        raise UserError(what, where="MODEL", fix="name a causal model, such as Qwen/Qwen3-8B")


_ENCODER_WAYS: Mapping[str, Way] = {
    "heads": "frozen_encoder",
    "zero_shot": "frozen_encoder",
    "few_shot": "frozen_encoder",
    "setfit": "setfit",
    "adapters": "adapters",
    "lora": "lora",
}


def _of_encoder(
    approach: str, shape: ModelShape, tokens: int, batch: int, known: Mapping[str, Any]
) -> Setup:
    """Encoders are small and are tuned in fp32 without checkpointing, as our runners do."""
    way = _ENCODER_WAYS.get(approach, "encoder_tuning")
    setup = Setup(shape, way, tokens, batch, precision="fp32", checkpointing=False)
    if way == "lora":
        setup = replace(setup, targets=("q", "k", "v"))
    return _with(setup, known)


def _of_writer(
    way: Way, shape: ModelShape, tokens: int, batch: int, known: Mapping[str, Any]
) -> Setup:
    policy = known.get("policy", "lora") if way in ("dpo", "reward_model", "online_rl") else way
    setup = Setup(shape, way, tokens, batch)
    if policy in ("lora", "qlora", "full"):
        setup = replace(setup, policy=policy)
    if policy == "qlora":
        setup = replace(setup, quantisation="nf4-double", adapter_precision="bf16")
    if way in ("dpo", "online_rl"):  # without its adapter the policy is its own reference
        setup = replace(setup, reference="copy" if policy == "full" else "shared")
    if way == "online_rl":
        setup = replace(setup, companions=1.0)
    return _with(setup, known)


def _with(setup: Setup, known: Mapping[str, Any]) -> Setup:
    """What the user decided wins; a quantisation belongs to a way that can use it."""
    wanted = dict(known)
    wanted.pop("policy", None)
    if setup.way not in ("dpo", "online_rl"):
        wanted.pop("reference", None)
    _check_wanted(setup, wanted)
    layers = wanted.pop("trained_layers", None)
    if layers and setup.way in _WHOLE_LAYERS:
        wanted |= {"way": "top_layers", "trained_layers": layers}
    return replace(setup, **wanted)


def _check_wanted(setup: Setup, wanted: Mapping[str, Any]) -> None:
    """Refuse what this way of training cannot do, instead of leaving it out unsaid."""
    full = setup.trains == "full"
    if full and wanted.get("quantisation"):
        what = f"weights in {wanted['quantisation']} cannot be trained themselves"
        fix = "train adapters over them: --approach qlora"
        raise UserError(what, where="--quantisation", fix=fix)
    if wanted.get("reference") == "shared" and full:
        what = "where all weights learn, the reference cannot share them"
        raise UserError(what, where="--reference", fix="give --reference copy, or --policy lora")
