"""Weights in few bits: checkpoints stored so already, and what quantising on loading leaves out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from advisor.model_source import ModelSource
from rules import stacks
from rules.errors import UserError
from rules.setup import Quantisation, Setup

WEIGHTS_LEARN = ("full_sft", "continued_pretraining", "pretraining")
"""Approaches that train the weights themselves, which quantised ones do not allow."""


def settle(
    source: ModelSource, approach: str, asked: Quantisation | None
) -> tuple[ModelSource, Quantisation | None, str]:
    """How a stored checkpoint is held in memory, and why; as asked where it is not quantised.

    Raises:
        UserError: It is stored in a way that no term counts, cannot be trained so, or was asked to
            be held in another one.
    """
    method = source.shape.quantised
    if method is None:
        return source, asked, ""
    name, where = source.shape.name, f"{source.shape.name}: quantization_config"
    fix = "name the checkpoint it was made from"
    if approach in WEIGHTS_LEARN:
        what = f"stored in {method}: {approach} trains weights, and quantised ones cannot be"
        raise UserError(what, where=where, fix=f"{fix}, or train adapters: --approach lora")
    held = _held(method, _stated(source.config))
    if held is None:
        what = f"stored in {method}, which no term of ours counts"
        raise UserError(what, where=where, fix=fix)
    if asked not in (None, held):
        what = f"stored in {method}, and cannot become {asked}"
        raise UserError(what, where="--quantisation", fix=f"leave it out, or {fix}")
    # the arithmetic knows the form in memory, whoever made it: AWQ packs as GPTQ does
    plain = replace(source.shape, quantised="gptq" if held == "gptq4" else held)
    return (
        replace(source, shape=plain),
        held,
        f"{held}: the checkpoint of {name} is stored in {method}",
    )


def _stated(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ``quantization_config``, which may stand with the language part alone."""
    found = config.get("quantization_config") or config["text_config"]["quantization_config"]
    return cast("Mapping[str, Any]", found)


def leaves_experts(setup: Setup) -> bool:
    """Whether quantising on loading leaves most of a mixture as it was.

    transformers 5 keeps all experts of a layer in one tensor (``Qwen3MoeExperts.gate_up_proj``),
    and its ``integrations/bitsandbytes.py`` replaces nothing but ``nn.Linear``.
    """
    loaded = setup.quantisation in ("nf4", "nf4-double", "int8") and not setup.shape.quantised
    return setup.shape.experts > 1 and loaded and stacks.find(setup.stack).fused_experts


def _held(method: str, stored: Mapping[str, Any]) -> Quantisation | None:
    """The form in memory, from the ``quantization_config`` of transformers."""
    if method in ("gptq", "awq"):
        return "gptq4" if stored.get("bits", stored.get("w_bit", 4)) == 4 else None
    if method != "bitsandbytes":
        return None
    if stored.get("load_in_8bit"):
        return "int8"
    if stored.get("bnb_4bit_quant_type") == "fp4":
        return None
    double = stored.get("bnb_4bit_use_double_quant")
    return "nf4-double" if double else "nf4"
