"""How to tune, and the same as arguments of TRL's SFTTrainer."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runners import _checkpoints, _processes, _raw_text
from runners._sft_rows import Slices
from runners.base import Plan

Optimizer = Literal["adamw", "adamw_8bit"]
_OPTIMIZERS = {"adamw": "adamw_torch_fused", "adamw_8bit": "adamw_bnb_8bit"}
_LOOKS = 2
"""Looks at the rows held back, for each pass over the others."""
_SORTED = 50
"""Steps among which rows are sorted by length, in a large set."""
_APART = 20
"""Steps between looks at the least, where there are so many: each writes a checkpoint too."""
PATIENCE = 2
"""Looks without an improvement before training stops."""


@dataclass(frozen=True)
class Recipe:
    """How to train; every field is resolved, none is a request."""

    epochs: float
    learning_rate: float
    batch: int
    """Rows per step."""
    micro_batch: int | None = None
    """Rows that go through the model at once; gradients of several add up to a step."""
    max_tokens: int | None = None
    """Longer rows are cut; as many as the model can read unless given."""
    checkpointing: bool = False
    """Compute activations twice instead of keeping them: less memory, a third more time."""
    optimizer: Optimizer = "adamw"


def steps_of(rows: int, recipe: Recipe) -> int:
    """Optimizer steps of the whole training."""
    return max(1, math.ceil(recipe.epochs * rows / recipe.batch))


def micro_batch(plan: Plan, recipe: Recipe) -> int:
    """Rows that go through one process at once."""
    micro = min(recipe.micro_batch or recipe.batch, recipe.batch)
    return _processes.micro_batch(plan, recipe.batch, micro)


def order(lengths: Sequence[int], recipe: Recipe, seed: int) -> list[int]:
    """The places of all rows to be seen, one step after the other, over all passes.

    Rows of like length stand in one step: on short rows that saves most of the padding. The whole
    order follows from the seed, so that a run that was killed goes on with the rows that it would
    have seen next; the sampler of transformers draws from the state of the moment.
    """
    drawn = random.Random(seed)
    wanted = max(1, math.ceil(recipe.epochs * len(lengths)))
    places: list[int] = []
    while len(places) < wanted:
        once = list(range(len(lengths)))
        drawn.shuffle(once)
        places += once
    places = places[:wanted]
    # Sorting among many steps at once would put the same rows together at every pass.
    among = recipe.batch * max(1, min(_SORTED, len(lengths) // (4 * recipe.batch)))
    found: list[int] = []
    for start in range(0, wanted, among):
        part = sorted(places[start : start + among], key=lambda place: -lengths[place])
        steps = [part[n : n + recipe.batch] for n in range(0, len(part), recipe.batch)]
        short = [steps.pop()] if len(steps[-1]) < recipe.batch else []
        drawn.shuffle(steps)
        found += [place for step in (*steps, *short) for place in step]
    return found


def arguments(plan: Plan, slices: Slices, recipe: Recipe) -> Any:  # noqa: ANN401 - an SFTConfig
    from trl import SFTConfig

    return SFTConfig(
        **common(plan, slices, recipe),
        max_length=None,
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )


def common(plan: Plan, slices: Slices, recipe: Recipe) -> dict[str, Any]:
    """What all trainers of TRL are given alike that learn from rows."""
    import torch

    micro = micro_batch(plan, recipe)
    total = steps_of(len(slices.train), recipe)
    each = math.ceil(len(slices.train) / recipe.batch)
    look = max(1, each // _LOOKS, min(_APART, total // 4))
    chosen: dict[str, Any] = {
        "output_dir": str(plan.folder / _checkpoints.CHECKPOINTS),
        "num_train_epochs": 1,  # the order holds all passes
        "learning_rate": recipe.learning_rate,
        "per_device_train_batch_size": micro,
        "per_device_eval_batch_size": micro,
        "gradient_accumulation_steps": math.ceil(recipe.batch / (micro * plan.processes)),
        "warmup_steps": total // 10,  # the first of them has a rate of zero: none of a few
        "weight_decay": 0.0,
        "lr_scheduler_type": "linear",
        "optim": _OPTIMIZERS[recipe.optimizer],
        "bf16": torch.cuda.is_available() and _raw_text.has_bf16(),
        "train_sampling_strategy": "sequential",
        "logging_steps": max(1, min(20, total // 20)),
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # a loss that is no number must be seen
        "eval_strategy": "steps" if slices.held_back else "no",
        "eval_steps": look,
        "save_strategy": "steps",
        "save_steps": look,
        "save_total_limit": 2,
        "restore_callback_states_from_checkpoint": True,  # looks without an improvement so far
        "load_best_model_at_end": bool(slices.held_back),
        "metric_for_best_model": "eval_loss" if slices.held_back else None,
        "report_to": "none",
        "disable_tqdm": True,
        "seed": plan.seed,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": torch.cuda.is_available(),
        recomputing(): recipe.checkpointing,
    }
    return chosen | _processes.arguments(plan, cuda=torch.cuda.is_available())


def recomputing() -> str:
    """What transformers calls it, renamed within 5; TRL has the old name on unless it is set."""
    from trl import SFTConfig

    new = "activation_checkpointing"
    return new if new in SFTConfig.__dataclass_fields__ else "gradient_checkpointing"


def recompute(trainer: Any) -> None:  # noqa: ANN401 - a trainer of TRL
    """Switch it on before the probe: the trainer does so only when it begins."""
    name = recomputing()
    getattr(trainer.model, f"{name}_enable")(getattr(trainer.args, f"{name}_kwargs"))
