"""An index that is there: what it was made with, its chunks, and what lies near a vector.

Two collections of Chroma hold it. One has the chunks; the other has an entry for each document,
with the hash of what is in the first. A document without a hash was being written when the process
ended; nothing is known of its chunks.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field

from rules.errors import RunError, UserError
from runners import _encoder, _models
from runners.base import Frozen, silent
from runners.retrieval import store
from runners.retrieval.chunks import Chunk
from runners.retrieval.filters import OWNER, USER, Value, owner

if TYPE_CHECKING:
    import numpy as np
    from chromadb import Collection
    from chromadb.api.client import Client
    from sentence_transformers import SentenceTransformer

FORMAT = 1
"""Of what is written here; an index of another one is refused."""
NAME = "corpus"
HNSW = {"space": "cosine", "max_neighbors": 16, "ef_construction": 200, "ef_search": 200}
"""With these the index finds 0.998 of the ten nearest of 20,732 vectors, 0.984 of 100,000."""
_PAGE = 2000
"""Entries asked for at a time; a server refuses answers that are too large."""
_OURS = ("_document", "_start", "_end", "_heading", OWNER)
Where = dict[str, Any]


class IndexSettings(Frozen):
    """How a corpus is indexed."""

    encoder: str = Field(
        default=_models.DEFAULT_ENCODER, description="The encoder: an id or a folder."
    )
    tokens: int = Field(default=256, ge=32, description="Tokens in a chunk at most.")
    overlap: int = Field(
        default=32, ge=0, description="Tokens that a chunk may share with the last one."
    )
    name: str = Field(
        default=NAME, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$", description="Its name."
    )


class Known(Frozen):
    """What the index knows of a document."""

    id: str
    path: str
    sha256: str
    """Of the document; empty while its chunks are being written."""
    file_sha256: str
    text_sha256: str
    modified: int
    chunks: int


class Index:
    """An open index. Close it when it is no longer needed."""

    def __init__(
        self,
        client: "Client",
        where: str,
        settings: IndexSettings,
        model: "SentenceTransformer | None" = None,
    ) -> None:
        self.where, self.settings = where, settings
        self.encoder = settings.encoder
        self.cached = False
        """Whether texts are embedded through the cache."""
        self._client = client
        self._opened = model
        chunks, documents = _collections(client, settings.name)
        self.stored: Collection = chunks
        """Chroma's collection of chunks."""
        self.manifest: Collection = documents
        """Chroma's collection of documents."""

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        store.close(self._client)

    @property
    def model(self) -> "SentenceTransformer":
        """The encoder, opened when it is first asked for."""
        if self._opened is None:
            self._opened = _encoder.open_encoder(self.encoder)
        return self._opened

    @property
    def revision(self) -> str:
        """Another one whenever the chunks have changed."""
        return str(store.metadata_of(self.stored).get("revision", ""))

    @property
    def most(self) -> int:
        """How many entries Chroma takes at a time."""
        return self._client.get_max_batch_size()

    @property
    def root(self) -> str:
        """The folder that was indexed."""
        return str(store.metadata_of(self.stored).get("root", ""))

    def encode(self, texts: Sequence[str]) -> "np.ndarray":
        """Vectors of the texts, ``(n, d)`` float32, unit length."""
        if not self.cached:
            return _encoder.encode(self.model, texts)
        return _encoder.embed(self.encoder, texts, silent, lambda: self.model)

    def count(self) -> int:
        """The number of chunks."""
        with store.told(self.where):
            return self.stored.count()

    def chunks(self) -> Iterator[Chunk]:
        """Every chunk, in the order in which they were added."""
        for start in range(0, self.count(), _PAGE):
            with store.told(self.where):
                found = self.stored.get(
                    limit=_PAGE, offset=start, include=["documents", "metadatas"]
                )
            yield from _chunks(found)

    def get(self, ids: Sequence[str]) -> list[Chunk]:
        """The chunks of these ids, in this order; one that is not there any more is left out."""
        found: dict[str, Chunk] = {}
        for start in range(0, len(ids), _PAGE):
            with store.told(self.where):
                got = self.stored.get(
                    ids=list(ids[start : start + _PAGE]), include=["documents", "metadatas"]
                )
            found.update((chunk.id, chunk) for chunk in _chunks(got))
        return [found[key] for key in ids if key in found]

    def nearest(
        self, vectors: "np.ndarray", k: int, where: Where | None = None
    ) -> list[list[tuple[str, float]]]:
        """For each vector the ids of the chunks nearest to it, with their cosine similarity.

        Args:
            vectors: ``(n, d)`` float32.
            k: How many at most.
            where: A filter on metadata, as Chroma takes it.
        """
        if not len(vectors):
            return []
        with store.told(self.where):
            got = self.stored.query(
                query_embeddings=vectors, n_results=k, where=where, include=["distances"]
            )
        distances = got["distances"] or []
        return [
            [(key, 1.0 - float(far)) for key, far in zip(*pair, strict=True)]
            for pair in zip(got["ids"], distances, strict=True)
        ]

    def documents(self) -> dict[str, Known]:
        """What is known of every document, by its id."""
        found: dict[str, Known] = {}
        with store.told(self.where):
            for start in range(0, self.manifest.count(), _PAGE):
                got = self.manifest.get(limit=_PAGE, offset=start, include=["metadatas"])
                metadatas = got["metadatas"] or []
                for key, told in zip(got["ids"], metadatas, strict=True):
                    found[key] = Known.model_validate({"id": key, **told})
        return found


def open_index(where: str | Path, name: str = NAME) -> Index:
    """Open an index to search it.

    Raises:
        UserError: There is none, it is broken or of another version, no server answers, or its
            encoder is not here or has changed.
    """
    require(where)
    client = store.connect(where)
    try:
        index = opened(client, where, name)
        if index is not None:
            require_encoder(index)
            return index
    except BaseException:
        store.close(client)
        raise
    store.close(client)
    raise _missing(where)


def require(where: str | Path) -> None:
    """Refuse a folder that holds no index, before anything heavy is imported.

    Raises:
        UserError: There is none.
    """
    if not store.exists(where):
        raise _missing(where)


def opened(client: "Client", where: str | Path, name: str) -> Index | None:
    """The index of this name, or none.

    Raises:
        UserError: It was written by another version, or is broken.
    """
    with store.told(where):
        names = {collection.name for collection in client.list_collections()}
        if {f"{name}-chunks", f"{name}-documents"} - names:
            return None
        told = store.metadata_of(_collections(client, name)[0])
    if told.get("format") != FORMAT:
        fix = f"index again into another place: whichtune index '{told.get('root', 'DIR')}' --index"
        what = f"an index of format {told.get('format')!r}, and this version reads {FORMAT}"
        raise RunError(what, where=str(where), fix=f"{fix} FOLDER")
    given = {key: told[key] for key in ("encoder", "tokens", "overlap") if key in told}
    return Index(client, str(where), IndexSettings(**cast("Any", given), name=name))


def require_encoder(index: Index) -> None:
    """Refuse an index whose vectors another encoder made than the one of that name now.

    Raises:
        UserError: The encoder is not here, or its files have changed.
    """
    made_by = store.metadata_of(index.stored).get("encoder_sha256")
    if _models.fingerprint(index.encoder) != made_by:
        fix = f"index again into another place: whichtune index '{index.root}' --index FOLDER"
        what = f"the files of {index.encoder} are not those it was made with"
        raise RunError(what, where=index.where, fix=fix)


def _collections(client: "Client", name: str) -> "tuple[Collection, Collection]":
    chunks = client.get_collection(f"{name}-chunks", embedding_function=None)
    return chunks, client.get_collection(f"{name}-documents", embedding_function=None)


def _missing(where: str | Path) -> UserError:
    option = "--chroma" if store.is_server(where) else "--index"
    fix = f"make one: whichtune index DIR {option} '{where}'"
    return UserError("there is no index here", where=str(where), fix=fix)


def stored_metadata(chunk: Chunk) -> dict[str, Value]:
    """What Chroma keeps of a chunk beside its text and vector."""
    kept = {key: value for key, value in chunk.metadata.items() if _fits(key, value)}
    ours: dict[str, Value] = dict(
        zip(_OURS, (chunk.document, chunk.start, chunk.end, chunk.heading), strict=False)
    )
    ours[OWNER] = owner(chunk.metadata)
    return {**kept, **ours}


def _fits(key: str, value: Value) -> bool:
    """Whether Chroma can hold it; what a row says must not stand for what we say."""
    if not key or key in _OURS or key.startswith("chroma:"):
        return False
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _chunks(got: Any) -> Iterator[Chunk]:  # noqa: ANN401 - a dictionary of theirs
    parts = zip(got["ids"], got["documents"], got["metadatas"], strict=True)
    for key, text, told in parts:
        document, start, end, heading, whose = (told[name] for name in _OURS)
        metadata = {name: value for name, value in told.items() if name not in _OURS}
        if whose:
            metadata[USER] = whose
        yield Chunk(
            id=key,
            document=document,
            text=text,
            start=start,
            end=end,
            heading=heading,
            metadata=metadata,
        )
