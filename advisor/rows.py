"""Rows held in columns: a file of any size as a sequence of ``Row``, made when it is looked at.

A million short rows are 1.1 GB as objects and a tenth of that as Arrow columns. What is beyond
``_IN_MEMORY`` is moved to a temporary file that the system pages in and out; the file has no name
any more, so that nothing has to tidy it up.
"""

import json
import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast, overload
from weakref import finalize

from runners.base import Row

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 8192
_IN_MEMORY = 64 << 20
"""Bytes of Arrow columns above which they move to a temporary file."""


class Draft(NamedTuple):
    """A row without a name: what a record of the user's file says."""

    input: str = ""
    target: str = ""
    labels: tuple[str, ...] = ()
    messages: tuple[dict[str, str], ...] = ()
    rejected: str | None = None
    liked: bool | None = None
    documents: tuple[str, ...] = ()
    user: str | None = None
    group: str | None = None
    key: str | None = None
    """The user's own id for it."""
    remark: str = ""
    """What is odd about it, though it can be used: counted, and shown as a finding."""


class Rows(Sequence[Row]):
    """Rows in the order of the file; a row is made anew each time it is looked at."""

    def __init__(self, batches: Sequence["pa.RecordBatch"]) -> None:
        """Take the columns as ``RowsWriter`` made them."""
        self._batches = tuple(batches)
        self._ends = list(accumulate(batch.num_rows for batch in batches))

    def __len__(self) -> int:
        """The number of rows."""
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Row]:
        """All rows, one batch in memory at a time."""
        for batch in self._batches:
            yield from _rows(batch)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        """One row by its place, or a list of them."""
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        which = bisect_right(self._ends, place)
        start = self._ends[which - 1] if which else 0
        return next(_rows(self._batches[which].slice(place - start, 1)))

    def __eq__(self, other: object) -> bool:
        """The same rows in the same order, however they are held."""
        if not isinstance(other, Sequence):
            return NotImplemented
        rows = cast("Sequence[object]", other)
        return len(self) == len(rows) and all(a == b for a, b in zip(self, rows, strict=True))

    __hash__ = None  # pyright: ignore[reportAssignmentType] -- as for any list

    def column(self, name: str) -> Iterator[Any]:
        """The values of one field, without making rows of them."""
        for batch in self._batches:
            for value in _values(batch, name):
                yield _value(name, value)

    def lines(self) -> Iterator[int]:
        """The line of the file on which each row starts; in a JSON document, its number."""
        return self.column("line")


class RowsWriter:
    """Takes drafts as they are read, and gives the rows when all are in."""

    def __init__(self, stem: str) -> None:
        """Start with no rows.

        Args:
            stem: What their names begin with, such as the file's. The line follows: ``faq:3``;
                several rows of one line are told apart by their number: ``faq:3``, ``faq:3.2``.
        """
        self.count = 0
        self._stem = stem
        self._line, self._nth = -1, 1
        self._drafts: list[tuple[int, str, Draft]] = []
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self._spill: _Spill | None = None

    def add(self, line: int, draft: Draft) -> None:
        """Keep one draft, with the line it starts on."""
        self.count += 1
        self._nth = self._nth + 1 if line == self._line else 1
        self._line = line
        name = f"{self._stem}:{line}" if self._nth == 1 else f"{self._stem}:{line}.{self._nth}"
        self._drafts.append((line, name, draft))
        if len(self._drafts) == _BATCH:
            self._flush()

    def rows(self, *, keys: bool) -> Rows:
        """All of them, named by the user's own keys or after their lines."""
        batches = list(self._written())
        if keys:
            batches = [batch.set_column(0, "id", batch.column("key")) for batch in batches]
        return Rows(batches)

    def keys(self) -> Iterator[str | None]:
        """The user's own ids."""
        for batch in self._written():
            yield from cast("list[str | None]", _values(batch, "key"))

    def _written(self) -> "list[pa.RecordBatch]":
        self._flush()
        return self._spill.batches() if self._spill else self._batches

    def _flush(self) -> None:
        if not self._drafts:
            return
        batch = _batch(self._drafts)
        self._drafts = []
        self._bytes += batch.nbytes
        if self._spill is None and self._bytes > _IN_MEMORY:
            self._spill = _Spill(batch.schema)
            for held in self._batches:
                self._spill.write(held)
            self._batches = []
        if self._spill:
            self._spill.write(batch)
        else:
            self._batches.append(batch)


class _Spill:
    """Batches in a temporary file without a name."""

    def __init__(self, schema: "pa.Schema") -> None:
        import pyarrow as pa

        handle, self._path = tempfile.mkstemp(prefix="whichtune-", suffix=".arrow")
        os.close(handle)
        self._tidy = finalize(self, Path(self._path).unlink, missing_ok=True)
        self._writer = pa.ipc.new_file(self._path, schema)
        self._read: list[pa.RecordBatch] | None = None

    def write(self, batch: "pa.RecordBatch") -> None:
        self._writer.write_batch(batch)  # pyright: ignore[reportUnknownMemberType]

    def batches(self) -> "list[pa.RecordBatch]":
        """Mapped into memory: read when looked at. Nothing can be written any more."""
        import pyarrow as pa

        if self._read is None:
            self._writer.close()
            reader = pa.ipc.open_file(pa.memory_map(self._path))
            self._read = [reader.get_batch(n) for n in range(reader.num_record_batches)]
            self._tidy()
        return self._read


def _batch(drafts: Iterable[tuple[int, str, Draft]]) -> "pa.RecordBatch":
    import pyarrow as pa

    lines, names, values = zip(*drafts, strict=True)
    columns: dict[str, Sequence[object]]
    columns = dict(zip(Draft._fields, zip(*values, strict=True), strict=True))
    columns["messages"] = [
        json.dumps(turns, ensure_ascii=False) if turns else "" for turns in columns["messages"]
    ]
    text, flag, many = pa.large_string(), pa.bool_(), pa.list_(pa.large_string())
    kinds = {"liked": flag, "labels": many, "documents": many}
    arrays = {"id": pa.array(names, text), "line": pa.array(lines, pa.int64())}
    arrays |= {name: pa.array(column, kinds.get(name, text)) for name, column in columns.items()}
    return pa.RecordBatch.from_pydict(arrays)


def _rows(batch: "pa.RecordBatch") -> Iterator[Row]:
    names = Row.model_fields
    columns = [[_value(name, value) for value in _values(batch, name)] for name in names]
    for values in zip(*columns, strict=True):
        yield Row(**dict(zip(names, values, strict=True)))


def _values(batch: "pa.RecordBatch", name: str) -> list[object]:
    return cast("Any", batch).column(name).to_pylist()


def _value(name: str, value: object) -> object:
    if name == "messages":
        return tuple(json.loads(cast("str", value))) if value else ()
    return tuple(cast("list[str]", value)) if isinstance(value, list) else value
