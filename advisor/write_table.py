"""Records written as they come, to a table of any form: ``writing.py`` makes it when all are in.

Only the last record shows which columns there are, so each first becomes a line of JSON beside the
file to be. Nothing is held in memory.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from advisor import writing


class TableWriter:
    """Takes records one by one; ``finish`` makes the file of them, ``give_up`` leaves no trace."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        """Start a file that ``writing.check`` has nothing against."""
        self.count = 0
        self.nested: set[str] = set()
        """Columns with lists or objects in them."""
        self._path = path
        self._columns = dict.fromkeys(columns)
        self._lines = path.with_name(f".{path.name}.{os.getpid()}.lines")
        self._file = self._lines.open("wb")

    def add(self, cells: Mapping[str, object]) -> None:
        """Write one record."""
        self._columns.update(dict.fromkeys(cells))
        self.nested.update(name for name, cell in cells.items() if isinstance(cell, list | dict))
        self._file.write(writing.line(cells))
        self.count += 1

    def finish(self) -> None:
        """Put the file under its name, on the disk before this returns.

        Raises:
            DataError: Somebody made a file of this name meanwhile, or it cannot be written.
        """
        self._file.close()
        try:
            writing.write(self._path, tuple(self._columns), self._records)
        finally:
            self._lines.unlink()

    def give_up(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._lines.unlink(missing_ok=True)

    def _records(self) -> Iterator[dict[str, object]]:
        with self._lines.open("rb") as file:
            for line in file:
                yield json.loads(line)
