"""What this machine has shown: how far forecasts were off, by kind of run.

A small file beside the embedding cache. Each run adds its two ratios (what it took over what was
probed); the median of the last five corrects the next forecast of the same kind. Another machine,
another release of torch or another model is another kind.
"""

import json
import platform
import statistics
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, cast

from runners import _embedding_cache, _models, _run_folder
from runners.base import Plan

_KEPT = 5


class Ratios(NamedTuple):
    """How much longer, and larger, runs of this kind were than their probe said."""

    seconds: float
    memory: float
    runs: int


def _path() -> Path:
    return _embedding_cache.folder() / "forecasts.json"


def _kind(plan: Plan) -> str:
    parts = (platform.node(), platform.machine(), metadata.version("torch"), plan.approach)
    return " ".join((*parts, _models.fingerprint(plan.base_model)))


def _read() -> dict[str, list[list[float]]]:
    """A damaged file corrects nothing; it is written anew by the next run."""
    try:
        found = json.loads(_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, list[list[float]]]", found) if isinstance(found, dict) else {}


def ratios(plan: Plan) -> Ratios:
    """The correction for a plan: ones, where nothing of its kind has run here."""
    seen = _read().get(_kind(plan), [])
    if not seen:
        return Ratios(1.0, 1.0, 0)
    return Ratios(
        statistics.median(pair[0] for pair in seen),
        statistics.median(pair[1] for pair in seen),
        len(seen),
    )


def remember(plan: Plan, seconds: float, memory: float) -> None:
    """Add the ratios of a run that has ended; a disk that is full loses only the correction."""
    every = _read()
    every[_kind(plan)] = [*every.get(_kind(plan), []), [seconds, memory]][-_KEPT:]
    try:
        _path().parent.mkdir(parents=True, exist_ok=True)
        _run_folder.write_atomic(_path(), json.dumps(every, indent=1))
    except OSError:
        return
