"""The two files of a rating: the candidates, written once, and the log, which only grows.

A line of the log is written by one call and is on the disk before the next question, so that
several raters can write to the same file and a crash takes nothing that was said.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from rules.errors import DataError

if TYPE_CHECKING:
    from advisor.rating import Candidates, Line


class Log(NamedTuple):
    """What stands in the log."""

    lines: "tuple[Line, ...]"
    unread: tuple[str, ...]
    """Lines that were cut off when they were written, as ``file:line``."""


def check(out: Path) -> None:
    """Make sure, before any work is done, that a log can be written there.

    Raises:
        DataError: It cannot.
    """
    if out.suffix.lower() != ".jsonl":
        fix = f"end its name in .jsonl: --out {out.with_suffix('.jsonl')}"
        raise DataError(f"ratings are JSON Lines, not {out.name!r}", where="--out", fix=fix)
    if not out.parent.is_dir():
        fix = f"make it first: mkdir -p '{out.parent}'"
        raise DataError(f"no such folder: {str(out.parent)!r}", where="--out", fix=fix)


def beside(out: Path) -> Path:
    """Where the candidates of a log are kept."""
    return out.with_name(f"{out.stem}.candidates.json")


def write_candidates(out: Path, candidates: "Candidates") -> str:
    """Write the candidates, whole or not at all, and give their SHA-256.

    Raises:
        DataError: They cannot be written.
    """
    content = (candidates.model_dump_json(indent=1, exclude_defaults=False) + "\n").encode()
    path = beside(out)
    held = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with held.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        held.replace(path)
    except OSError as error:
        held.unlink(missing_ok=True)
        raise _unwritten(path, error) from error
    return hashlib.sha256(content).hexdigest()


def read_candidates(out: Path) -> "tuple[Candidates, str] | None":
    """The candidates of a log with their SHA-256; ``None``: neither is there.

    Raises:
        DataError: There is a log without them, or they cannot be read.
    """
    from advisor.rating import Candidates

    path = beside(out)
    again = f"begin anew under another name: --out {out.stem}-2{out.suffix}"
    if not path.exists():
        if out.exists():
            fix = f"{again}; or put {path.name} back beside it"
            raise DataError(f"no {path.name} beside this file", where=str(out), fix=fix)
        return None
    try:
        content = path.read_bytes()
        return Candidates.model_validate_json(content), hashlib.sha256(content).hexdigest()
    except (OSError, ValidationError) as error:
        raise DataError("no candidates of a rating", where=str(path), fix=again) from error


def read(out: Path, digest: str) -> Log:
    """Everything that was said.

    Args:
        out: The log; it need not be there yet.
        digest: Of the candidates that it has to belong to.

    Raises:
        DataError: It is a file of something else, or of other candidates.
    """
    from advisor.rating import Line

    found: list[Line] = []
    unread: list[str] = []
    again = f"begin anew under another name: --out {out.stem}-2{out.suffix}"
    try:
        content = out.read_bytes() if out.exists() else b""
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(out), fix=again) from error
    for number, text in enumerate(content.splitlines(), 1):
        if not text.strip():
            continue
        try:
            line = Line.model_validate_json(text)
        except ValidationError:
            unread.append(f"{out}:{number}")
            continue
        if line.candidates_sha256 != digest:
            what = "this rating is of other candidates"
            raise DataError(what, where=f"{out}:{number}", fix=again)
        found.append(line)
    if unread and not found:
        raise DataError("no log of ratings", where=unread[0], fix=again)
    return Log(tuple(found), tuple(unread))


def append(out: Path, line: "Line") -> None:
    """Add one line; it is on the disk when this returns.

    Raises:
        DataError: It cannot be written.
    """
    content = line.model_dump_json(exclude_defaults=False).encode() + b"\n"
    try:
        with out.open("ab+", buffering=0) as file:
            if size := file.seek(0, os.SEEK_END):
                file.seek(size - 1)
                content = content if file.read(1) == b"\n" else b"\n" + content  # one was cut off
            written = file.write(content)
            os.fsync(file.fileno())
    except OSError as error:
        raise _unwritten(out, error) from error
    if written != len(content):
        fix = "free some space, then give the same command: all earlier ratings are kept"
        raise DataError("the disk is full: the last rating was not kept", where=str(out), fix=fix)


def _unwritten(path: Path, error: OSError) -> DataError:
    fix = "name a file in a folder with room that can be written to: --out FILE"
    return DataError(f"cannot be written: {error.strerror}", where=str(path), fix=fix)
