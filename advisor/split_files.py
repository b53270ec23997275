"""The files of a split: written whole or not at all, and never changed afterwards."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from rules.errors import DataError
from runners.base import DataFile, Row


def write_rows(path: Path, rows: Iterable[Row]) -> DataFile:
    """One JSON object a line, on the disk before this returns."""
    digest, count = hashlib.sha256(), 0
    with path.open("wb") as file:
        for count, row in enumerate(rows, 1):  # noqa: B007
            line = row.model_dump_json(exclude_defaults=True).encode() + b"\n"
            digest.update(line)
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return DataFile(path=path, sha256=digest.hexdigest(), rows=count)


def write_bytes(path: Path, content: bytes) -> None:
    """On the disk before this returns."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The names in it, too, are on the disk before this returns."""
    if hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder, and need not
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def verify(folder: Path, *files: DataFile) -> None:
    """Make sure that the frozen rows are still what they were.

    Raises:
        DataError: They were changed by hand.
    """
    for file in files:
        path = folder / file.path.name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
            fix = f"delete the folder, it will be made again: rm -r '{folder}'"
            raise DataError("the frozen rows were changed by hand", where=str(path), fix=fix)
