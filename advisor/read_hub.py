"""Data sets as the ``datasets`` library knows them: saved in a folder, or by id on a hub."""

import hashlib
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from advisor.read_columns import as_json
from advisor.records import choose_part
from advisor.tabular import Record, Records
from rules.errors import DataError, MissingExtraError

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = (".csv", ".tsv", ".json", ".jsonl", ".txt", ".parquet", ".md", ".gz", ".zip", ".xlsx")


def is_saved(path: Path) -> bool:
    """Whether a folder was written by ``save_to_disk``."""
    return any((path / name).is_file() for name in ("state.json", "dataset_dict.json"))


def is_id(path: Path) -> bool:
    """Whether this can only be the id of a data set: no such path, and the form ``org/name``."""
    named = _ID.fullmatch(str(path)) and path.suffix.lower() not in _FILES
    return bool(named) and not path.exists() and not path.parent.exists()


def read(path: Path, part: str | None) -> tuple[str, Records]:
    """Open a data set; labels that are numbers become their names.

    Returns:
        Its fingerprint as SHA-256, and its records.

    Raises:
        DataError: It cannot be opened, or has no such split.
        MissingExtraError: The library is not installed.
    """
    try:
        datasets: Any = import_module("datasets")
    except ImportError as error:
        what, fix = "data sets need the library `datasets`", "pip install 'whichtune[run]'"
        raise MissingExtraError(what, where=str(path), fix=fix) from error
    datasets.disable_progress_bars()
    try:
        load = datasets.load_from_disk if is_saved(path) else datasets.load_dataset
        loaded = load(str(path))
    except Exception as error:  # the library raises whatever its own libraries raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        fix = "check the name and the connection, or name a file"
        what = f"cannot be opened as a data set: {reason[:200]}"
        raise DataError(what, where=str(path), fix=fix) from error
    notes: list[str] = []
    found: Any = loaded
    if isinstance(loaded, dict):
        named = cast("dict[str, Any]", loaded)
        splits = list(named)
        only = splits[0] if len(splits) == 1 and part is None else part
        found = named[choose_part(only, splits, path, notes, default="train")]
    elif part is not None:
        choose_part(part, (), path, notes)
    digest = hashlib.sha256(json.dumps([str(path), found._fingerprint]).encode()).hexdigest()
    return digest, Records("dataset", tuple(found.column_names), _records(found), notes)


def _records(found: Any) -> Iterator[Record]:  # noqa: ANN401 -- a heavy library's class
    names = {
        column: feature.names
        for column, feature in found.features.items()
        if type(feature).__name__ == "ClassLabel" and feature.names
    }
    for number, cells in enumerate(found, 1):
        said = {name: as_json(value) for name, value in cells.items()}
        for column, labels in names.items():
            value = said[column]
            # Minus one is how test splits say that the label is kept secret.
            known = isinstance(value, int) and 0 <= value < len(labels)
            said[column] = labels[value] if known else None
        yield Record(number, said)
