"""One door to any file: what it is follows from its first bytes, and its records come out.

Delimited text, JSON and JSON Lines, Parquet and Arrow, workbooks, tables of web pages, plain text,
folders of documents, all of these compressed, a saved data set and the id of one on a hub. Where a
file holds several tables, the user's ``--part`` chooses.
"""

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, TypeVar, cast

from advisor import read_columns, read_documents, read_hub, read_workbook, records
from advisor import source as sources
from advisor.columns import HEADER_WORDS, Columns
from advisor.tabular import Record, Records
from rules.errors import DataError

_T = TypeVar("_T")
_CHUNK = 1 << 20
_SPARE = 1 << 30
"""Bytes that unpacking leaves free on the disk."""
_PACKED: dict[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": lambda path: cast("IO[bytes]", gzip.GzipFile(path)),
    b"BZh": lambda path: cast("IO[bytes]", bz2.BZ2File(path)),
    b"\xfd7zXZ\x00": lambda path: cast("IO[bytes]", lzma.LZMAFile(path)),  # noqa: SIM115
}
_DATA = (
    *(".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".json", ".parquet", ".arrow"),
    *(".feather", ".xlsx", ".xls", ".ods", ".txt", ".md", ".html", ".htm"),
)
"""What is looked for in an archive."""


_BROKEN = (lzma.LZMAError, zipfile.BadZipFile, zlib.error, NotImplementedError)


class Opened(NamedTuple):
    """A file whose records can be read, once."""

    sha256: str
    """Of the bytes as they lie there, packed or not."""
    encoding: str
    notes: tuple[str, ...]
    records: Records


def open_any(path: Path, columns: Columns) -> Opened:
    """Find out what a file is, and start reading it.

    Args:
        path: A file, a folder, or the id of a data set on a hub: ``org/name``.
        columns: What the user said about it.

    Raises:
        DataError: There is no such file, it cannot be read, or holds several tables and none was
            named. Iterating over the records may raise it too.
    """
    if read_hub.is_saved(path) or read_hub.is_id(path):
        digest, found = read_hub.read(path, columns.part)
        return Opened(digest, "Arrow", (), found)
    if path.is_dir() and read_documents.documents(path):
        digest, found = read_documents.folder(path)
        return Opened(digest, "utf-8", (), _named(found, path, columns))
    return _open_file(path, columns)


def _named(found: Records, path: Path, columns: Columns) -> Records:
    if columns.part is not None:
        records.choose_part(columns.part, (), path, [])
    return found


def _open_file(path: Path, columns: Columns) -> Opened:
    sources.check(path)
    before = path.stat()
    head = sources.head(path)
    unpack = next((_PACKED[magic] for magic in _PACKED if head.startswith(magic)), None)
    if unpack:
        opened = _unpacked(path, columns, unpack, path.stem)
    elif head.startswith(b"PK\x03\x04") and not read_workbook.is_workbook(path):
        opened = _member(path, columns)
    else:
        opened = _open_plain(path, columns, head)
    return opened._replace(records=_unchanged(opened.records, path, before))


def _open_plain(path: Path, columns: Columns, head: bytes) -> Opened:
    if head.startswith((b"PAR1", b"ARROW1", b"FEA1")):
        return Opened(_digest(path), "Arrow", (), _named(read_columns.read(path), path, columns))
    wanted = list(columns.given().values())
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        found = read_workbook.read(path, columns.part, HEADER_WORDS, wanted)
        return Opened(_digest(path), "workbook", (), found)
    source = sources.inspect(path, columns.encoding)
    if sources.is_web_page(head):
        found = read_documents.web_page(source, columns.part, HEADER_WORDS, wanted)
    elif read_documents.is_prose(source):
        found = _named(read_documents.text(source), path, columns)
    else:
        found = records.open_records(source, HEADER_WORDS, wanted, columns.part)
    return Opened(source.sha256, source.encoding, source.notes, found)


def _unchanged(found: Records, path: Path, before: os.stat_result) -> Records:
    """The same records; at their end it is checked that nobody wrote to the file meanwhile."""
    items = found.items

    def checked() -> Iterator[Record]:
        yield from items
        after = path.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            fix = "wait until it is complete, or copy it first"
            raise DataError("the file changed while it was read", where=str(path), fix=fix)

    found.items = checked()
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _member(path: Path, columns: Columns) -> Opened:
    """The only table in an archive, or the one that was named."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [item.filename for item in archive.infolist() if _is_data(item.filename)]
    except (zipfile.BadZipFile, OSError) as error:
        fix = f"see what is wrong with it: unzip -t '{path}'"
        raise DataError(f"a damaged archive: {error}", where=str(path), fix=fix) from error
    if not inside:
        fix = f"name an archive with a table or a text in it; see: unzip -l '{path}'"
        raise DataError("no table or text in this archive", where=str(path), fix=fix)
    outer, _, inner = (columns.part or "").partition("/")
    whole = columns.part in inside
    said = columns.part if whole or len(inside) == 1 else (outer or None)
    name = inside[0] if len(inside) == 1 else records.choose_part(said, inside, path, [])
    rest = None if whole else columns.part if len(inside) == 1 else (inner or None)
    columns = columns.model_copy(update={"part": rest})
    return _unpacked(path, columns, lambda path: zipfile.ZipFile(path).open(name), Path(name).name)


def _is_data(name: str) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in Path(name).parts)
    return name.lower().endswith(_DATA) and not hidden


def _unpacked(
    path: Path, columns: Columns, unpack: Callable[[Path], IO[bytes]], name: str
) -> Opened:
    """Unpack into a temporary file, which goes when its records have been read."""
    folder = Path(tempfile.mkdtemp(prefix="whichtune-"))
    inner, shown = folder / (name or "data"), f"{path}/{name}"
    try:
        _copy(path, unpack, inner)
        opened = _told_of(lambda: _open_plain(inner, columns, sources.head(inner)), folder, shown)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    items = opened.records.items

    def until_read() -> Iterator[Record]:
        try:
            while (record := _told_of(lambda: next(items, None), folder, shown)) is not None:
                yield record
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    opened.records.items = until_read()
    return opened._replace(sha256=_digest(path), notes=(f"unpacked {name}", *opened.notes))


def _told_of(step: Callable[[], _T], folder: Path, shown: str) -> _T:
    """Do a step; what it says of the temporary file is said of the packed one."""
    try:
        return step()
    except DataError as error:
        where = error.where
        for path in folder.iterdir():
            where = where.replace(str(path), shown)
        raise DataError(error.what, where=where, fix=error.fix) from error


def _copy(path: Path, unpack: Callable[[Path], IO[bytes]], inner: Path) -> None:
    room, size = shutil.disk_usage(inner.parent).free - _SPARE, 0
    try:
        with unpack(path) as packed, inner.open("wb") as file:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                if size > room:
                    fix = "unpack it yourself where there is room, and name the unpacked file"
                    what = f"unpacks to more than the {room / 2**30:.0f} GiB free in {inner.parent}"
                    raise DataError(what, where=str(path), fix=fix)
                file.write(chunk)
    except (*_BROKEN, OSError, EOFError, RuntimeError) as error:
        fix = "it may be cut short or locked: fetch it again, or unpack it yourself"
        raise DataError(f"cannot be unpacked: {error}", where=str(path), fix=fix) from error
