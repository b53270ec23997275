"""Documents of a corpus: texts, Markdown, web pages, PDF, and the rows of CSV and JSON Lines.

What cannot be read is named with its reason and never ends the reading. The text of a PDF has a
form feed between two pages, from which a chunk knows its page.
"""

import codecs
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from rules.errors import DataError
from runners import _encodings, _web_page
from runners.base import Frozen
from runners.retrieval.files import File, Skipped, files
from runners.retrieval.filters import Value

_MARKS = (codecs.BOM_UTF8[:2], codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How a file begins that says its encoding itself."""


class Document(Frozen):
    """One text of the corpus, with what is known of it."""

    id: str
    """Where it lies below the corpus (``a/b.pdf``), for a row with its id (``rows.jsonl#17``)."""
    path: str
    title: str = ""
    text: str
    metadata: dict[str, Value] = {}
    """Columns of a row beside its text, or what a file says of itself; filters ask for these."""
    sha256: str = ""
    """Over all of the above."""
    markdown: bool = False
    """Whether ``#`` at the start of a line is a heading."""
    modified: int = 0
    """When the file was last changed; seconds since 1970, UTC."""
    remark: str = ""
    """What was guessed when it was read."""

    def with_hash(self) -> "Document":
        """The same document with the SHA-256 of its content; when it was changed is no part."""
        said = [self.id, self.title, self.text, self.metadata, self.markdown]
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
        return self.model_copy(update={"sha256": digest})


def read(root: Path) -> Iterator[Document | Skipped]:
    """All documents of a folder and those below it, or of one file, in the order of names.

    Raises:
        DataError: There is no such folder or file.
    """
    for file in files(root):
        yield from [file] if isinstance(file, Skipped) else documents(file)


def documents(file: File) -> Iterator[Document | Skipped]:
    """The documents in one file: one, or one for each row."""
    from runners.retrieval import pdf, rows

    readers = {"table": rows.table, "lines": rows.lines, "pdf": pdf.document}
    reader = readers.get(file.kind)
    try:
        if reader is not None:
            found = reader(file)
            for item in found:
                yield item if isinstance(item, Skipped) else item.with_hash()
        else:
            yield _text(file)
    except DataError as error:
        yield Skipped(path=file.name, reason=error.what)
    except OSError as error:  # it was there a moment ago
        reason = f"cannot be read: {error.strerror}"
        yield Skipped(path=file.name, reason=reason, unreadable=True)


def _text(file: File) -> Document | Skipped:
    text, remark = decoded(file.path)
    title = ""
    if file.kind == "html":
        title, text = _web_page.title(text), _web_page.marked(text)
    if not text.strip():
        return Skipped(path=file.name, reason="no text in it")
    return Document(
        id=file.name,
        path=file.name,
        title=title,
        text=text,
        metadata={"kind": file.kind},
        markdown=file.kind in ("markdown", "html"),
        modified=file.modified,
        remark=remark,
    ).with_hash()


def decoded(path: Path) -> tuple[str, str]:
    """A file as text with plain line ends and without NULs, and what was guessed of its encoding.

    Raises:
        DataError: It is binary, or in an encoding that nobody can recognise.
    """
    with path.open("rb") as opened:
        start = opened.read(4096)
    encoding, errors, told = _encodings.find(path, start)
    text = path.read_bytes().decode(encoding, errors)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    guessed = [note.partition(", a guess")[0] for note in told if start[:2] not in _MARKS]
    return text, "; ".join(guessed)
