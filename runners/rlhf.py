"""Reinforcement from feedback in three stages: supervised tuning, a reward model, online learning.

Each stage is a folder of its own, is done once, and goes on from its last checkpoint after a kill.
With a reward that a program can check there is no reward model. PPO is gone from TRL since 2026;
RLOO needs no value model and did as well or better (docs/preferences.md).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from rules.errors import SettingError
from runners import (
    _causal_lm,
    _generation,
    _online,
    _policy,
    _reinforced,
    _reward_model,
    _rewards,
    _sft_settings,
    _stages,
)
from runners._sft_arguments import Recipe
from runners.base import (
    Frozen,
    OwnMetric,
    Plan,
    Predictor,
    Progress,
    Report,
    Row,
    settings_of,
)

TASKS = ("preference_alignment", "generation", "instruction_following")
LIBRARIES = ("transformers", "accelerate", "datasets", "peft", "trl")
FORGETS_LESS_WITH = "a larger beta (--setting beta=), or fewer steps (--setting steps=)"
_SLOWER = 0.2
"""Of the rate of supervised tuning; a guess (docs/log.md)."""


class Settings(Frozen):
    """The knobs of this approach."""

    reward: _rewards.Kind = "model"
    """``model`` of pairs; ``metric`` by --metric-function; ``format`` of --answer-format; or the
    right ``number``."""
    algorithm: _online.Algorithm = "rloo"
    """``rloo`` holds an answer against others to the same question; ``grpo`` also scales."""
    weights: _policy.Weights = "lora"
    """What learns: ``lora`` matrices, those beside four bits (``qlora``), or the ``full`` model."""
    beta: Annotated[float, Ge(0)] = 0.05
    """Price of each nat of divergence from the supervised model."""
    sft_first: bool = True
    """Learn the better answers by heart before: rewards can only choose among what is said."""
    steps: Annotated[int, Ge(1)] = 60
    """Of online learning."""
    batch: Annotated[int, Ge(2)] = 16
    """Answers in a step."""
    answers: Annotated[int, Ge(2)] = 4
    """To each question, held against each other."""
    answer_tokens: Annotated[int, Ge(4)] = 64
    """An answer may have while it learns."""
    learning_rate: Annotated[float, Gt(0)] | None = None
    """Of online learning; from the width of the model unless given."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing: what follows depends on the model too."""
    del rows
    return {}


def computed_text(rows: int, base_model: str) -> dict[str, tuple[Any, str]]:
    """The learning rate of online learning, where the model is on this machine."""
    usual = _sft_settings.automatic(rows, base_model, added=True)
    if "learning_rate" not in usual:
        return {}
    rate = float(f"{usual['learning_rate'][0] * _SLOWER:.1e}")
    return {"learning_rate": (rate, "a fifth of the rate of supervised tuning with matrices")}


def require_rewards(
    settings: Settings, rows: Sequence[Row], answer_format: str | None, own: OwnMetric | None
) -> None:
    """Refuse, before a run is made, a reward that lacks something.

    Raises:
        SettingError: It does, or the answers of a step cannot be shared out.
    """
    if settings.batch % settings.answers:
        fix = f"--setting batch={-(-settings.batch // settings.answers) * settings.answers}"
        what = f"{settings.batch} answers of a step are no multiple of {settings.answers}"
        raise SettingError(what, where="--setting batch", fix=fix)
    _rewards.check(settings.reward, rows, answer_format, own)


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Carry out the stages that are not done yet.

    Raises:
        SettingError: The reward lacks something, or the answers of a step cannot be shared out.
        DataError: No row is left to learn from.
        UserError: The base model writes no text.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    require_rewards(settings, rows, plan.answer_format, plan.metric_function)
    _causal_lm.require_causal(plan.base_model)
    if settings.sft_first:
        _stages.tune(plan, _policy.TUNES[settings.weights], {}, rows, report)
    judge = _stages.stage(plan, "reward")
    if settings.reward == "model":
        _stages.once(judge, lambda own, told: _train_judge(own, rows, told), report)
    reward = _rewards.reward_of(plan, settings.reward, judge)
    _stages.once(
        _stages.stage(plan, "rl"),
        lambda own, told: _reinforce(plan, own, rows, reward, told),
        report,
    )


def _train_judge(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    rate = computed_text(len(rows), plan.base_model).get("learning_rate", (1e-4, ""))[0]
    epochs = max(1, min(3, round(2000 / max(len(rows), 1))))
    _reward_model.train(plan, rows, Recipe(epochs=epochs, learning_rate=rate, batch=16), report)


def _reinforce(
    plan: Plan, own: Plan, rows: Sequence[Row], reward: _rewards.Reward, report: Report
) -> None:
    settings = settings_of(Settings, plan.settings, plan.approach)
    opened = _policy.open_to_learn(
        plan, settings.weights, _online.ADDED, after_sft=settings.sft_first
    )
    window = _generation.window_of(opened.model.config)
    learned, held = _reinforced.parted(
        plan, rows, opened.tokenizer, window - settings.answer_tokens
    )
    known = computed_text(len(rows), plan.base_model).get("learning_rate", (1e-5, ""))[0]
    online = _online.Online(
        settings.algorithm,
        settings.beta,
        settings.steps,
        settings.batch,
        settings.answers,
        settings.answer_tokens,
        settings.learning_rate or known,
    )
    model = _online.train(own, opened, learned, reward, online, report)
    room = settings.answer_tokens
    after = opened._replace(model=model)
    _policy.save(
        plan, settings.weights, settings.beta or 1.0, after, room, after_sft=settings.sft_first
    )
    del opened, model, after
    found = _reinforced.compared(plan, _policy.load(plan.artifact), held, reward)
    for text in found.warnings():
        report(Progress(message=text, warning=True))
    report(Progress(message=found.told(), values=found.values()))


def load(folder: Path) -> Predictor:
    """Put what was learned back on its base model."""
    return _policy.load(folder)
