"""A file as text: its SHA-256, its encoding, and its lines, whatever program wrote it.

One pass over the bytes finds both; a second one decodes line by line, so that a file is never held
in memory as a whole. A file that is almost UTF-8 stays UTF-8, and its few wrong bytes are read as
cp1252, because that is what they nearly always are; anything else is charset-normalizer's guess.
"""

import hashlib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from rules.errors import DataError
from runners import _encodings as encodings

_LONGEST = 64 << 20
"""Characters in a line from which on it is a fault, not a record."""
_BINARY = (
    (b"%PDF", "a PDF", "save its table as CSV, or its text as .txt"),
    (b"\x89PNG", "an image", "give a table of texts"),
    (b"\xff\xd8\xff", "an image", "give a table of texts"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it: 7z x '{path}'"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd", "unpack it: zstd -d '{path}'"),
)


class Source(NamedTuple):
    """A file whose bytes are known: what they are, and how they become text."""

    path: Path
    sha256: str
    encoding: str
    errors: str
    notes: tuple[str, ...]


def check(path: Path) -> None:
    """Make sure that there is a file to be read.

    Raises:
        DataError: There is none, and what there is instead.
    """
    try:
        if not path.is_file():
            raise _missing(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def head(path: Path) -> bytes:
    """The first bytes of a file.

    Raises:
        DataError: It cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise _unreadable(path, error) from error


def is_web_page(start: bytes) -> bool:
    """Whether a file with these first bytes is HTML."""
    first = start[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return first.startswith((b"<!doctype html", b"<html", b"<table", b"<body", b"<head", b"<div"))


def _unreadable(path: Path, error: OSError) -> DataError:
    fix = f"make it readable: chmod u+r '{path}'"
    return DataError(f"cannot be read: {error.strerror}", where=str(path), fix=fix)


def inspect(path: Path, encoding: str | None = None) -> Source:
    """Take the hash of the bytes and find how they become text.

    Args:
        path: The file.
        encoding: What the user says it is.

    Raises:
        DataError: The file is missing, empty or binary, cannot be opened, or is no text of this
            encoding.
    """
    check(path)
    try:
        digest, head, blank = hashlib.sha256(), b"", True
        for chunk in encodings.chunks(path):
            head = head or chunk
            blank = blank and not chunk.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe")
            digest.update(chunk)
        if blank:
            fix = "give a file with a header line and rows below it: text,label"
            raise DataError("the file is empty", where=str(path), fix=fix)
        _refuse_binary(path, head)
        told = encodings.told(path, encoding) if encoding else encodings.find(path, head)
    except OSError as error:
        raise _unreadable(path, error) from error
    return Source(path, digest.hexdigest(), *told)


def lines(source: Source, notes: list[str]) -> Iterator[str]:
    """The file's lines with their ends: LF, CR LF or a lone CR. NUL characters are left out.

    Raises:
        DataError: A line is longer than any record can be; it is not read to its end.
    """
    nuls = 0
    with source.path.open(encoding=source.encoding, errors=source.errors, newline="") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST), ""), 1):
            if len(line) == _LONGEST:
                what = f"a line of more than {_LONGEST >> 20} Mi characters"
                fix = "is a line end missing? a record of this size cannot be learned from"
                raise DataError(what, where=f"{source.path}:{number}", fix=fix)
            if "\0" in line:
                nuls += line.count("\0")
                yield line.replace("\0", "")
            else:
                yield line
    if nuls:
        notes.append(f"NUL characters left out: {nuls:,}")


def sound(text: str) -> str:
    """The text, with half a surrogate pair, which no file can hold, as the replacement sign."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _missing(path: Path) -> DataError:
    if path.is_dir():
        inside = sorted(
            p for p in path.iterdir() if p.suffix in {".csv", ".tsv", ".jsonl", ".json"}
        )
        fix = f"name one of its files: {inside[0]}" if inside else "name a file of rows"
        return DataError("this is a folder, not a file", where=str(path), fix=fix)
    if path.is_fifo():
        fix = f"save it as a file first: cat '{path}' > rows.csv"
        return DataError("this is a pipe, and rows are read twice", where=str(path), fix=fix)
    if path.exists():
        kind = "a socket" if path.is_socket() else "a device"
        return DataError(f"this is {kind}, not a file", where=str(path), fix="name a file of rows")
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    wanted = path.parts[len(folder.parts)] if folder != Path() else path.parts[0]
    near = get_close_matches(wanted, sorted(p.name for p in folder.iterdir()), n=1)
    fix = (
        f"did you mean {str(folder / near[0])!r}?" if near else f"see what is there: ls '{folder}'"
    )
    return DataError(f"no such file: {path.name!r}", where=str(path), fix=fix)


def _refuse_binary(path: Path, head: bytes) -> None:
    for magic, kind, fix in _BINARY:
        if head.startswith(magic):
            raise DataError(f"this is {kind}", where=str(path), fix=fix.format(path=path))
    if head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(b"<?xml"):
        fix = "save the table in it as CSV, with a header line"
        raise DataError("this is XML, not a table", where=str(path), fix=fix)
