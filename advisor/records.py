"""A file as records: CSV with any delimiter, JSON Lines, or a JSON document.

The format follows from the content; the extension only breaks ties. Records are yielded one at a
time (a JSON document alone is parsed whole). What cannot be read is yielded as broken, never
dropped; where it is unclear what belongs to which record, nothing is guessed and reading stops.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

from advisor import delimited
from advisor import source as sources
from advisor.source import Source
from advisor.tabular import Record, Records
from rules.errors import DataError

_SAMPLE_RECORDS = 1000
_FORM = '[{"text": …, "label": …}, …]'
_MANY = 100
"""Values in one object from which on they are no record of its own."""
_WHOLE = 200 << 20
"""Bytes of a JSON document, which takes some five times that as objects."""


def open_records(
    source: Source,
    header_words: frozenset[str],
    wanted: Collection[str],
    part: str | None = None,
) -> Records:
    """Find the format and start reading.

    Args:
        source: The file, inspected.
        header_words: Names that make a first line a header, in lower case.
        wanted: Names the user gave; a first line that holds one is a header.
        part: Which of several lists in a JSON document.

    Raises:
        DataError: The content is neither a table nor JSON.
    """
    first, more = _first_line(source)
    if first.startswith(("{", "[")):
        by_name = source.path.suffix in {".jsonl", ".ndjson"} and first[0] == "{" != first
        by_line = (more and by_name) or ((more or by_name) and _is_object(first))
        records = _json_lines(source) if by_line else _json_document(source, part)
        if records is not None:
            return records
    return delimited.read(source, header_words, wanted)


def _first_line(source: Source) -> tuple[str, bool]:
    """The first line that is not blank, and whether another one follows."""
    found = (line.strip().lstrip("\ufeff") for line in sources.lines(source, []))
    filled = islice((line for line in found if line), 2)
    return next(filled, ""), next(filled, None) is not None


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _json_lines(source: Source) -> Records:
    records = Records("jsonl", (), iter(()))
    if source.path.suffix in {".csv", ".tsv", ".json"}:
        records.notes.append(f"the content is JSON Lines, in spite of the name {source.path.name}")

    def items() -> Iterator[Record]:
        for number, line in enumerate(sources.lines(source, records.notes), 1):
            if not line.strip():
                continue
            try:
                yield _object(number, json.loads(line))
            except (ValueError, RecursionError) as error:
                reason = f"not JSON: {getattr(error, 'msg', type(error).__name__)}"
                yield Record(number, {"": line}, broken=reason)

    return _with_columns(records, items())


def _object(number: int, value: object) -> Record:
    if isinstance(value, dict):
        cells = cast("dict[str, object]", value)
        return Record(number, {sources.sound(key): cell for key, cell in cells.items()})
    if isinstance(value, list):
        listed = cast("list[object]", value)
        if len(listed) > 1 and not any(isinstance(cell, list | dict) for cell in listed):
            return Record(number, {f"column {n}": cell for n, cell in enumerate(listed, 1)})
    kind = json_kind(cast("object", value))
    return Record(number, {"": value}, broken=f"not an object but {kind}")


def json_kind(value: object) -> str:
    """What JSON calls a value, with its article."""
    kinds: dict[type, str] = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
    }
    kinds |= {list: "a list", dict: "an object", type(None): "null"}
    return kinds[type(value)]


def _with_columns(records: Records, items: Iterator[Record]) -> Records:
    """Name the columns after the keys of the first records, in the order of their appearance."""
    sample = list(islice(items, _SAMPLE_RECORDS))
    keys = dict.fromkeys(key for record in sample if not record.broken for key in record.cells)
    records.columns, records.items = tuple(keys), chain(sample, items)
    return records


def _json_document(source: Source, part: str | None) -> Records | None:
    """The document's records; None when it is not JSON and not called so."""
    notes: list[str] = []
    if source.path.stat().st_size > _WHOLE:
        what = f"a JSON document of more than {_WHOLE >> 20} MiB, which has to be read whole"
        fix = (
            f"turn it into JSON Lines, which need not be: jq -c '.[]' '{source.path}' > rows.jsonl"
        )
        raise DataError(what, where=str(source.path), fix=fix)
    text = "".join(sources.lines(source, notes)).lstrip("\ufeff")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        if source.path.suffix not in {".json", ".jsonl", ".ndjson"}:
            return None
        line = getattr(error, "lineno", 1)
        what = f"not JSON: {getattr(error, 'msg', type(error).__name__)}"
        fix = f"see the place: python -m json.tool '{source.path}'"
        raise DataError(what, where=f"{source.path}:{line}", fix=fix) from error
    document = _part_of(document, part, source, notes)
    found = list(_list_in(document, source))
    if found and all(isinstance(value, str) for value in found):
        found = [{"column 1": value} for value in found]
    items = [_object(n, value) for n, value in enumerate(found, 1)]
    return _with_columns(Records("json", (), iter(()), notes), iter(items))


def _part_of(document: Any, part: str | None, source: Source, notes: list[str]) -> object:  # noqa: ANN401
    """One of several lists of records, such as the splits of a data set."""
    if not isinstance(document, dict):
        return document
    named = cast("dict[str, Any]", document)
    lists = [name for name, value in named.items() if _is_list_of((dict, list), value)]
    if len(lists) > 1 or part is not None:
        chosen = choose_part(part, lists, source.path, notes, default="train")
        return named[chosen]
    return named


def choose_part(
    part: str | None,
    parts: Sequence[str],
    path: Path,
    notes: list[str],
    default: str | None = None,
) -> str:
    """The part of a file that the user named, else ``default``, with a note about the others.

    Raises:
        DataError: The file has no part of this name, or several and none was named.
    """
    listed = ", ".join(map(repr, parts[:10])) + (", …" if len(parts) > 10 else "")
    if part is None and default in parts:
        rest = [name for name in parts if name != default]
        notes.append(f"read {default!r}; also there: {', '.join(map(repr, rest[:10]))} (--part)")
        return cast("str", default)
    if part is None:
        fix = f"say which: --part '{parts[0]}'"
        raise DataError(f"several parts in one file: {listed}", where=str(path), fix=fix)
    if part not in parts:
        near = get_close_matches(part, parts, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{hint}there are: {listed}" if parts else "leave it out: this file has one part"
        raise DataError(f"no part {part!r} in {path.name}", where="--part", fix=fix)
    return part


def _list_in(document: object, source: Source) -> Iterable[object]:
    """The list of records in a document: itself, its only list, or columns turned into rows."""
    if isinstance(document, list):
        return cast("list[object]", document)
    if not isinstance(document, dict):
        raise _no_records(source, f"only {json_kind(document)}")
    named = cast("dict[str, Any]", document)
    holders = [value for value in named.values() if _is_list_of(dict, value)]
    if len(holders) == 1:
        return holders[0]
    if named and all(isinstance(value, dict) for value in named.values()):
        return _turned(named)
    columns = [value for value in named.values() if _is_column(value)]
    if columns and len(columns) == len(named):
        sizes = {key: len(value) for key, value in named.items()}
        if len(set(sizes.values())) > 1:
            fix = "give every column as many values as there are rows"
            raise DataError(
                f"columns of different lengths: {sizes}", where=str(source.path), fix=fix
            )
        return [dict(zip(named, cells, strict=True)) for cells in zip(*named.values(), strict=True)]
    if named and not any(isinstance(value, list | dict) for value in named.values()):
        return [_one(named, source)]
    raise _no_records(source, f"an object with {', '.join(map(repr, list(named)[:5]))}")


def _one(named: dict[str, Any], source: Source) -> dict[str, Any]:
    """An object of plain values as a record; of very many it is a list of something else."""
    if len(named) > _MANY:
        what = f"{len(named):,} names with one value each, and no list of records"
        fix = f"join them with what they belong to, as a list of objects: {_FORM}"
        raise DataError(what, where=str(source.path), fix=fix)
    return named


def _is_list_of(kinds: type | tuple[type, ...], value: object) -> bool:
    return isinstance(value, list) and any(isinstance(v, kinds) for v in cast("list[Any]", value))


def _is_column(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return not any(isinstance(v, list | dict) for v in cast("list[Any]", value))


def _turned(named: dict[str, dict[str, object]]) -> list[object]:
    """An object of objects: columns keyed by row number, or rows keyed by their id."""
    keys = list(next(iter(named.values())))
    if keys and all(key.isdigit() for key in keys):
        return [{name: column.get(key) for name, column in named.items()} for key in keys]
    return [{"id": key, **row} for key, row in named.items()]


def _no_records(source: Source, found: str) -> DataError:
    fix = f"save it as a list of objects: {_FORM}"
    return DataError(f"no list of records, {found}", where=str(source.path), fix=fix)
