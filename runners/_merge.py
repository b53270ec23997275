"""A run's result as one whole model: a folder that transformers opens without anything else.

What the artifact holds decides how: a model that was saved whole is copied byte by byte; matrices
beside a base model are added into its weights. The sum is made in float32, beside the base model as
it was published: what was learned beside four bits is added to the weights before rounding, so its
answers can differ from those that were measured.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from rules.errors import RunError, UserError
from runners import _causal_lm, _generation, _peft
from runners.base import Plan, find

_PLACES = ("model", ".")
"""Where in an artifact a whole model stands."""
_ADDED = ("LORA",)
"""Kinds of adapters whose matrices can be added into the weights, as PEFT calls them."""


def whole(artifact: Path) -> Path | None:
    """The folder of a model that was saved whole, where there is one."""
    for place in _PLACES:
        folder = artifact / place
        if (folder / "config.json").is_file() and any(folder.glob("*.safetensors")):
            return folder
    return None


def matrices(artifact: Path) -> Path | None:
    """The folder of matrices that belong beside a base model, where there is one."""
    folder = artifact / "adapter"
    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return folder if config.get("peft_type") in _ADDED else None


def require_mergeable(plan: Plan) -> None:
    """Refuse a run whose result is neither a causal model nor matrices beside one.

    Raises:
        UserError: No whole model can be made of it.
    """
    model = whole(plan.artifact)
    if model is None and matrices(plan.artifact) is None:
        what = f"{plan.name} ({plan.approach}) has nothing that can be merged"
        fix = "name a run that tuned all weights of a model, or LoRA matrices: whichtune runs"
        raise UserError(what, where="--to", fix=fix)
    _causal_lm.require_causal(str(model) if model else plan.base_model)


def measured(plan: Plan) -> _generation.Writer:
    """The result of a run as it was measured.

    Raises:
        UserError: The base model has changed.
        RunError: The files of the artifact are damaged.
    """
    from safetensors import SafetensorError

    try:
        found: Any = find(plan.approach).load(plan.artifact)
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [repr(error)])[0]
        fix = f"run it again: whichtune run {plan.name} --again"
        what = f"the artifact cannot be opened: {reason}"
        raise RunError(what, where=str(plan.artifact), fix=fix) from error
    return found


def rounding(writer: _generation.Writer) -> str | None:
    """How the weights of a writer are rounded; ``None`` where they are float32."""
    if getattr(writer.model, "is_loaded_in_4bit", False):
        return "four bits"
    kind = str(next(writer.model.parameters()).dtype).removeprefix("torch.")
    return None if kind == "float32" else kind


def exact(plan: Plan) -> _generation.Writer:
    """The same in float32, with an adapter on its unquantised base.

    Raises:
        UserError: The base model has changed.
    """
    folder = whole(plan.artifact)
    if folder:
        model, tokenizer = _causal_lm.open_model(str(folder))
        return _generation.Writer(model.float(), tokenizer, _room(plan.artifact, model, tokenizer))
    known = _generation.about(plan.artifact)
    model, tokenizer = _causal_lm.open_model(known["base_model"])
    tuned = _peft.put_on(model.float(), plan.artifact / "adapter").eval()
    return _generation.Writer(tuned, tokenizer, known["max_new_tokens"])


def _room(artifact: Path, model: Any, tokenizer: Any) -> int:  # noqa: ANN401
    """Tokens an answer may have: as they were measured with."""
    if _generation.writes(artifact):
        return _generation.read(artifact)["max_new_tokens"]
    return _generation.room_for((), tokenizer, _generation.window_of(model.config))


def write(writer: _generation.Writer, plan: Plan, folder: Path) -> None:
    """Write the whole model; the writer is used up.

    Raises:
        RunError: The sum holds weights that are no numbers.
    """
    source = whole(plan.artifact)
    if source:
        _copy(source, folder)
        return
    try:
        merged = writer.model.merge_and_unload(safe_merge=True)  # type: ignore[operator]
    except ValueError as error:  # which PEFT raises where the sum is not finite
        fix = f"run it again with a lower learning rate: whichtune run {plan.name} --again"
        raise RunError(f"no sum: {error}", where=str(plan.artifact), fix=fix) from error
    merged.save_pretrained(str(folder))
    writer.tokenizer.save_pretrained(str(folder))


def _copy(source: Path, folder: Path) -> None:
    """The files of the model alone: what an approach keeps beside them is of no use elsewhere."""

    def others(place: str, names: list[str]) -> list[str]:
        return [n for n in names if n == _generation.ABOUT or (Path(place) / n).is_dir()]

    shutil.copytree(source, folder, ignore=others)
