"""Hybrid: retrieval over a tuned model. What to answer comes from an index, how from a run.

The run is named, not made: tune a causal model first (``lora``, ``qlora``, ``adapters``,
``full_sft``, ``continued_pretraining``), index the documents, and bring both together. On the same
rows the table then says what passages add to the tuned model, and what tuning adds to retrieval
(Ovadia et al. 2024, arXiv 2312.05934).
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from rules.errors import RunError, SettingError
from runners import _data, _generation, _guards, _run_folder
from runners.base import Plan, Progress, Report, Row, find, settings_of
from runners.retrieval import opened, passages
from runners.retrieval.passages import Passages, PassageSettings
from runners.retrieval.readers import Reading

TASKS = ("generation",)
LIBRARIES = (*passages.LIBRARIES, "torch", "transformers", "peft")
_FILE = "hybrid.json"


class Settings(PassageSettings):
    """The knobs of this approach."""

    tuned: str = Field(default="", description="The folder of the run whose model reads.")
    instruction: str = passages.INSTRUCTION
    """What the tuned model is told."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing follows from the number of rows."""
    del rows
    return {}


def require_ready(settings: Settings) -> None:
    """Refuse, before a run is made, to begin without a tuned run or without an index.

    Raises:
        SettingError: No tuned run is named.
        UserError: There is no index in this place.
    """
    if not settings.tuned:
        fix = "tune first, then name that run: --setting tuned=runs/lora-0001"
        raise SettingError("no tuned run is named", where="--setting tuned", fix=fix)
    opened.require(passages.place(settings.index))


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Look that run and index can be used together, and write down both.

    Raises:
        GuardError: The tuned run learned from rows that are measured on here.
        SettingError: There is no such run, it is not done, or it does not write.
        UserError: There is no index.
    """
    del rows
    settings = settings_of(Settings, plan.settings, plan.approach)
    require_ready(settings)
    folder = _folder(settings.tuned, plan.folder.parent)
    tuned = _run_folder.read_plan(folder)
    if tuned.base_model != plan.base_model:
        what = f"{folder.name} was tuned on {tuned.base_model}, and this plan has {plan.base_model}"
        fix = f"--base-model {tuned.base_model}"
        raise SettingError(what, where="--setting tuned", fix=fix)
    _guards.no_evaluation_in_training(
        _data.read_rows(tuned.train), _data.read_rows(plan.evaluation)
    )
    _writer(folder)
    where = passages.place(settings.index)
    with opened.open_index(where, settings.name) as index:
        about = {
            **settings.model_dump(),
            "index": where,
            "revision": index.revision,
            "tuned": str(folder),
            "tuned_sha256": _sha256(folder),
        }
        count = index.count()
    plan.artifact.mkdir(parents=True, exist_ok=True)
    (plan.artifact / _FILE).write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")
    report(Progress(message=f"{folder.name} answers from {count:,} chunks"))


def load(folder: Path) -> Reading:
    """Reopen the index, as it is now, and the tuned model, which has to be the same.

    Raises:
        RunError: The tuned run is gone, or was run again.
    """
    about = json.loads((folder / _FILE).read_text("utf-8"))
    tuned, expected = Path(about["tuned"]), about.pop("tuned_sha256")
    about.pop("revision")
    if not (tuned / _run_folder.RESULT).is_file() or _sha256(tuned) != expected:
        fix = f"run it again: whichtune run {folder.parent.name} --again"
        raise RunError(f"{tuned} is not the run this was made on", where=str(folder), fix=fix)
    settings = Settings.model_validate(about)
    writer = _writer(tuned)
    writer.instruction = settings.instruction
    return Reading(Passages(settings), writer)


def _folder(tuned: str, root: Path) -> Path:
    """The folder of the tuned run, by its path or by its name beside this run."""
    given = Path(tuned).expanduser()
    for folder in (given, root / tuned):
        if (folder / _run_folder.RESULT).is_file():
            return folder.resolve()
    fix = "name a finished run, by its name or its folder (whichtune runs lists them)"
    raise SettingError(f"no finished run {tuned!r}", where="--setting tuned", fix=fix)


def _writer(folder: Path) -> _generation.Writer:
    approach = _run_folder.read_plan(folder).approach
    found = find(approach).load(folder / "artifact")
    if isinstance(found, _generation.Writer):
        return found
    fix = "name a run of lora, qlora, adapters, full_sft or continued_pretraining on a causal model"
    what = f"{folder.name} does not answer in its own words"
    raise SettingError(what, where="--setting tuned", fix=fix)


def _sha256(folder: Path) -> str:
    return hashlib.sha256((folder / _run_folder.RESULT).read_bytes()).hexdigest()
