"""Indexing, block by block: what is new, changed or gone, and how it is written.

A kill at any moment does no harm: first the documents of a block lose their hash, then their old
chunks go, then the new ones come, and only then the documents get their new hash. A document
without a hash is done again, and a chunk's id follows from its text, so nothing is there twice.
"""

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, cast

from runners.base import Progress, Report
from runners.retrieval import store
from runners.retrieval.chunks import Chunk, split
from runners.retrieval.documents import Document, documents
from runners.retrieval.files import File, Skipped
from runners.retrieval.opened import Index, Known, stored_metadata

BLOCK = 1024
"""Chunks that are embedded and written at a time; what a kill can cost."""
_DROPPED_AT_ONCE = 200
"""Documents named in one request to delete."""
T = TypeVar("T")


class Work:
    """One indexing: which documents are to be done, and how a block of them is written."""

    def __init__(self, index: Index, report: Report) -> None:
        self.index, self.report = index, report
        self.known = index.documents()
        self.added = self.changed = self.deleted = 0
        self.encode_seconds = 0.0
        self.skipped: list[Skipped] = []
        self.guessed: list[Skipped] = []
        self.seen: set[str] = set()
        self._touched = False
        self._aged: list[Known] = []
        """What was saved again unchanged."""

    def carry_out(self, found: Sequence[File | Skipped]) -> None:
        """Embed and keep what is new in these files, or has changed."""
        block: list[tuple[Document, File]] = []
        chunks: list[Chunk] = []
        settings = self.index.settings
        for document, file in self._to_do(found):
            block.append((document, file))
            tokenizer = self.index.model.tokenizer
            chunks += split(document, settings.tokens, settings.overlap, tokenizer)
            if len(chunks) >= BLOCK:
                self._write(block, chunks)
                block, chunks = [], []
        if block:
            self._write(block, chunks)

    def finish(self) -> None:
        """Delete what the files do not have any more."""
        self._delete([key for key in self.known if key not in self.seen])
        with store.told(self.index.where):
            self._mark(self._aged, done=True)
        if self._touched:
            self._revise()

    def _to_do(self, found: Sequence[File | Skipped]) -> Iterator[tuple[Document, File]]:
        """The documents that are new or have changed, file by file."""
        by_path: dict[str, list[Known]] = {}
        for each in self.known.values():
            by_path.setdefault(each.path, []).append(each)
        for number, file in enumerate(found, 1):
            self.report(Progress(message="reading and embedding", step=number, steps=len(found)))
            if isinstance(file, Skipped):
                self._leave(file)
            elif not self._is_same(file, by_path.get(file.name, [])):
                yield from self._changed(file)

    def _leave(self, item: Skipped) -> None:
        """Count what was left out; what could be read last time and not now is kept as it was."""
        self.skipped.append(item)
        if item.unreadable:
            below = f"{item.path}/"
            self.seen.update(
                each.id
                for each in self.known.values()
                if each.path == item.path or each.path.startswith(below)
            )

    def _is_same(self, file: File, known: Sequence[Known]) -> bool:
        """Whether the document in a file was made of these very bytes; rows are looked at again."""
        if file.kind in ("table", "lines") or len(known) != 1:
            return False
        if not known[0].sha256 or known[0].file_sha256 != file.sha256:
            return False
        self.seen.add(known[0].id)
        if known[0].modified != file.modified:
            self._aged.append(known[0].model_copy(update={"modified": file.modified}))
        return True

    def _changed(self, file: File) -> Iterator[tuple[Document, File]]:
        for item in documents(file):
            if isinstance(item, Skipped):
                self._leave(item)
            elif item.id in self.seen:
                reason = f"another document is called {item.id!r}"
                self.skipped.append(Skipped(path=item.path, reason=reason))
            else:
                self.seen.add(item.id)
                if item.remark:
                    self.guessed.append(Skipped(path=item.path, reason=item.remark))
                old = self.known.get(item.id)
                if old is None or old.sha256 != item.sha256:
                    yield item, file

    def _write(self, block: Sequence[tuple[Document, File]], chunks: Sequence[Chunk]) -> None:
        started = time.monotonic()
        passages = list(dict.fromkeys(chunk.passage for chunk in chunks))
        vectors = dict(zip(passages, self.index.encode(passages), strict=True))
        self.encode_seconds += time.monotonic() - started
        old = [document.id for document, _ in block if document.id in self.known]
        counts = Counter(chunk.document for chunk in chunks)
        entries = [_entry(document, file, counts[document.id]) for document, file in block]
        self._begin()
        with store.told(self.index.where):
            self._mark(entries, done=False)
            self._drop(old)
            for part in _parts(chunks, self.index.most):
                self.index.stored.upsert(
                    ids=[chunk.id for chunk in part],
                    embeddings=[vectors[chunk.passage] for chunk in part],
                    documents=[chunk.text for chunk in part],
                    metadatas=[stored_metadata(chunk) for chunk in part],
                )
            self._mark(entries, done=True)
        self.added += len(block) - len(old)
        self.changed += len(old)
        self.report(Progress(message=f"{self.added + self.changed:,} documents embedded and kept"))

    def _delete(self, gone: Sequence[str]) -> None:
        if not gone:
            return
        self._begin()
        with store.told(self.index.where):
            self._mark([self.known[key] for key in gone], done=False)
            self._drop(gone)
            for part in _parts(gone, self.index.most):
                self.index.manifest.delete(ids=list(part))
        self.deleted += len(gone)

    def _begin(self) -> None:
        """Before the first change: what others made of the chunks as they were is out of date."""
        if not self._touched:
            self._touched = True
            self._revise()

    def _revise(self) -> None:
        stored = self.index.stored
        with store.told(self.index.where):
            told = {**store.metadata_of(stored), "revision": secrets.token_hex(8)}
            stored.modify(metadata=told)

    def _mark(self, entries: Sequence[Known], *, done: bool) -> None:
        """Keep the entries of documents: with their hash when they are done, else without."""
        for part in _parts(entries, self.index.most):
            told = [each.model_dump(exclude={"id"}) for each in part]
            if not done:
                told = [{**each, "sha256": ""} for each in told]
            self.index.manifest.upsert(
                ids=[each.id for each in part],
                embeddings=[[0.0] for _ in part],  # Chroma wants one; nobody searches these
                metadatas=cast("Any", told),
            )

    def _drop(self, ids: Sequence[str]) -> None:
        for part in _parts(ids, _DROPPED_AT_ONCE):
            self.index.stored.delete(where={"_document": {"$in": list(part)}})


def _entry(document: Document, file: File, chunks: int) -> Known:
    return Known(
        id=document.id,
        path=document.path,
        sha256=document.sha256,
        file_sha256=file.sha256,
        text_sha256=hashlib.sha256(document.text.encode()).hexdigest(),
        modified=file.modified,
        chunks=chunks,
    )


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
