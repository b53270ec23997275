"""A reward model: the base model with one number in the place of the next word, learned from pairs.

TRL's RewardTrainer does the work (Bradley and Terry 1952: the better answer gets more).
Matrices beside the frozen model and the layer of the number are all that learns and all that is
saved. It reads a row in the tokens of its own model, so that any policy may be judged by it.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from runners import (
    _causal_lm,
    _guards,
    _measure,
    _models,
    _pairs,
    _peft,
    _references,
    _render,
    _run_folder,
    _sft_arguments,
    _sft_trainer,
)
from runners._sft_arguments import Recipe
from runners.base import Plan, Progress, Report, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ADAPTER, _ABOUT = "adapter", "reward.json"
_SIDES = ("chosen", "rejected")
_ROWS = 32


def train(plan: Plan, rows: Sequence[Row], recipe: Recipe, report: Report) -> None:
    """Learn from pairs which answer is better.

    Raises:
        DataError: No pair is left to learn from.
    """
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    model, tokenizer = _open(plan.base_model, plan.seed)
    most = min(model.config.max_position_embeddings, recipe.max_tokens or 10**9)
    slices = _pairs.prepare(plan, rows, tokenizer, most, report)
    common = _sft_arguments.common(plan, slices, recipe)
    places = _sft_arguments.order([len(row.ids) for row in slices.train], recipe, plan.seed)
    config = _peft.config(model, _peft.Added(16, 32, 0.0), "SEQ_CLS")
    config.modules_to_save = ["score"]
    held = [_both(row) for row in slices.held_back]
    trainer = RewardTrainer(
        model=model,
        args=RewardConfig(**common, max_length=None),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list([_both(slices.train[place]) for place in places]),
        eval_dataset=Dataset.from_list(held) if held else None,
        peft_config=config,
        callbacks=_sft_trainer.callbacks(
            plan, report, looks=bool(slices.held_back), of_answers=False
        ),
    )
    before = _guards.fingerprint(trainer.model)  # type: ignore[arg-type]
    _sft_trainer.train(plan, trainer, report)
    if not _sft_trainer.stopped(plan, trainer):
        _guards.something_changed(before, trainer.model)  # type: ignore[arg-type]
    if slices.held_back:
        _look(trainer.model, tokenizer, held, report)
    _peft.save(trainer.model, plan.artifact / _ADAPTER)
    about = {
        "base_model": plan.base_model,
        "fingerprint": _models.fingerprint(plan.base_model),
        "seed": plan.seed,
        "learned": sorted({_references.known_by(row) for row in rows}),
    }
    _run_folder.write_atomic(plan.artifact / _ABOUT, json.dumps(about))


def _both(row: Any) -> dict[str, Any]:  # noqa: ANN401 - _pairs.Judged
    return {
        "chosen_ids": [*row.prompt, *row.answer],
        "rejected_ids": [*row.prompt, *row.worse],
    }


def _open(base_model: str, seed: int) -> "tuple[Any, PreTrainedTokenizerBase]":
    """The base model with a layer for the number, drawn at random from the seed."""
    import transformers
    from transformers import AutoModelForSequenceClassification

    _causal_lm.require_causal(base_model)
    transformers.set_seed(seed)
    path = str(_models.locate(base_model))
    tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        path, num_labels=1, trust_remote_code=False, use_safetensors=True
    )
    _models.require_words(tokenizer, base_model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    return model.float(), tokenizer


class About(NamedTuple):
    """A reward model that was not opened."""

    folder: Path
    base_model: str
    weights_sha256: str
    """Of what it learned: a copy in another folder is the same one."""
    learned: frozenset[str] | None
    """The questions of its pairs, as ``known_by`` names them; older ones do not say."""


def find(folder: Path) -> About | None:
    """The reward model in a folder: of a run, of its stage, or what that left."""
    for place in (folder, folder / "artifact", folder / "artifact" / "reward" / "artifact"):
        try:
            about = json.loads((place / _ABOUT).read_text("utf-8"))
            weights = (place / _ADAPTER / "adapter_model.safetensors").read_bytes()
        except OSError:
            continue
        learned = about.get("learned")
        return About(
            folder=place,
            base_model=about["base_model"],
            weights_sha256=hashlib.sha256(weights).hexdigest(),
            learned=None if learned is None else frozenset(learned),
        )
    return None


def whole(source: Path, folder: Path) -> None:
    """Write what :func:`train` left as one model that transformers and vLLM open.

    Raises:
        UserError: Its base model has changed, or is gone.
    """
    judge = RewardModel(source)
    judge.model.merge_and_unload(safe_merge=True).save_pretrained(str(folder))
    judge.tokenizer.save_pretrained(str(folder))


class RewardModel:
    """A reward model, reopened."""

    def __init__(self, folder: Path) -> None:
        """Open what :func:`train` left.

        Raises:
            UserError: Its base model has changed, or is gone.
        """
        about = json.loads((folder / _ABOUT).read_text("utf-8"))
        _models.require_same(about["base_model"], about["fingerprint"], folder)
        model, self.tokenizer = _open(about["base_model"], about["seed"])
        self.model: Any = _peft.put_on(model, folder / _ADAPTER).eval()

    def require_readable(self, row: Row) -> None:
        """Refuse a row that the template of the judge's model does not take.

        Raises:
            RenderError: It does not.
        """
        _render.render(row, self.tokenizer)

    def score(self, rows: Sequence[Row]) -> list[float]:
        """The number of each row's target."""
        window = self.model.config.max_position_embeddings
        ids = [list(_render.render(row, self.tokenizer).ids[:window]) for row in rows]
        return _numbers(self.model, self.tokenizer, ids)


def _look(model: Any, tokenizer: Any, held: Sequence[dict[str, Any]], report: Report) -> None:  # noqa: ANN401 - what the trainer holds
    """Say how often it is right on pairs that were held back; they chose the checkpoint, too."""
    import numpy as np

    model.eval()
    sides = [_numbers(model, tokenizer, [pair[f"{side}_ids"] for pair in held]) for side in _SIDES]
    share = _measure.share(np.array([one > other for one, other in zip(*sides, strict=True)]))
    told = f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f}) of {len(held):,} pairs"
    report(Progress(message=f"right on {told} held back", values={"reward_accuracy": share.value}))
    if share.low <= 0.5:
        what = f"reward_no_better_than_chance: it is right on {told} held back, as a coin may be"
        text = f"{what}; what follows learns from its numbers: add pairs, or take a larger model"
        report(Progress(message=text, warning=True))


def _numbers(model: Any, tokenizer: Any, ids: Sequence[Sequence[int]]) -> list[float]:  # noqa: ANN401 - with or without matrices
    """What the model says of each list of tokens."""
    import torch

    found = [0.0] * len(ids)
    order = sorted(range(len(ids)), key=lambda n: -len(ids[n]))
    pad = tokenizer.pad_token_id
    for start in range(0, len(order), _ROWS):
        part = order[start : start + _ROWS]
        longest = len(ids[part[0]])
        tokens = [[*ids[n], *[pad] * (longest - len(ids[n]))] for n in part]
        mask = [[1] * len(ids[n]) + [0] * (longest - len(ids[n])) for n in part]
        with torch.inference_mode():
            logits = model(
                input_ids=torch.tensor(tokens, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
            ).logits
        for n, value in zip(part, logits[:, 0].float().tolist(), strict=True):
            found[n] = value
    return found
