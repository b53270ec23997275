"""Files that hold columns: Parquet, Arrow and Feather, read in batches."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from advisor.tabular import Record, Records
from rules.errors import DataError

_BATCH = 4096


def read(path: Path) -> Records:
    """Start reading; a record's line is its number.

    Raises:
        DataError: The file is damaged.
    """
    import pyarrow as pa

    try:
        names, batches = _parquet(path) if _is_parquet(path) else _arrow(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    form = "parquet" if _is_parquet(path) else "arrow"
    return Records(form, names, records(batches, path))


def records(batches: "Iterable[Any]", path: Path) -> Iterator[Record]:
    """The rows of Arrow batches, with values as JSON has them.

    Raises:
        DataError: The file is damaged further down.
    """
    import pyarrow as pa

    number = 0
    try:
        for batch in batches:
            for cells in batch.to_pylist():
                number += 1
                yield Record(number, {name: as_json(value) for name, value in cells.items()})
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def as_json(value: object) -> object:
    """A value of a column as JSON has it: dates and decimals become text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(k): as_json(v) for k, v in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in cast("Iterable[object]", value)]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _parquet(path: Path) -> "tuple[tuple[str, ...], Iterable[Any]]":
    import pyarrow.parquet as pq

    file: Any = pq.ParquetFile(path)
    return tuple(file.schema_arrow.names), file.iter_batches(_BATCH)


def _arrow(path: Path) -> "tuple[tuple[str, ...], Iterable[Any]]":
    import pyarrow as pa

    with path.open("rb") as file:
        if file.read(4) == b"FEA1":
            fix = "write it again with a newer Arrow: version 2 is a plain Arrow file"
            raise DataError("a Feather file of version 1", where=str(path), fix=fix)
    reader: Any = pa.ipc.open_file(pa.memory_map(str(path)))
    return tuple(reader.schema.names), (
        reader.get_batch(n) for n in range(reader.num_record_batches)
    )


def _damaged(path: Path, error: Exception) -> DataError:
    fix = "fetch or write the file again"
    return DataError(f"a damaged file of columns: {error}", where=str(path), fix=fix)
