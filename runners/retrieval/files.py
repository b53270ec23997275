"""The files of a corpus: what is there, what is left out and why.

Links are never followed: one that leads outside would read what the user did not name, one that
leads inside would give a document twice, and a loop would never end.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from rules.errors import DataError
from runners.base import Frozen

KINDS = {
    **dict.fromkeys((".txt", ".text", ".log", ".rst"), "text"),
    **dict.fromkeys((".md", ".markdown"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    ".pdf": "pdf",
    **dict.fromkeys((".csv", ".tsv"), "table"),
    **dict.fromkeys((".jsonl", ".ndjson"), "lines"),
}
"""What is read, by the end of a file's name."""
LARGEST_BYTES = 64 << 20
"""Of a file that is one document. Tables and JSON Lines are read row by row, at any size."""
_ROWS = ("table", "lines")
_OUR_OWN = "chroma.sqlite3"
"""A folder that holds this is an index, and no part of a corpus."""


class File(Frozen):
    """A file of the corpus that is to be read."""

    path: Path
    name: str
    """Relative to the corpus, with ``/``."""
    kind: str
    sha256: str
    modified: int
    """Seconds since 1970, UTC."""


class Skipped(Frozen):
    """Something in the corpus that could not be read, and why."""

    path: str
    reason: str
    unreadable: bool = False
    """It is there, and nothing can be said of what is in it."""


def files(root: Path) -> Iterator[File | Skipped]:
    """Every file below a folder, or the one file that was named, in the order of their names.

    Raises:
        DataError: There is no such folder or file.
    """
    if root.is_file():
        yield _file(root, root.name)
        return
    if not root.is_dir():
        fix = "name a folder of documents, or one file"
        raise DataError("there is no such folder or file", where=str(root), fix=fix)
    for path in _walk(root):
        yield _file(path, path.relative_to(root).as_posix())


def _walk(folder: Path) -> Iterator[Path]:
    try:
        inside = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder  # is named as unreadable
        return
    if any(entry.name == _OUR_OWN for entry in inside):
        return
    for entry in inside:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _file(path: Path, name: str) -> File | Skipped:
    name = name.encode("utf-8", "replace").decode()
    if path.is_symlink():
        return Skipped(path=name, reason="a link; only real files are read")
    kind = KINDS.get(path.suffix.lower())
    try:
        reason = _unfit(path, kind)
        if reason or kind is None:
            return Skipped(path=name, reason=reason)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        modified = int(path.stat().st_mtime)
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        return Skipped(path=name, reason=reason, unreadable=True)
    return File(path=path, name=name, kind=kind, sha256=digest, modified=modified)


def _unfit(path: Path, kind: str | None) -> str:
    """Why a file cannot be a document, as far as its name and size tell."""
    if path.is_dir():
        next(path.iterdir(), None)  # raises what kept us out of it
    if not path.is_file():
        return "no file: a pipe, a socket or a device"
    if kind is None:
        return f"of no kind that is read: {path.suffix or 'a name without an ending'}"
    size = path.stat().st_size
    if not size:
        return "empty"
    if size > LARGEST_BYTES and kind not in _ROWS:
        return f"{size >> 20:,} MiB, and a document has {LARGEST_BYTES >> 20} MiB at most: part it"
    return ""
