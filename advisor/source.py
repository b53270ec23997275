"""A file as text: its SHA-256, its encoding, and its lines, whatever program wrote it.

One pass over the bytes finds both; a second one decodes line by line, so that a file is never held
in memory as a whole. A file that is almost UTF-8 stays UTF-8, and its few wrong bytes are read as
cp1252, because that is what they nearly always are; anything else is charset-normalizer's guess.
"""

import codecs
import hashlib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from rules.errors import DataError

_CHUNK = 1 << 20
_SAMPLE = 1 << 16
_LONGEST = 64 << 20
"""Characters in a line from which on it is a fault, not a record."""
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = (
    (b"%PDF", "a PDF", "save its table as CSV, or its text as .txt"),
    (b"\x89PNG", "an image", "give a table of texts"),
    (b"\xff\xd8\xff", "an image", "give a table of texts"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it: 7z x '{path}'"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd", "unpack it: zstd -d '{path}'"),
)
_COMMON = ("utf-8", "utf-16", "cp1252", "latin-1", "shift_jis", "gb18030", "big5", "euc-kr")
_FALLBACK = "whichtune-cp1252"


class Source(NamedTuple):
    """A file whose bytes are known: what they are, and how they become text."""

    path: Path
    sha256: str
    encoding: str
    errors: str
    notes: tuple[str, ...]


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in wrong), error.end


codecs.register_error(_FALLBACK, _as_cp1252)


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
        for chunk in _chunks(path):
            head = head or chunk
            blank = blank and not chunk.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe")
            digest.update(chunk)
        if blank:
            fix = "give a file with a header line and rows below it: text,label"
            raise DataError("the file is empty", where=str(path), fix=fix)
        _refuse_binary(path, head)
        told = _told(path, encoding) if encoding else _encoding(path, head)
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


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _missing(path: Path) -> DataError:
    if path.is_dir():
        inside = sorted(
            p for p in path.iterdir() if p.suffix in {".csv", ".tsv", ".jsonl", ".json"}
        )
        fix = f"name one of its files: {inside[0]}" if inside else "name a file of rows"
        return DataError("this is a folder, not a file", where=str(path), fix=fix)
    if path.exists():
        fix = f"save it as a file first: cat '{path}' > rows.csv"
        return DataError("this is a pipe or a device, and is read twice", where=str(path), fix=fix)
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


def _told(path: Path, encoding: str) -> tuple[str, str, tuple[str, ...]]:
    """The user's word for it, if the bytes bear it out."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        near = get_close_matches(encoding.lower(), _COMMON, n=1)
        fix = f"did you mean {near[0]!r}? " if near else ""
        fix += "such as utf-8, cp1252, latin-1, utf-16, shift_jis, gb18030; or leave it out"
        raise DataError(f"no encoding {encoding!r}", where="--encoding", fix=fix) from error
    if not _decodes(path, name):
        fix = "give another one, or leave it out: it is then found by itself"
        raise DataError(f"{path.name} is no text in {name}", where="--encoding", fix=fix)
    return name, "strict", (f"read as {name}, as given",)


def _encoding(path: Path, head: bytes) -> tuple[str, str, tuple[str, ...]]:
    """The name of the encoding, how to treat wrong bytes, and what to tell about it."""
    marked = next((name for bom, name in _BOMS if head.startswith(bom)), None) or _wide(path, head)
    if marked:
        if not _decodes(path, marked):
            fix = f"keep what is whole: iconv -c -f {marked} -t UTF-8 '{path}' > whole.csv"
            raise DataError(f"this is not whole {marked} text", where=str(path), fix=fix)
        mark = "byte order mark left out" if marked == "utf-8-sig" else f"read as {marked}"
        return marked, "strict", (mark,)
    if _decodes(path, "utf-8"):
        return "utf-8", "strict", ()
    beyond = _beyond_ascii(path)
    guess = None if beyond.is_nearly_utf8 else _guess(beyond.sample)
    if guess is not None and _decodes(path, guess):
        return (
            guess,
            "strict",
            (f"read as {guess}, a guess; if letters look wrong: --encoding NAME",),
        )
    if beyond.wrong <= max(beyond.right // 9, beyond.lines // 20):
        note = f"lines that are not UTF-8, their wrong bytes read as cp1252: {beyond.wrong:,}"
        return "utf-8", _FALLBACK, (note,)
    fix = "say which it is: --encoding NAME"
    what = "neither UTF-8 nor any encoding that can be recognised"
    raise DataError(what, where=str(path), fix=fix)


def _wide(path: Path, head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of Latin text is NUL. NUL all over is not text."""
    start = head[:4096]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if odd > len(start) // 5 and even < odd // 10 + 1:
        return "utf-16-le"
    if even > len(start) // 5 and odd < even // 10 + 1:
        return "utf-16-be"
    if even + odd > len(start) // 5:
        fix = "give a CSV, TSV, JSON Lines or JSON file"
        raise DataError("this is binary, not text", where=str(path), fix=fix)
    return None


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


class _Beyond(NamedTuple):
    lines: int
    right: int
    """Lines beyond ASCII that are UTF-8."""
    wrong: int
    """Lines that are not."""
    sample: bytes
    """Some of the latter."""

    @property
    def is_nearly_utf8(self) -> bool:
        """Most such lines are, or too few bytes are wrong to guess an encoding from them."""
        few = self.wrong <= self.lines // 20 and sum(byte > 127 for byte in self.sample) < 10
        return few or self.right >= 9 * self.wrong


def _beyond_ascii(path: Path) -> _Beyond:
    lines = right = wrong = 0
    sample = bytearray()
    with path.open("rb") as file:
        blocks = iter(lambda: file.readline(_CHUNK), b"")
        for line in (line for block in blocks for line in block.splitlines()):
            lines += 1
            if not line.isascii():
                try:
                    line.decode()
                    right += 1
                except UnicodeDecodeError:
                    wrong += 1
                    # Whole lines, so that no character of two bytes is cut.
                    if not sample or len(sample) + len(line) < _SAMPLE:
                        sample += line + b"\n"
    return _Beyond(lines, right, wrong, bytes(sample))


def _guess(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    # The second, lenient look is for short Asian texts, which seem chaotic to the first one.
    for threshold in (0.2, 0.5):
        matches = from_bytes(sample, threshold=threshold)
        best = matches.best()
        if best is None:
            continue
        # Ties are broken by the alphabet there, which would make most Western files cp1250.
        for match in matches:
            near = match.chaos <= best.chaos + 0.01 and match.coherence >= best.coherence - 0.02
            if near and "cp1252" in match.could_be_from_charset:
                return "cp1252"
        return best.encoding
    return None
