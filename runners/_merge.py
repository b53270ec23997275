"""An adapter added into its base model: a folder that transformers opens without PEFT.

The sum is made in float32, beside the base model as it was published: what QLoRA learned
beside four bits is added to the weights before rounding, so its answers can differ from those
that were measured.
"""

from pathlib import Path

from rules.errors import UserError
from runners import _causal_lm, _generation, _models, _peft
from runners.base import Plan

MERGED = ("lora", "qlora")
"""Approaches whose matrices can be added into the weights."""


def require_mergeable(plan: Plan) -> None:
    """Refuse a run whose result is no pair of a causal model and its matrices.

    Raises:
        UserError: Nothing can be added into the weights.
    """
    if plan.approach not in MERGED or plan.task == "classification":
        what = f"{plan.name} ({plan.approach}, {plan.task}) has nothing that can be merged"
        fix = f"merge a run of {' or '.join(MERGED)} that writes texts: whichtune runs"
        raise UserError(what, where="--to", fix=fix)
    _causal_lm.require_causal(plan.base_model)


def adapted(artifact: Path) -> _generation.Writer:
    """The adapter on its unquantised base, in float32."""
    known = _generation.about(artifact)
    model, tokenizer = _causal_lm.open_model(known["base_model"])
    tuned = _peft.put_on(model.float(), artifact / "adapter").eval()
    return _generation.Writer(tuned, tokenizer, known["max_new_tokens"])


def write(writer: _generation.Writer, folder: Path) -> None:
    """Add the matrices into the weights and save all of it; the writer is used up."""
    _models.require("peft", approach="merging")
    merged = writer.model.merge_and_unload(safe_merge=True)  # type: ignore[operator]
    merged.save_pretrained(str(folder))
    writer.tokenizer.save_pretrained(str(folder))
