"""The rows that ``run`` would learn from: what is picked by them is measured on others."""

import json
from pathlib import Path
from typing import NamedTuple

from advisor import split
from rules.errors import DataError
from runners.base import DataFile


class Sides(NamedTuple):
    """Both sides of a split, and the kind of its rows."""

    train: DataFile
    evaluation: DataFile
    kind: str


def named(data: Path) -> Sides | None:
    """The split one of whose files is named; ``None`` where it is any other file.

    Raises:
        DataError: It is the side to measure on.
    """
    record = data.parent / split.RECORD
    if data.name not in (split.TRAIN, split.EVALUATION) or not record.is_file():
        return None
    if data.name == split.EVALUATION:
        fix = f"give the rows beside it: --data '{data.with_name(split.TRAIN)}'"
        what = "these rows are to measure on, and settings are picked on others"
        raise DataError(what, where=str(data), fix=fix)
    said = json.loads(record.read_text("utf-8"))
    train, evaluation = (
        DataFile(path=data.with_name(name), **said["files"][name])
        for name in (split.TRAIN, split.EVALUATION)
    )
    return Sides(train, evaluation, said["sources"]["train"]["mapping"]["kind"])
