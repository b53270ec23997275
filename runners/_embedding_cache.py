"""Embeddings on disk: each text is embedded once per encoder, ever.

One SQLite file per encoder, keyed by the SHA-256 of the text. Missing texts are embedded in blocks,
each inside one write transaction: a second process that wants the same texts waits for the block,
then finds it done. SQLite brings the locking, the crash safety and the atomic writes.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rules.errors import UserError

if TYPE_CHECKING:
    import numpy as np

Embed = Callable[[list[str]], "np.ndarray"]
BLOCK = 512
"""Texts per transaction: some seconds of work on two cores, so that others need not wait long."""
_WAIT_SECONDS = 600
_KEYS_PER_QUERY = 500  # below SQLite's limit on bound variables


def folder() -> Path:
    """``WHICHTUNE_CACHE``, else ``whichtune`` in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("WHICHTUNE_CACHE") or Path(home) / "whichtune")


def embeddings(
    fingerprint: str, texts: Sequence[str], embed: Embed, done: Callable[[int, int], None]
) -> "np.ndarray":
    """Embeddings of the texts, ``(n, d)`` float32, from the cache or from ``embed``.

    Args:
        fingerprint: Identifies the encoder.
        texts: Any texts, repeats allowed.
        embed: Called with the texts that are missing, longest first, never twice with the same.
        done: Told how many of the missing texts are embedded, after each block.

    Raises:
        UserError: The cache file cannot be written or is not a database.
    """
    import numpy as np

    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
    path = folder() / "embeddings" / f"{fingerprint}.sqlite"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect(path)) as database:
            _add_missing(database, dict(zip(keys, texts, strict=True)), embed, done)
            found = _read(database, keys)
    except (sqlite3.Error, OSError) as error:
        fix = "name another place: export WHICHTUNE_CACHE=/path/with/space (or delete the file)"
        raise UserError(f"embedding cache: {error}", where=str(path), fix=fix) from error
    if not keys:
        return np.zeros((0, 0), dtype=np.float32)
    return np.stack([np.frombuffer(found[key], dtype=np.float32) for key in keys])


def _connect(path: Path) -> sqlite3.Connection:
    # No write-ahead log: turning it on fails with "locked", whatever the timeout, when two
    # processes open a new file at once; and it needs shared memory, which network drives lack.
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    database.execute(
        "CREATE TABLE IF NOT EXISTS embedding (text BLOB PRIMARY KEY, vector BLOB NOT NULL)"
        " WITHOUT ROWID"
    )
    return database


def _add_missing(
    database: sqlite3.Connection,
    texts: dict[bytes, str],
    embed: Embed,
    done: Callable[[int, int], None],
) -> None:
    present = _read(database, list(texts))
    missing = [key for key in texts if key not in present]
    # Sorted by length over all blocks, since a batch costs what its longest text costs.
    missing.sort(key=lambda key: len(texts[key]), reverse=True)
    done(0, len(missing))
    for start in range(0, len(missing), BLOCK):
        block = missing[start : start + BLOCK]
        database.execute("BEGIN IMMEDIATE")
        try:
            others = _read(database, block)  # what another process added while we waited
            mine = [key for key in block if key not in others]
            vectors = embed([texts[key] for key in mine]) if mine else ()
            database.executemany(
                "INSERT INTO embedding VALUES (?, ?)",
                [(key, vector.tobytes()) for key, vector in zip(mine, vectors, strict=True)],
            )
            database.execute("COMMIT")
        except BaseException:
            if database.in_transaction:  # a full disk has rolled back already
                database.execute("ROLLBACK")
            raise
        done(min(start + BLOCK, len(missing)), len(missing))


def _read(database: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(keys), _KEYS_PER_QUERY):
        part = keys[start : start + _KEYS_PER_QUERY]
        marks = ",".join("?" * len(part))
        found.update(
            database.execute(f"SELECT text, vector FROM embedding WHERE text IN ({marks})", part)
        )
    return found
