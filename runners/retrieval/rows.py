"""Rows of CSV and JSON Lines as documents: a column of text, an id, and columns to filter by."""

import csv
import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import chain

from rules.errors import DataError
from runners import _encodings
from runners.retrieval.documents import Document
from runners.retrieval.files import File, Skipped
from runners.retrieval.filters import USER, Value

_IDS = ("_id", "id", "doc_id", "docid", "document_id", "pubid", "uuid", "key")
_TITLES = ("title", "headline", "subject", "name")
_TEXTS = ("text", "body", "content", "contents", "document", "passage", "abstract", "answer")
_LONGEST = 16 << 20
"""Characters of a line, beyond which it is a fault and no row."""
_LONGEST_VALUE = 1000
"""Characters of a cell that still can be something to filter by."""


def lines(file: File) -> Iterator[Document | Skipped]:
    """One document for each line of JSON."""
    yield from _unique(file, _objects(file))


def table(file: File) -> Iterator[Document | Skipped]:
    """One document for each row of a table whose first line names its columns."""
    yield from _unique(file, _records(file))


_Found = tuple[int, Mapping[str, object] | str]
"""The line where it stands, and the row, or what is wrong with it."""


def _objects(file: File) -> Iterator[_Found]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, f"no JSON: {str(error)[:80]}"
            continue
        yield number, row if isinstance(row, dict) else "no JSON object"


def _records(file: File) -> Iterator[_Found]:
    csv.field_size_limit(2**31 - 1)  # one cell may be a whole book
    source = _lines(file)
    first = next(source, "")
    signs = ("\t",) if file.path.suffix.lower() == ".tsv" else (",", ";", "\t", "|")
    sign = max(signs, key=first.count)
    reader = csv.reader(chain([first], source), delimiter=sign)
    names = [name.strip() for name in next(reader, [])]
    by_name = {name.lower(): name for name in names}
    if _first(by_name, _TEXTS) is None:
        fix = "rename the column that holds the text to 'text'"
        raise DataError(_no_text(by_name), where=file.name, fix=fix)
    start = reader.line_num + 1
    try:
        for cells in reader:
            if len(cells) > len(names):
                yield start, f"{len(cells)} cells, and the first line names {len(names)}"
            elif any(cells):
                yield start, dict(zip(names, cells, strict=False))
            start = reader.line_num + 1
    except csv.Error as error:
        yield start, f"no CSV from here on: {error}"


def _lines(file: File) -> Iterator[str]:
    with file.path.open("rb") as opened:
        start = opened.read(4096)
    encoding, errors, _ = _encodings.find(file.path, start)
    with file.path.open(encoding=encoding, errors=errors, newline="") as opened:
        for line in iter(lambda: opened.readline(_LONGEST), ""):
            if len(line) == _LONGEST:
                what = f"a line of more than {_LONGEST >> 20} Mi characters: is a line end missing"
                raise DataError(what, where=file.name, fix="part it")
            yield line.replace("\0", "").removeprefix("\ufeff")


def _unique(file: File, found: Iterator[_Found]) -> Iterator[Document | Skipped]:
    """The rows as documents; an id that was there before is named instead of written over."""
    seen: dict[str, int] = {}
    for number, row in found:
        place = f"{file.name}:{number}"
        if isinstance(row, str):
            yield Skipped(path=place, reason=row)
            continue
        item = _document(file, number, row)
        if isinstance(item, Document) and item.id in seen:
            yield Skipped(path=place, reason=f"its id stands in line {seen[item.id]} already")
            continue
        if isinstance(item, Document):
            seen[item.id] = number
        yield item


def _document(file: File, number: int, row: Mapping[str, object]) -> Document | Skipped:
    by_name = {name.lower(): name for name in row}
    text_name = _first(by_name, _TEXTS)
    if text_name is None:
        return Skipped(path=f"{file.name}:{number}", reason=_no_text(by_name))
    id_name, title_name = _first(by_name, _IDS), _first(by_name, _TITLES)
    text = _said(row[text_name])
    if not text.strip():
        return Skipped(path=f"{file.name}:{number}", reason="a row without text")
    own = _said(row[id_name]) if id_name else ""
    metadata = {
        key: value
        for key, cell in row.items()
        if key not in (text_name, id_name, title_name) and (value := _value(cell)) is not None
    }
    # Whatever its form: were it left out as a list or a long text is, the row would be everybody's.
    if USER in by_name and (whose := _said(row[by_name[USER]]).strip()):
        metadata[USER] = whose
    return Document(
        id=f"{file.name}#{own.strip() or number}",
        path=file.name,
        title=_said(row[title_name]).strip() if title_name else "",
        text=text,
        metadata=metadata,
        modified=file.modified,
    )


def _first(by_name: Mapping[str, str], wanted: tuple[str, ...]) -> str | None:
    return next((by_name[name] for name in wanted if name in by_name), None)


def _no_text(names: Mapping[str, str]) -> str:
    near = next((n for n in names if get_close_matches(n, _TEXTS, n=1)), "")
    hint = f"; rename {near!r} to 'text'" if near else f"; name it one of {', '.join(_TEXTS[:4])}"
    return f"no column of text among {', '.join(list(names)[:8]) or 'none'}{hint}"


def _said(cell: object) -> str:
    """A cell as text; a list of sentences, as some corpora have them, is one text."""
    if isinstance(cell, list):
        return " ".join(_said(part) for part in cell)
    text = "" if cell is None else str(cell)
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair fits no file


def _value(cell: object) -> Value | None:
    """A cell as something to filter by; lists, objects and long texts are none."""
    if isinstance(cell, bool | int | float):
        return cell
    if isinstance(cell, str) and 0 < len(cell) <= _LONGEST_VALUE:
        return _said(cell)
    return None
