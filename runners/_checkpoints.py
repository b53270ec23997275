"""How far a training has got, kept so that a kill at any moment loses little and changes nothing.

While it lasts there are checkpoints; once it is done, a note that only measuring is left. A
checkpoint counts only if it is whole: of a torn one, the one before is taken.
"""

import json
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, cast

from runners import _run_folder, _weights
from runners.base import Plan

CHECKPOINTS = "checkpoints"
"""Beside the artifact until the training is done."""
JOURNAL = "job.json"
"""In the artifact of a fit that goes on elsewhere: what has been asked of whom so far. It stays."""
_FITTED = "fitted.json"
_DECIDED = "decided.json"
_NEEDED = ("*.safetensors", "optimizer.*", "scheduler.pt", "rng_state*.pth")
"""Without one of these, a training would go on with something else than it had."""


class Fit(NamedTuple):
    """What a training has cost."""

    seconds: float
    memory_bytes: int


def last(plan_folder: Path) -> Path | None:
    """The newest checkpoint of a run that was written to its end."""
    found = (plan_folder / CHECKPOINTS).glob("checkpoint-*")
    newest_first = sorted(found, key=lambda path: -int(path.name.split("-")[-1]))
    return next((path for path in newest_first if _can_go_on(path)), None)


def _can_go_on(checkpoint: Path) -> bool:
    """Whether it is whole, and so is the best one so far, which is gone back to at the end."""
    if not _is_whole(checkpoint):
        return False
    best = _read(checkpoint / "trainer_state.json").get("best_model_checkpoint")
    beside = checkpoint.with_name(Path(best).name) if best else checkpoint
    return beside == checkpoint or _is_whole(beside)


def _is_whole(checkpoint: Path) -> bool:
    return (
        "global_step" in _read(checkpoint / "trainer_state.json")
        and all(any(checkpoint.glob(pattern)) for pattern in _NEEDED)
        and all(_is_complete(path) for path in _files(checkpoint))
    )


def _files(checkpoint: Path) -> Iterable[Path]:
    yield from (path for path in checkpoint.iterdir() if path.is_file())
    index = _read(checkpoint / "model.safetensors.index.json")
    yield from (checkpoint / name for name in set(index.get("weight_map", {}).values()))


def _is_complete(path: Path) -> bool:
    """Whether a file ends where its own beginning, or a table at its end, says it does."""
    if path.suffix == ".safetensors":
        return path.is_file() and not _weights.fault(path)
    if path.suffix in (".pt", ".pth", ".bin"):  # torch writes archives, whose table stands last
        return zipfile.is_zipfile(path)
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def decided(plan: Plan, values: dict[str, Any], *, anew: bool = False) -> dict[str, Any]:
    """What the free memory of the moment decided: when a run goes on, what it decided then.

    ``anew``: what was decided has not held, and this takes its place.
    """
    path = plan.folder / CHECKPOINTS / _DECIDED
    known = _read(path)
    if not anew and known.keys() == values.keys() and last(plan.folder):
        return known
    path.parent.mkdir(exist_ok=True)
    _run_folder.write_atomic(path, json.dumps(values))
    return values


def note_fit(plan: Plan, fit: Fit) -> None:
    """The artifact is whole: note that, and delete the checkpoints."""
    _run_folder.write_atomic(plan.folder / _FITTED, json.dumps(fit._asdict()))
    shutil.rmtree(plan.folder / CHECKPOINTS, ignore_errors=True)


def fit_of(plan_folder: Path) -> Fit | None:
    """What the training has cost, if it is done and measuring is left."""
    known = _read(plan_folder / _FITTED)
    return Fit(**known) if known.keys() == set(Fit._fields) else None


def forget(plan_folder: Path) -> None:
    """Delete all of it: the run is done, or begins anew."""
    (plan_folder / _FITTED).unlink(missing_ok=True)
    shutil.rmtree(plan_folder / CHECKPOINTS, ignore_errors=True)


def stages(plan_folder: Path) -> list[Path]:
    """Folders of the stages that a run has begun, where it has stages."""
    found = (plan_folder / "artifact").glob("*/")
    return [path for path in found if last(path) or fit_of(path)]


def can_go_on(plan_folder: Path) -> bool:
    """Whether the run, or one of its stages, has got anywhere."""
    begun = (plan_folder / "artifact" / JOURNAL).is_file()
    return bool(begun or last(plan_folder) or fit_of(plan_folder) or stages(plan_folder))


def forget_stages(plan_folder: Path) -> None:
    """Delete what the stages left: the run begins anew."""
    for path in stages(plan_folder):
        shutil.rmtree(path, ignore_errors=True)
    (plan_folder / "artifact" / JOURNAL).unlink(missing_ok=True)


def forget_torn(plan_folder: Path) -> None:
    """Delete the checkpoints that were not written to their end."""
    for checkpoint in (plan_folder / CHECKPOINTS).glob("checkpoint-*"):
        if not _is_whole(checkpoint):
            shutil.rmtree(checkpoint, ignore_errors=True)
