"""A model that learns from preferences or rewards, and the reference it must not stray from.

With added matrices the reference is the same model without them, or with those of the supervised
stage: never a second copy. With all weights it is opened again when it is asked.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from runners import _causal_lm, _generation, _peft, _run_folder
from runners.base import Bits, Plan, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Weights = Literal["lora", "qlora", "full"]
"""What learns: matrices beside the model, the same beside four bits, or all of it."""
TUNES: dict[Weights, str] = {"lora": "lora", "qlora": "qlora", "full": "full_sft"}
"""The approach that learns answers by heart in the same way."""
SFT = "sft"
"""The stage that comes first, where it is wanted."""
_ABOUT = "policy.json"
_ADAPTER, _WHOLE = "adapter", "model"


class Opened(NamedTuple):
    """A model that is about to learn."""

    model: Any
    tokenizer: "PreTrainedTokenizerBase"
    peft_config: Any
    """Of matrices that the trainer is to add; nothing where they are there, or all learns."""


def open_to_learn(plan: Plan, weights: Weights, added: _peft.Added, *, after_sft: bool) -> Opened:
    """The base model, or what the supervised stage made of it."""
    import transformers

    transformers.set_seed(plan.seed)  # matrices start at random
    before = stage_artifact(plan, SFT)
    if weights == "full":
        source = str(before / _WHOLE) if after_sft else plan.base_model
        model, tokenizer = _causal_lm.open_model(source)
        model = model.float()  # a step is smaller than what half precision can add to a weight
        for weight in model.parameters():
            weight.requires_grad = True
        return Opened(model, tokenizer, None)
    four_bits = weights != "lora"
    model, tokenizer = _causal_lm.open_model(plan.base_model, four_bits=four_bits)
    if four_bits:
        from peft import prepare_model_for_kbit_training

        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if after_sft:
        return Opened(_peft.put_on(model, before / _ADAPTER, learns=True), tokenizer, None)
    return Opened(model, tokenizer, _peft.config(model, added))


def stage_artifact(plan: Plan, stage: str) -> Path:
    """What a stage left, within the run's artifact."""
    return plan.artifact / stage / "artifact"


def save(
    plan: Plan, weights: Weights, beta: float, opened: Opened, room: int, *, after_sft: bool
) -> None:
    """Write what has learned, and what it takes to ask it and its reference again."""
    _generation.save(plan, room)
    if weights == "full":
        opened.model.save_pretrained(str(plan.artifact / _WHOLE))
        opened.tokenizer.save_pretrained(str(plan.artifact / _WHOLE))
    else:
        _peft.save(opened.model, plan.artifact / _ADAPTER)
    about = {"weights": weights, "beta": beta, "after_sft": after_sft}
    _run_folder.write_atomic(plan.artifact / _ABOUT, json.dumps(about))


def load(folder: Path) -> "Policy":
    """Reopen it."""
    return Policy(folder)


class Policy(_generation.Writer):
    """A model that learned from preferences or rewards; it can be asked as its reference too."""

    def __init__(self, folder: Path) -> None:
        known = _generation.about(folder)
        about = json.loads((folder / _ABOUT).read_text("utf-8"))
        self.beta: float = about["beta"]
        self._whole = about["weights"] == "full"
        self._start = folder / SFT / "artifact" if about["after_sft"] else None
        self._base: str = known["base_model"]
        if self._whole:
            model, tokenizer = _causal_lm.open_model(str(folder / _WHOLE))
        else:
            four_bits = about["weights"] != "lora"
            model, tokenizer = _causal_lm.open_model(self._base, four_bits=four_bits)
            model = _peft.put_on(model, folder / _ADAPTER).eval()
            if self._start:
                model.load_adapter(str(self._start / _ADAPTER), "reference")
        super().__init__(model, tokenizer, known["max_new_tokens"])

    def reference_bits(self, rows: Sequence[Row]) -> list[Bits]:
        """Of each row's target, under the model that training started from."""
        with self.as_reference():
            return self.bits(rows)

    @contextmanager
    def as_reference(self) -> Iterator[None]:
        """Be the reference for a while."""
        model: Any = self.model
        if self._whole:
            start = str(self._start / _WHOLE) if self._start else self._base
            self.model = _causal_lm.open_model(start)[0]
            try:
                yield
            finally:
                self.model = model
        elif self._start:
            model.set_adapter("reference")
            try:
                yield
            finally:
                model.set_adapter("default")
        else:
            with model.disable_adapter():
                yield
