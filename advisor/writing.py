"""Rows into a file: JSON Lines, CSV, TSV or Parquet by its name; whole or not at all, only if new.

What one form cannot hold is said in another: a list in a CSV cell is JSON, and a Parquet column of
numbers and texts is one of texts.
"""

import csv
import io
import json
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from advisor import source as sources
from rules.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

FORMS = (".jsonl", ".csv", ".tsv", ".parquet")
_BATCH = 8192
_LINE_ENDS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
"""What some readers take for the end of a line, escaped."""
Cells = Mapping[str, object]
Rows = Callable[[], Iterable[Cells]]
"""Called once for each pass over the rows: Parquet takes two."""


def check(path: Path) -> None:
    """Make sure, before any work is done, that rows can be written there.

    Raises:
        DataError: The name says no form that can be written, or there is a file of this name.
    """
    if path.suffix.lower() not in FORMS:
        fix = f"end its name in one of {', '.join(FORMS)}: {path.stem or 'rows'}.jsonl"
        raise DataError(f"no form to write: {path.name!r}", where=str(path), fix=fix)
    if path.exists() or path.is_symlink():
        raise _exists(path)
    if not path.parent.is_dir():
        fix = f"make it first: mkdir -p '{path.parent}'"
        raise DataError(f"no such folder: {str(path.parent)!r}", where=str(path), fix=fix)


def write(path: Path, columns: Sequence[str], rows: Rows) -> None:
    """Write all rows, or leave no file behind.

    Args:
        path: A file that is not there yet.
        columns: In their order; what a row does not have is empty there.
        rows: Gives the rows from the first on, each time it is called.

    Raises:
        DataError: There is such a file, or it cannot be written.
    """
    check(path)
    writers = {".jsonl": _jsonl, ".csv": _delimited(","), ".tsv": _delimited("\t")}
    with new(path) as file:
        writers.get(path.suffix.lower(), _parquet)(file, columns, rows)


@contextmanager
def new(path: Path) -> Generator[IO[bytes]]:
    """A file to write into, which takes its name when it is complete and on the disk.

    Raises:
        DataError: There is such a file by then, or it cannot be written.
    """
    held = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with held.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _name(held, path)
    except OSError as error:
        fix = "name a file in a folder with room that can be written to"
        raise DataError(f"cannot be written: {error.strerror}", where=str(path), fix=fix) from error
    finally:
        held.unlink(missing_ok=True)


def _name(held: Path, path: Path) -> None:
    """Unlike a renaming, a link never takes the place of another file."""
    try:
        path.hardlink_to(held)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError:  # a disk without links, such as a USB stick's
        if path.exists():
            raise _exists(path) from None
        held.rename(path)


def _exists(path: Path) -> DataError:
    fix = f"name another file, or delete it first: rm '{path}'"
    return DataError("this file exists already", where=str(path), fix=fix)


def line(cells: Cells) -> bytes:
    """A row as one line of JSON Lines; a number that is none is null."""
    said = json.dumps(_numbers(cells), ensure_ascii=False)
    if not said.isascii():
        said = sources.sound(said).translate(_LINE_ENDS)
    return said.encode() + b"\n"


def _numbers(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {k: _numbers(v) for k, v in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_numbers(item) for item in cast("Iterable[object]", value)]
    return value


def _jsonl(file: IO[bytes], columns: Sequence[str], rows: Rows) -> None:
    del columns  # every line names its own
    file.writelines(map(line, rows()))


def _delimited(delimiter: str) -> "_Write":
    def write(file: IO[bytes], columns: Sequence[str], rows: Rows) -> None:
        text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        # Both characters of the line end, so that either alone is quoted where it stands in a text.
        table = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
        table.writerow(columns)
        table.writerows([cell(cells.get(name)) for name in columns] for cells in rows())
        text.detach()

    return write


def cell(value: object) -> str:
    """A value as it stands in a cell of text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return sources.sound(value)
    return line({"": value}).decode()[len('{"": ') : -len("}\n")]


def _parquet(file: IO[bytes], columns: Sequence[str], rows: Rows) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = _kinds(columns, rows)
    schema = pa.schema(list(kinds.items()))
    writer: Any = pq.ParquetWriter(file, schema)
    with writer:
        for batch in _batches(rows()):
            arrays = [_array(batch, name, kind) for name, kind in kinds.items()]
            writer.write_batch(cast("Any", pa.RecordBatch).from_arrays(arrays, schema=schema))


def _kinds(columns: Sequence[str], rows: Rows) -> "dict[str, pa.DataType]":
    """The type that holds all values of each column; text where there is no other."""
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = dict.fromkeys(columns, pa.null())
    for batch in _batches(rows()):
        for name in columns:
            if kinds[name] != pa.string():
                kinds[name] = _both(kinds[name], [cells.get(name) for cells in batch])
    return {name: pa.string() if kind == pa.null() else kind for name, kind in kinds.items()}


def _both(kind: "pa.DataType", values: list[object]) -> "pa.DataType":
    import pyarrow as pa

    try:
        here = cast("Any", pa).array(values).type
        schemas = [cast("Any", pa).schema([("", one)]) for one in (kind, here)]
        unify: Any = pa.unify_schemas
        wider = unify(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowException, OverflowError):
        return pa.string()
    return pa.string() if "struct<>" in str(wider) else wider  # which Parquet cannot hold


def _array(batch: Sequence[Cells], name: str, kind: "pa.DataType") -> Any:  # noqa: ANN401
    import pyarrow as pa

    values = [cells.get(name) for cells in batch]
    if kind == pa.string():
        values = [None if value is None else cell(value) for value in values]
    return pa.array(cast("Any", values), kind)


def _batches(rows: Iterable[Cells]) -> Iterator[list[Cells]]:
    items = iter(rows)
    while batch := list(islice(items, _BATCH)):
        yield batch


_Write = Callable[[IO[bytes], Sequence[str], Rows], None]
