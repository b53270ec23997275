"""Chunks: a document parted at its headings, paragraphs and sentences into pieces that fit.

``semantic-text-splitter`` parts; sizes are in tokens of the encoder, its special ones included, so
that no chunk is cut short when it is embedded. What a chunk is called does not change as long as
its text and its document do not.
"""

import hashlib
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from rules.errors import SettingError
from runners.base import Frozen
from runners.retrieval.documents import Document
from runners.retrieval.filters import Value

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_PAGE_BREAK = "\f"
_SMALLEST = 16
"""Tokens of text that a chunk has room for, however long the headings above it are."""

_FITS_CHARACTERS = 12
"""Characters a token has at most, on average, in a document that is tried as one chunk."""

_WORDS_KEPT = 100_000


class Chunk(Frozen):
    """A piece of a document: what is embedded, found and cited."""

    id: str
    """From the document's id and the text; stable from one indexing to the next."""
    document: str
    text: str
    """As it stands in the document."""
    start: int
    end: int
    """Where it stands: characters of the document's text."""
    heading: str = ""
    """The title and the headings above it, joined by `` > ``."""
    metadata: dict[str, Value] = {}
    """That of the document, and the ``page`` in a PDF."""

    @property
    def passage(self) -> str:
        """What is embedded: the text below its headings, which tell what it is about."""
        return passage(self.heading, self.text)


def passage(heading: str, text: str) -> str:
    """A text below its headings, unless it begins with the last of them."""
    last = heading.rpartition(" > ")[2]
    if not heading or text.lstrip("# ").startswith(last):
        return text
    return f"{heading}\n{text}"


def split(document: Document, tokens: int, overlap: int, tokenizer: Any) -> list[Chunk]:  # noqa: ANN401
    """Part a document into chunks.

    Args:
        document: What is parted.
        tokens: The size of a chunk in tokens at most, with headings and special tokens.
        overlap: Tokens that a chunk may share with the one before it, in whole sentences or words.
        tokenizer: That of the encoder, as transformers opens it.

    Raises:
        SettingError: The overlap leaves no room for new text.
    """
    if not 0 <= overlap < tokens // 2:
        fix = f"give at most {max(tokens // 2 - 1, 0)}"
        raise SettingError(f"{overlap} of {tokens} tokens", where="--overlap", fix=fix)
    headings = _headings(document)
    counts: Counter[str] = Counter()
    found: list[Chunk] = []
    for start, text in _pieces(document, tokens, overlap, tokenizer):
        key = hashlib.sha256(f"{document.id}\0{text}".encode()).hexdigest()[:16]
        counts[key] += 1
        metadata = document.metadata
        if _PAGE_BREAK in document.text:
            metadata = {**metadata, "page": document.text.count(_PAGE_BREAK, 0, start) + 1}
        found.append(
            Chunk(
                id=key if counts[key] == 1 else f"{key}-{counts[key]}",
                document=document.id,
                text=text,
                start=start,
                end=start + len(text),
                heading=headings.above(start),
                metadata=metadata,
            )
        )
    return found


def _pieces(
    document: Document,
    tokens: int,
    overlap: int,
    tokenizer: Any,  # noqa: ANN401
) -> list[tuple[int, str]]:
    """Where each piece begins, and its text. A document that fits is one piece, unparted."""
    measure = _measure(tokenizer)
    special = tokenizer.num_special_tokens_to_add()
    taken = special + max(map(measure, _headings(document).all()))
    room = max(tokens - taken, min(_SMALLEST, tokens))
    if len(document.text) <= room * _FITS_CHARACTERS and measure(document.text) <= room:
        text = document.text.strip()
        return [(document.text.index(text), text)] if text else []
    splitter = _splitter(document.markdown, room, min(overlap, room // 2), measure)
    return [(start, text) for start, text in splitter.chunk_indices(document.text) if text.strip()]


def _splitter(markdown: bool, room: int, overlap: int, measure: Callable[[str], int]) -> Any:  # noqa: ANN401
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

    kind = MarkdownSplitter if markdown else TextSplitter
    # Not from_huggingface_tokenizer: it copies the vocabulary each time, and the room for text
    # differs with the headings of each document.
    return kind.from_callback(measure, room, overlap)


@lru_cache(maxsize=2)
def _measure(tokenizer: Any) -> Callable[[str], int]:  # noqa: ANN401
    """Counts the tokens of a text, without special ones."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return lambda text: len(tokenizer.tokenize(text))
    # A copy, since many a tokenizer file says to pad and to cut, and others use the original.
    copy = type(backend).from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()

    def exact(text: str) -> int:
        return len(copy.encode(text, add_special_tokens=False))

    if type(copy.pre_tokenizer).__name__ != "BertPreTokenizer":
        return exact
    # Such a tokenizer parts at white space first, so the tokens of a text are those of its words,
    # which are counted once: parting takes a fifth of the time.
    of_word = lru_cache(maxsize=_WORDS_KEPT)(exact)
    return lambda text: sum(map(of_word, text.split()))


class _Headings:
    """The headings of a document, and which of them stand above a place."""

    def __init__(self, title: str, found: list[tuple[int, int, str]]) -> None:
        self._title = title
        self._starts = [start for start, _, _ in found]
        self._paths: list[str] = []
        above: list[tuple[int, str]] = []
        for _, depth, text in found:
            above = [(d, t) for d, t in above if d < depth] + [(depth, text)]
            self._paths.append(self._joined([text for _, text in above]))

    def _joined(self, texts: list[str]) -> str:
        parts = [self._title, *texts] if self._title not in ("", *texts[:1]) else texts
        return " > ".join(parts)

    def all(self) -> list[str]:
        """Every path of headings."""
        return [*self._paths, self._title]

    def above(self, start: int) -> str:
        """The path of headings that a text beginning here stands under."""
        place = bisect_right(self._starts, start)
        return self._paths[place - 1] if place else self._title


def _headings(document: Document) -> _Headings:
    found: list[tuple[int, int, str]] = []
    if document.markdown:
        hidden = [match.span() for match in _FENCE.finditer(document.text)]
        found = [
            (match.start(), len(match[1]), match[2])
            for match in _HEADING.finditer(document.text)
            if not any(start <= match.start() < end for start, end in hidden)
        ]
    return _Headings(document.title, found)
