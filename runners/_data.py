"""Frozen rows: read a data file of a plan; refuse one that changed after the plan was made."""

import hashlib
from collections.abc import Sequence

from pydantic import ValidationError

from rules.errors import DataError
from runners.base import DataFile, Row


def read_rows(file: DataFile) -> list[Row]:
    """Read the rows of a frozen file.

    Raises:
        DataError: The file is gone, was changed since the plan was made, or holds broken lines.
    """
    again = "make a new plan: whichtune plan --approach … --data …"
    try:
        content = file.path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise DataError(reason, where=str(file.path), fix=again) from error
    if hashlib.sha256(content).hexdigest() != file.sha256:
        what = "the rows were changed after the plan was made"
        raise DataError(what, where=str(file.path), fix=again)
    rows: list[Row] = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            rows.append(Row.model_validate_json(line))
        except ValidationError as error:
            where = f"{file.path}:{number}"
            raise DataError("not a row", where=where, fix=again) from error
    return rows


def labels_of(rows: Sequence[Row], where: str = "training rows") -> list[str]:
    """The distinct labels, sorted.

    Raises:
        DataError: Fewer than two, so that there is nothing to tell apart.
    """
    labels = sorted({row.target for row in rows})
    if len(labels) < 2:
        fix = "add rows with a second label, or name the right column: --target COLUMN"
        raise DataError(f"one label only: {labels}", where=where, fix=fix)
    return labels


def words(label: str) -> str:
    """A label as a reader would say it: ``card_arrival`` is "card arrival"."""
    return label.replace("_", " ").replace("-", " ").strip() or label
