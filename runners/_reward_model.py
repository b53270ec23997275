"""A reward model: the base model with one number in the place of the next word, learned from pairs.

TRL's RewardTrainer does the work (Bradley and Terry 1952: the better answer gets more).
Matrices beside the frozen model and the layer of the number are all that learns and all that is
saved. It reads a row in the tokens of its own model, so that any policy may be judged by it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import (
    _causal_lm,
    _guards,
    _models,
    _pairs,
    _peft,
    _render,
    _run_folder,
    _sft_arguments,
    _sft_trainer,
)
from runners._sft_arguments import Recipe
from runners.base import Plan, Report, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ADAPTER, _ABOUT = "adapter", "reward.json"
_ROWS = 32


def train(plan: Plan, rows: Sequence[Row], recipe: Recipe, report: Report) -> None:
    """Learn from pairs which answer is better.

    Raises:
        DataError: No pair is left to learn from.
    """
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    model, tokenizer = _open(plan)
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
    _peft.save(trainer.model, plan.artifact / _ADAPTER)
    about = {
        "base_model": plan.base_model,
        "fingerprint": _models.fingerprint(plan.base_model),
        "seed": plan.seed,
    }
    _run_folder.write_atomic(plan.artifact / _ABOUT, json.dumps(about))


def _both(row: Any) -> dict[str, Any]:  # noqa: ANN401 - _pairs.Judged
    return {
        "chosen_ids": [*row.prompt, *row.answer],
        "rejected_ids": [*row.prompt, *row.worse],
    }


def _open(plan: Plan) -> "tuple[Any, PreTrainedTokenizerBase]":
    """The base model with a layer for the number, drawn at random from the seed."""
    import transformers
    from transformers import AutoModelForSequenceClassification

    _causal_lm.require_causal(plan.base_model)
    transformers.set_seed(plan.seed)
    path = str(_models.locate(plan.base_model))
    tokenizer = transformers.AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        path, num_labels=1, trust_remote_code=False, use_safetensors=True
    )
    _models.require_words(tokenizer, plan.base_model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    return model.float(), tokenizer


class RewardModel:
    """A reward model, reopened."""

    def __init__(self, plan: Plan) -> None:
        """Open what the stage of this plan left."""
        about = json.loads((plan.artifact / _ABOUT).read_text("utf-8"))
        _models.require_same(about["base_model"], about["fingerprint"], plan.artifact)
        model, self.tokenizer = _open(plan)
        self.model: Any = _peft.put_on(model, Path(plan.artifact) / _ADAPTER).eval()

    def score(self, rows: Sequence[Row]) -> list[float]:
        """The number of each row's target."""
        import torch

        window = self.model.config.max_position_embeddings
        ids = [list(_render.render(row, self.tokenizer).ids[:window]) for row in rows]
        found = [0.0] * len(rows)
        order = sorted(range(len(rows)), key=lambda n: -len(ids[n]))
        for start in range(0, len(order), _ROWS):
            part = order[start : start + _ROWS]
            longest = len(ids[part[0]])
            pad = self.tokenizer.pad_token_id
            tokens = [ids[n] + [pad] * (longest - len(ids[n])) for n in part]
            mask = [[1] * len(ids[n]) + [0] * (longest - len(ids[n])) for n in part]
            with torch.inference_mode():
                logits = self.model(
                    input_ids=torch.tensor(tokens), attention_mask=torch.tensor(mask)
                ).logits
            for n, value in zip(part, logits[:, 0].float().tolist(), strict=True):
                found[n] = value
        return found
