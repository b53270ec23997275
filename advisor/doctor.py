"""What this machine can do, approach by approach, before anything heavy is installed."""

import importlib.util
from collections.abc import Sequence
from typing import Literal

from advisor.hardware import GIB, HardwareProfile
from rules import engine
from rules.engine import Approach
from runners import _models
from runners.base import Frozen, find, names

State = Literal["ready", "install", "no_memory", "advice_only"]
NEEDS_BYTES = int(2.5 * GIB)
"""Peak of the dearest runner on the default encoder, measured (docs/log.md), with room to spare."""
INSTALL = "pip install 'whichtune[run]'"
OFFLINE = "pip install 'whichtune[offline]'"


class Readiness(Frozen):
    """Whether an approach can run here."""

    approach: str
    title: str
    state: State
    text: str
    fix: str = ""
    """What to type to get there; empty where nothing is missing or nothing helps."""


def examine(
    machine: HardwareProfile, approaches: Sequence[Approach] | None = None
) -> tuple[Readiness, ...]:
    """Every approach, cheapest first."""
    ladder = sorted(approaches or engine.load(), key=lambda item: item.rung)
    return tuple(_readiness(item, machine) for item in ladder)


def _readiness(approach: Approach, machine: HardwareProfile) -> Readiness:
    def say(state: State, text: str, fix: str = "") -> Readiness:
        return Readiness(
            approach=approach.name, title=approach.title, state=state, text=text, fix=fix
        )

    if approach.name not in names():
        return say("advice_only", "advised, but this version has no runner for it")
    runner = find(approach.name)
    libraries = runner.LIBRARIES
    missing = [name for name in libraries if importlib.util.find_spec(name) is None]
    if missing:
        return say("install", f"needs {', '.join(missing)}", INSTALL)
    model = "a small encoder" if "classification" in runner.TASKS else "a small causal model"
    if machine.memory_bytes < NEEDS_BYTES:
        have = f"{machine.memory_bytes / GIB:.1f} GiB of memory"
        return say("no_memory", f"{have}; {model} needs {NEEDS_BYTES / GIB:.1f}")
    where = "on the GPU" if machine.gpus else "on the processor"
    return say("ready", f"{model} runs {where}")


def encoder() -> tuple[bool, str, str]:
    """Whether the default encoder is on this machine, what that means, and what to type."""
    if _models.packaged():
        return True, f"{_models.DEFAULT_ENCODER} is installed and works offline", ""
    return False, f"{_models.DEFAULT_ENCODER} will be fetched from its hub once", OFFLINE
