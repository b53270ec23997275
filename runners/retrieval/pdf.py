"""The text of a PDF, page by page, through pypdf."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runners.retrieval.documents import Document
from runners.retrieval.files import File, Skipped

if TYPE_CHECKING:
    from pypdf import PdfReader

PAGE_BREAK = "\f"
_BROKEN = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)
"""What pypdf lets through when the parts of a file contradict each other."""


def document(file: File) -> Iterator[Document | Skipped]:
    """The document in a PDF; one that is locked, broken or holds pictures only is named."""
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells of every small fault
    try:
        with PdfReader(file.path) as reader:
            if reader.is_encrypted and not reader.decrypt(""):
                yield Skipped(path=file.name, reason="needs a password: save it without one")
                return
            yield _document(file, reader)
    except DependencyError:
        yield Skipped(path=file.name, reason="locked with AES: save it without a password")
    except (PyPdfError, *_BROKEN) as error:
        yield Skipped(path=file.name, reason=f"a broken PDF: {str(error)[:100]}")


def _document(file: File, reader: "PdfReader") -> Document | Skipped:
    pages = [
        page.extract_text().replace(PAGE_BREAK, " ").replace("\0", "") for page in reader.pages
    ]
    empty = sum(not page.strip() for page in pages)
    if empty == len(pages):
        reason = f"no text on its {len(pages)} pages; are they pictures? try: ocrmypdf"
        return Skipped(path=file.name, reason=reason)
    told = reader.metadata
    return Document(
        id=file.name,
        path=file.name,
        title=str(told.title or "").strip() if told else "",
        text=f"\n{PAGE_BREAK}\n".join(page.encode("utf-8", "replace").decode() for page in pages),
        metadata={"kind": "pdf", "pages": len(pages), "empty_pages": empty},
        modified=file.modified,
    )
