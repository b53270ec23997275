"""What has been asked of a tuning service so far, written down before anything more is asked.

Whoever goes on after a crash reads it and follows the same job; it stays as the record.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from rules.errors import RunError
from runners import _checkpoints, _run_folder
from runners.base import Frozen, Plan


class Journal(Frozen):
    """One job, from the file that is sent to the model that comes of it."""

    service: str
    place: str
    """Host and path of the service."""
    base_model: str
    upload: str
    """The file of rows, beside this one."""
    upload_sha256: str
    rows: int
    epochs: int
    tokens: int
    """About as many as will be trained on, all passes together."""
    dollars_at_most: float | None
    """What that can cost; ``None`` where no price is known."""
    token: str
    """By it the job is found again at the service."""
    ledger: int | None = None
    """Where the account holds ``dollars_at_most``, until it is known what it has cost."""
    file: str | None = None
    """The service's name of the file, once it is there."""
    job: str | None = None
    state: str = "planned"
    said: str = ""
    """The state in the service's own word."""
    model: str | None = None
    """The tuned model."""
    trained_tokens: int | None = None
    dollars: float | None = None
    error: str = ""
    submitted: str = ""
    """When the job was made; ISO 8601, UTC."""
    ended: str = ""


def path(plan: Plan) -> Path:
    """Where it is."""
    return plan.artifact / _checkpoints.JOURNAL


def read(plan: Plan) -> Journal | None:
    """What is written down; nothing, where nothing was begun.

    Raises:
        RunError: It cannot be read: a job may be under way that nobody knows of.
    """
    where = path(plan)
    if not where.is_file():
        return None
    try:
        return Journal.model_validate(json.loads(where.read_text("utf-8")))
    except (OSError, ValueError, ValidationError) as error:
        what = "the record of the job is damaged, and a job may be under way"
        fix = f"look at the provider's page of jobs; then: whichtune run {plan.name} --again"
        raise RunError(what, where=str(where), fix=fix) from error


def write(plan: Plan, journal: Journal, **changes: object) -> Journal:
    """Write it down, changed."""
    changed = journal.model_copy(update=changes)
    plan.artifact.mkdir(parents=True, exist_ok=True)
    _run_folder.write_atomic(path(plan), changed.model_dump_json(indent=1))
    return changed


def now() -> str:
    """The moment, to be written down."""
    return datetime.now(UTC).isoformat(timespec="seconds")
