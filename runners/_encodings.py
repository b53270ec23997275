"""How bytes become text: by mark, by the user's word, as UTF-8, or by charset-normalizer's guess.

A file that is almost UTF-8 stays UTF-8, and its few wrong bytes are read as cp1252, because that is
what they nearly always are.
"""

import codecs
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from rules.errors import DataError

_CHUNK = 1 << 20
_SAMPLE = 1 << 16
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMMON = ("utf-8", "utf-16", "cp1252", "latin-1", "shift_jis", "gb18030", "big5", "euc-kr")
_FALLBACK = "whichtune-cp1252"


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in wrong), error.end


codecs.register_error(_FALLBACK, _as_cp1252)


def chunks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a mebibyte at a time."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def told(path: Path, encoding: str) -> tuple[str, str, tuple[str, ...]]:
    """The user's word for it, if the bytes bear it out.

    Raises:
        DataError: There is no such encoding, or the file is not in it.
    """
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


def find(path: Path, head: bytes) -> tuple[str, str, tuple[str, ...]]:
    """The name of the encoding, how to treat wrong bytes, and what to tell about it.

    Raises:
        DataError: The file is binary, cut short, or in an encoding that nobody can recognise.
    """
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
        for chunk in chunks(path):
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
