"""A reinforcement run as verl takes it, for when one machine is outgrown.

The folder holds the model that reinforcement starts from, what rewards it, the questions, and a
configuration over verl's own with the settings of the run. Keys are those of verl 0.9.1
(https://github.com/verl-project/verl, verl/trainer/config/ppo_trainer.yaml; read 2026-11-27).
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rules.errors import SettingError, UserError
from runners import (
    _causal_lm,
    _data,
    _merge,
    _online,
    _peft,
    _policy,
    _render,
    _render_text,
    _render_tokenizer,
    _reward_alone,
    _reward_model,
)
from runners._references import asked, question
from runners.base import Plan, Row, computed, find, settings_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

VERSION = "0.9.1"
CONFIG = "whichtune.yaml"
COMMAND = (
    'python -m verl.trainer.main_ppo --config-path "$PWD" --config-name '
    f'{CONFIG.removesuffix(".yaml")} here="$PWD"'
)
_MODEL, _REWARD_MODEL, _REWARD = "model", "reward_model", "reward.py"
_ROOM = 8
"""Tokens of a prompt beyond the longest one here."""


class _Wanted(NamedTuple):
    """The settings of the run that verl has too."""

    reward: str
    algorithm: str
    weights: str
    sft_first: bool
    beta: float
    steps: int
    batch: int
    answers: int
    answer_tokens: int
    learning_rate: float | None


def require(plan: Plan) -> None:
    """Refuse a run that reinforced nothing.

    Raises:
        UserError: It is of another approach, or its model has no chat template.
    """
    if plan.approach != "rlhf":
        what = f"{plan.name} is {plan.approach}, and verl goes on with reinforcement"
        raise UserError(what, where="--to verl", fix="name a run of rlhf: whichtune runs")
    tokenizer = _render_tokenizer.open_tokenizer(plan.base_model)
    if _render_text.chat_template(tokenizer) is None:
        what = f"{plan.base_model} has no chat template, and verl asks by one"
        raise UserError(what, where="--to verl", fix="reinforce a model that has one")


def write(plan: Plan, folder: Path) -> None:
    """Write all of it; the folder is new.

    Raises:
        SettingError: The questions cannot be shared out.
        UserError: The base model is gone or has changed.
    """
    given = settings_of(find(plan.approach).Settings, plan.settings, plan.approach)
    settings = _Wanted(**{name: getattr(given, name) for name in _Wanted._fields})
    folder.mkdir()
    tokenizer = _start(plan, settings, folder / _MODEL)
    longest = 0
    for name, file in (("train", plan.train), ("evaluation", plan.evaluation)):
        rows = _data.read_rows(file)
        longest = max(longest, _questions(rows, tokenizer, folder / f"{name}.parquet"))
    if settings.reward == "model":
        _reward_model.whole(plan.artifact / "reward" / "artifact", folder / _REWARD_MODEL)
    else:
        _program(plan, settings, folder)
    import yaml

    told = yaml.safe_dump(_config(plan, settings, longest + _ROOM), sort_keys=False)
    (folder / CONFIG).write_text(_HEAD + told, "utf-8")
    (folder / "README.md").write_text(_readme(plan, settings), "utf-8")


def _start(plan: Plan, settings: _Wanted, folder: Path) -> "PreTrainedTokenizerBase":
    """What reinforcement starts from: the supervised stage, where there was one."""
    before = _policy.stage_artifact(plan, _policy.SFT)
    if settings.sft_first and settings.weights == "full":
        model, tokenizer = _causal_lm.open_model(str(_merge.whole(before)))
    else:
        model, tokenizer = _causal_lm.open_model(plan.base_model)
    if settings.sft_first and settings.weights != "full":
        tuned = _peft.put_on(model.float(), before / "adapter")
        model = tuned.merge_and_unload(safe_merge=True)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return tokenizer


def _questions(rows: Sequence[Row], tokenizer: "PreTrainedTokenizerBase", file: Path) -> int:
    """Each question once; the tokens of the longest one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    each = [rows[item.places[0]] for item in asked(rows)]
    lines = [
        {
            "data_source": "whichtune",
            "prompt": _render_text.turns(question(row)),
            "ability": "text",
            "reward_model": {"style": "rule", "ground_truth": row.target},
            "extra_info": {"id": row.id},
        }
        for row in each
    ]
    pq.write_table(pa.Table.from_pylist(lines), str(file))
    return max(len(_render.prompt(question(row), tokenizer)[1]) for row in each)


def _program(plan: Plan, settings: _Wanted, folder: Path) -> None:
    about: dict[str, Any] = {"reward": settings.reward}
    if settings.reward == "format":
        about["form"] = (plan.answer_format or "").strip()
    if settings.reward == "metric":
        own = plan.metric_function
        if own is None or not own.path.is_file():
            fix = f"run it again from the folder that has it: whichtune run {plan.name} --again"
            raise SettingError("the function is gone", where=f"{own and own.path}", fix=fix)
        about |= {"file": f"own_{own.path.name}", "function": own.name}
        shutil.copyfile(own.path, folder / about["file"])
    shutil.copyfile(_reward_alone.__file__, folder / _REWARD)
    (folder / _reward_alone.ABOUT.name).write_text(json.dumps(about, indent=1), "utf-8")


def _config(plan: Plan, settings: _Wanted, longest: int) -> dict[str, Any]:
    known = computed(find(plan.approach), plan.task, plan.train.rows, plan.base_model)
    usual = known.get("learning_rate", (1e-5, ""))[0]
    prompts = settings.batch // settings.answers
    rloo = settings.algorithm == "rloo"
    added = {"lora_rank": _online.ADDED.rank, "lora_alpha": _online.ADDED.alpha}
    program = {"custom_reward_function": {"path": f"${{here}}/{_REWARD}", "name": "compute_score"}}
    model = {
        "reward_model": {
            "enable": True,
            "model_path": f"${{here}}/{_REWARD_MODEL}",
            "rollout": {"name": "vllm", "tensor_model_parallel_size": 1},
        }
    }
    return {
        "data": {
            "train_files": "${here}/train.parquet",
            "val_files": "${here}/evaluation.parquet",
            "train_batch_size": prompts,
            "max_prompt_length": longest,
            "max_response_length": settings.answer_tokens,
            "seed": plan.seed,
        },
        "actor_rollout_ref": {
            "model": {
                "path": f"${{here}}/{_MODEL}",
                **(added if settings.weights != "full" else {}),
            },
            "actor": {
                "ppo_mini_batch_size": prompts,
                "use_dynamic_bsz": True,
                "use_kl_loss": not rloo,
                "kl_loss_coef": settings.beta,
                "optim": {"lr": settings.learning_rate or usual},
            },
            "rollout": {
                "name": "vllm",
                "n": settings.answers,
                "tensor_model_parallel_size": 1,
                "load_format": "safetensors",
            },
        },
        "algorithm": {
            "adv_estimator": settings.algorithm,
            "use_kl_in_reward": rloo,
            "kl_ctrl": {"kl_coef": settings.beta},
        },
        "reward": model if settings.reward == "model" else program,
        "trainer": {
            "total_training_steps": settings.steps,
            "total_epochs": 10_000,  # the steps end it
            "n_gpus_per_node": 1,
            "nnodes": 1,
            "logger": ["console"],
            "project_name": "whichtune",
            "experiment_name": plan.name,
            "test_freq": max(1, settings.steps // 4),
            "save_freq": max(1, settings.steps // 4),
        },
    }


_HEAD = f"""# For verl {VERSION}, over its own configuration: in this folder
#   {COMMAND}
hydra:
  searchpath:
  - pkg://verl.trainer.config
defaults:
- ppo_trainer
- _self_
here: ???
"""


def _readme(plan: Plan, settings: _Wanted) -> str:
    reward = f"`{_REWARD_MODEL}/`" if settings.reward == "model" else f"`{_REWARD}`"
    start = "the model of the supervised stage" if settings.sft_first else "the base model"
    return f"""# {plan.name}, to be reinforced by verl

`{_MODEL}/` is {start} of `{plan.base_model}`; the answers are rewarded by {reward}.
The questions stand in `train.parquet` and `evaluation.parquet`. On a machine with GPUs, verl
{VERSION} and vLLM, in this folder:

    {COMMAND}

The settings are those of the run, made for a small machine. Where there is more room, raise
`data.train_batch_size` with `actor_rollout_ref.actor.ppo_mini_batch_size`, and
`trainer.n_gpus_per_node`. A large model takes more than one GPU to answer:
`actor_rollout_ref.rollout.tensor_model_parallel_size`.

verl is not TRL: updates are clipped (`actor_rollout_ref.actor.clip_ratio`), the rate stays as it
is, and the reference is the start without matrices. Measure what comes of it on the same rows:
`whichtune run --approach zero_shot --base-model FOLDER`.
"""
