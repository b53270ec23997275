"""Answers on disk: a question that was answered is not asked again, and what was spent is known.

One SQLite file holds the answers, keyed by the SHA-256 of model, address, messages and settings,
and the accounts: what each question cost, and what the questions under way may cost at most. Each
answer is written with its cost as it comes, so that a kill at any moment loses neither. Keys for a
service are nowhere in it.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rules.errors import UserError
from runners import _embedding_cache

_WAIT_SECONDS = 60
_KEYS_PER_QUERY = 500  # below SQLite's limit on bound variables
_TABLES = (
    "CREATE TABLE IF NOT EXISTS reply (question BLOB PRIMARY KEY, answer TEXT NOT NULL)"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS spent (account TEXT NOT NULL, question BLOB NOT NULL,"
    " dollars REAL NOT NULL, done INTEGER NOT NULL)",
    "CREATE INDEX IF NOT EXISTS spent_by ON spent (account)",
)


class Reply(NamedTuple):
    """What a model answered."""

    text: str
    prompt_tokens: int
    answer_tokens: int
    cut: bool = False
    """It had not ended when its tokens were used up."""
    refused: bool = False
    """The provider's filter, or the model itself as a matter of form, withheld it."""
    seconds: float = 0.0
    """It took to come, the attempt that brought it alone; 0 where that is not known."""


def key_of(question: dict[str, Any]) -> bytes:
    """What identifies a question: 32 bytes over everything that decides on its answer."""
    text = json.dumps(question, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def path() -> Path:
    """Where the answers are: beside the embeddings, for all runs."""
    return _embedding_cache.folder() / "replies.sqlite"


class Replies:
    """The answers that are there, and the accounts."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Reply]:
        """Those that were answered already."""
        found: dict[bytes, Reply] = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            part = keys[start : start + _KEYS_PER_QUERY]
            marks = ",".join("?" * len(part))
            lines = self.database.execute(
                f"SELECT question, answer FROM reply WHERE question IN ({marks})", part
            )
            found.update((key, Reply(*json.loads(text))) for key, text in lines)
        return found

    def put(self, key: bytes, reply: Reply) -> None:
        """Keep an answer; of two at once, the first stays."""
        self.database.execute(
            "INSERT OR IGNORE INTO reply VALUES (?, ?)",
            (key, json.dumps(reply, ensure_ascii=False)),
        )

    def spent(self, account: str) -> float:
        """Dollars, and with them what questions cost at most that a killed process left open."""
        (found,) = self.database.execute(
            "SELECT coalesce(sum(dollars), 0) FROM spent WHERE account = ?", (account,)
        ).fetchone()
        return float(found)

    def open(self, account: str, key: bytes, at_most: float) -> int:
        """Note a question before it is sent, with the most that it can cost; returns its place."""
        done = self.database.execute(
            "INSERT INTO spent VALUES (?, ?, ?, 0)", (account, key, at_most)
        )
        return int(done.lastrowid or 0)

    def close(self, place: int, dollars: float) -> None:
        """Note what it cost."""
        self.database.execute(
            "UPDATE spent SET dollars = ?, done = 1 WHERE rowid = ?", (dollars, place)
        )

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is written as a whole."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")


@contextlib.contextmanager
def opened() -> Iterator[Replies]:
    """The file of answers, made where there is none.

    Raises:
        UserError: It cannot be written, or is not a database.
    """
    where = path()
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        database = _connect(where)
    except (sqlite3.Error, OSError) as error:
        raise _told(error, where) from error
    with contextlib.closing(database):
        try:
            yield Replies(database)
        except sqlite3.Error as error:
            raise _told(error, where) from error


def _told(error: Exception, where: Path) -> UserError:
    fix = "name another place: export WHICHTUNE_CACHE=/path/with/space (or delete the file)"
    return UserError(f"kept answers: {error}", where=str(where), fix=fix)


def _connect(where: Path) -> sqlite3.Connection:
    database = sqlite3.connect(where, timeout=_WAIT_SECONDS, isolation_level=None)
    # An answer is in the file as soon as it is written, whoever is killed; the disk is not waited
    # for. Where a write-ahead log cannot be had (a network drive), the plain journal does.
    with contextlib.suppress(sqlite3.OperationalError):
        database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    for table in _TABLES:
        database.execute(table)
    return database
