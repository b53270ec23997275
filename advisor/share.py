"""Take a finished run away: its adapter, or a whole model that was checked against it."""

import secrets
import shutil
from pathlib import Path

from rules.errors import RunError, UserError
from runners import _data, _generation, _merge, _parity, _quiet
from runners._run_folder import RunStatus


def export(run: RunStatus, to: str, out: Path) -> _parity.Parity | None:
    """Write the folder whole or not at all; of a merged model, how equal its answers are.

    Raises:
        RunError: The run is not finished.
        UserError: The folder is taken, or the run has no such thing.
    """
    if run.result is None:
        fix = f"finish it first: whichtune run {run.name}"
        raise RunError(f"{run.name} is {run.state}", where=str(run.folder), fix=fix)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        fix = "name a new folder: --out FOLDER"
        raise UserError("there is something of this name already", where=str(out), fix=fix)
    adapter = run.plan.artifact / "adapter"
    if run.plan.task == "classification":
        fix = f"ask it here: echo 'a text' | whichtune try {run.name}"
        what = f"{run.name} tells labels: its adapter is of no use without its layer of labels"
        raise UserError(what, where=str(run.folder), fix=fix)
    if to == "merged":
        _merge.require_mergeable(run.plan)
    elif not adapter.is_dir():
        fix = f"name a run that has one; this one's model is in {run.plan.artifact}"
        raise UserError(f"{run.name} has no adapter", where="--to adapter", fix=fix)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.{secrets.token_hex(8)}")
    try:
        found = _merged(run, draft) if to == "merged" else None
        if to == "adapter":
            shutil.copytree(adapter, draft)
        draft.replace(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return found


def _merged(run: RunStatus, folder: Path) -> _parity.Parity:
    _quiet.settle()
    room = _generation.about(run.plan.artifact)["max_new_tokens"]
    rows = _data.read_rows(run.plan.evaluation)[: _parity.PROMPTS]
    writer = _merge.adapted(run.plan.artifact)
    said = _parity.ask(writer, rows)
    _merge.write(writer, folder)
    return _parity.compare(said, rows, folder, room)
