"""The index of a corpus: built, kept up to date, opened.

An index belongs to one corpus and one encoder; whatever does not fit is refused before anything is
written. ``work.py`` does the writing.
"""

import secrets
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from rules.errors import DataError, SettingError
from runners import _encoder, _models
from runners.base import Frozen, Report
from runners.retrieval import store
from runners.retrieval.files import File, Skipped, files
from runners.retrieval.opened import (
    FORMAT,
    HNSW,
    NAME,
    Index,
    IndexSettings,
    Known,
    open_index,
    opened,
    require_encoder,
)
from runners.retrieval.work import Work

if TYPE_CHECKING:
    from chromadb.api.client import Client

__all__ = [
    "NAME",
    "Built",
    "Index",
    "IndexSettings",
    "Known",
    "Stale",
    "build",
    "open_index",
    "stale",
]


class Built(Frozen):
    """What indexing did."""

    documents: int
    """In the index now."""
    chunks: int
    added: int
    changed: int
    deleted: int
    unchanged: int
    duplicates: int
    """Documents whose text another one has too."""
    skipped: tuple[Skipped, ...]
    guessed: tuple[Skipped, ...] = ()
    """Files read now whose encoding was guessed, with the guess; nothing of them is left out."""
    seconds: float
    encode_seconds: float
    """Of these, within the encoder."""


def build(
    root: Path, where: str | Path, settings: IndexSettings, report: Report, *, cached: bool = False
) -> Built:
    """Index a corpus, or bring its index up to date.

    Args:
        root: A folder of documents, or one file.
        where: The folder of the index, or the address of a Chroma server.
        settings: How. What is not set is as the index was made, or as usual for a new one.
        report: Is told how far it is.
        cached: Embed through the cache: of use where the same texts are embedded again elsewhere.

    Raises:
        DataError: There is nothing to index; an index that is there stays as it is.
        SettingError: The index was made in another way, or of another corpus.
        UserError: The place cannot be used, or the encoder is not here.
    """
    started = time.monotonic()
    found = list(files(root))
    if not any(isinstance(item, File) for item in found):
        raise _nothing(root, [item for item in found if isinstance(item, Skipped)])
    with store.writing(where) as client:
        index = _ready(client, root, where, settings)
        index.cached = cached
        work = Work(index, report)
        work.carry_out(found)
        if not work.seen:
            raise _nothing(root, work.skipped)
        work.finish()
        known = index.documents()
        return Built(
            documents=len(known),
            chunks=index.count(),
            added=work.added,
            changed=work.changed,
            deleted=work.deleted,
            unchanged=len(known) - work.added - work.changed,
            duplicates=len(known) - len({each.text_sha256 for each in known.values()}),
            skipped=tuple(work.skipped),
            guessed=tuple(work.guessed),
            seconds=time.monotonic() - started,
            encode_seconds=work.encode_seconds,
        )


class Stale(Frozen):
    """A document that nobody has changed for long."""

    document: str
    days: int
    """Since its file was last changed."""


def stale(where: str | Path, days: int, name: str = NAME) -> tuple[Stale, ...]:
    """The documents of an index whose files are older than so many days, oldest first.

    Raises:
        UserError: There is no index, or it cannot be read.
    """
    now = time.time()
    with open_index(where, name) as index:
        ages = [
            (int((now - each.modified) // 86400), key) for key, each in index.documents().items()
        ]
    old = sorted((-age, key) for age, key in ages if age > days)
    return tuple(Stale(document=key, days=-age) for age, key in old)


def _nothing(root: Path, skipped: Sequence[Skipped]) -> DataError:
    why = f": {skipped[0].path}: {skipped[0].reason}" if skipped else ""
    more = f", and {len(skipped) - 1:,} more" if len(skipped) > 1 else ""
    fix = "name a folder with .txt, .md, .html, .pdf, .csv or .jsonl files"
    return DataError(f"no document to index{why}{more}", where=str(root), fix=fix)


def _ready(client: "Client", root: Path, where: str | Path, settings: IndexSettings) -> Index:
    """The index to write to, made when there is none."""
    index = opened(client, where, settings.name)
    if index is None:
        return _new(client, root, where, settings)
    _require_same(index, root, settings)
    require_encoder(index)
    return index


def _new(client: "Client", root: Path, where: str | Path, settings: IndexSettings) -> Index:
    model = _encoder.open_encoder(settings.encoder)
    _require_room(settings, model.max_seq_length)
    told = {
        "format": FORMAT,
        "encoder": settings.encoder,
        "encoder_sha256": _models.fingerprint(settings.encoder),
        "tokens": settings.tokens,
        "overlap": settings.overlap,
        "root": str(root.resolve()),
        "revision": secrets.token_hex(8),
        "chromadb": version("chromadb"),
        "semantic_text_splitter": version("semantic-text-splitter"),
    }
    with store.told(where):
        # The chunks come last: an index whose making was cut short here is made again.
        for part, hnsw in (("documents", {"space": "l2"}), ("chunks", HNSW)):
            client.get_or_create_collection(
                f"{settings.name}-{part}",
                embedding_function=None,
                configuration={"hnsw": hnsw},  # pyright: ignore[reportArgumentType]
                metadata=told,
            )
        return Index(client, str(where), settings, model)


def _require_room(settings: IndexSettings, longest: int | None) -> None:
    """Refuse sizes that would cut chunks short when they are embedded, or repeat them whole."""
    if longest and settings.tokens > longest:
        what = f"{settings.tokens} tokens, and {settings.encoder} reads {longest} at most"
        raise SettingError(what, where="--chunk-tokens", fix=f"give at most {longest}")
    if settings.overlap >= settings.tokens // 2:
        what = f"{settings.overlap} of {settings.tokens} tokens"
        fix = f"give at most {settings.tokens // 2 - 1}"
        raise SettingError(what, where="--overlap", fix=fix)


def _require_same(index: Index, root: Path, settings: IndexSettings) -> None:
    place = str(root.resolve())
    if index.root != place:
        fix = "name another index: --index FOLDER (an index belongs to one corpus)"
        raise SettingError(f"holds {index.root}, not {place}", where=index.where, fix=fix)
    for key in settings.model_fields_set & {"encoder", "tokens", "overlap"}:
        old, new = getattr(index.settings, key), getattr(settings, key)
        if old != new:
            fix = f"leave it out to go on with {old}, or name another index: --index FOLDER"
            what = f"made with {key} {old}, not {new}"
            raise SettingError(what, where=index.where, fix=fix)
