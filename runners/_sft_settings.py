"""Settings of supervised tuning that follow from the rows and the model, each with its reason."""

import json
from pathlib import Path
from typing import Any

from rules.errors import UserError
from runners import _models, _sft_arguments
from runners._render_tokenizer import BUNDLED
from runners.base import Plan, Progress, Report

ROWS_SEEN = 12_000
"""Rows that a small model wants to see to learn a form of answer: a guess (docs/log.md)."""
_BASE_RATE, _AT_WIDTH = 5e-5, 2000
_POWER, _POWER_QWEN = 0.781, 0.0775


def automatic(rows: int, base_model: str, *, added: bool) -> dict[str, tuple[Any, str]]:
    """Epochs, and the learning rate where the model is on this machine.

    Args:
        rows: Training rows.
        base_model: A folder, an id, or the model that comes with the product.
        added: Whether added weights learn beside frozen ones, which takes ten times the rate.
    """
    epochs = max(1, min(10, round(ROWS_SEEN / max(rows, 1))))
    told = f"about {ROWS_SEEN:,} rows are seen in all, each of {rows:,} 1 to 10 times"
    found: dict[str, tuple[Any, str]] = {"epochs": (epochs, told)}
    known = _config(base_model)
    if known.get("hidden_size"):
        found["learning_rate"] = _learning_rate(known, added=added)
    return found


def _learning_rate(config: dict[str, Any], *, added: bool) -> tuple[float, str]:
    """Thinking Machines 2025, *LoRA Without Regret*, and their cookbook's fit over 14 models."""
    width = int(config["hidden_size"])
    power = _POWER_QWEN if str(config.get("model_type", "")).startswith("qwen") else _POWER
    rate = _BASE_RATE * (10 if added else 1) * (_AT_WIDTH / width) ** power
    rate = float(f"{rate:.1e}")
    times = "ten times that of full tuning, " if added else ""
    return rate, f"{times}for a model {width:,} wide (LoRA Without Regret, 2025)"


def _config(base_model: str) -> dict[str, Any]:
    """The configuration of a model that is on this machine; nothing is fetched for it."""
    here = base_model == BUNDLED or Path(base_model).expanduser().is_dir()
    if not here:
        return {}
    try:
        path = _models.locate(base_model) / "config.json"
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, UserError):  # whoever needs the model will say what is wrong
        return {}
    return found.get("text_config") or found


def resolve(plan: Plan, rows: int, report: Report, *, added: bool) -> dict[str, Any]:
    """The plan's settings, with what is automatic where they say nothing.

    A plan holds these values already where its model was at hand; what is only known now, since
    the model came from a hub, is said in the log.
    """
    found = dict(plan.settings)
    path = str(_models.locate(plan.base_model))
    for name, (value, reason) in automatic(rows, path, added=added).items():
        if found.get(name) is None:
            found[name] = value
            report(Progress(message=f"{name} {value}: {reason}"))
    return found


def recipe(settings: Any) -> _sft_arguments.Recipe:  # noqa: ANN401 - each approach has its own class
    """How to train, from settings of which none is left open."""
    return _sft_arguments.Recipe(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        batch=settings.batch,
        micro_batch=getattr(settings, "micro_batch", None),
        max_tokens=settings.max_tokens,
        checkpointing=settings.checkpointing,
        optimizer=settings.optimizer,
    )
