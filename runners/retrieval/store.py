"""Chroma, where an index lives: a folder of ours, or a server somebody started.

What goes wrong in there is told as something the user can put right; a folder is written by one
process at a time.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from rules.errors import RunError, UserError
from runners import _models, _quiet

if TYPE_CHECKING:
    from chromadb.api.client import Client

DATABASE = "chroma.sqlite3"
_LOCK = "indexing.lock"


def is_server(where: str | Path) -> bool:
    """Whether this is the address of a server, not a folder."""
    return str(where).startswith(("http://", "https://"))


def exists(where: str | Path) -> bool:
    """Whether there is an index in this folder; of a server it is known once it is asked."""
    return is_server(where) or (Path(where) / DATABASE).is_file()


@contextmanager
def writing(where: str | Path) -> Generator["Client"]:
    """A client that may write; a folder is locked until the block ends.

    Raises:
        RunError: Another process is writing to it.
        UserError: The folder or the server cannot be used.
    """
    if is_server(where):
        with connected(where) as client:
            yield client
        return
    from filelock import FileLock, Timeout

    folder = Path(where)
    if folder.exists() and not folder.is_dir():
        what = "a file, and an index is a folder"
        raise UserError(what, where=str(where), fix="name another place: --index FOLDER")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        fix = "wait until it is done, or name another folder: --index FOLDER"
        raise RunError("another process is indexing here", where=str(where), fix=fix) from error
    try:
        with connected(where) as client:
            yield client
    finally:
        lock.release()


@contextmanager
def connected(where: str | Path) -> Generator["Client"]:
    """A client of the folder or the server, which is closed when the block ends.

    Raises:
        UserError: The folder is no database, or no server answers.
    """
    client = connect(where)
    try:
        yield client
    finally:
        close(client)


def close(client: "Client") -> None:
    """Let go of the database, and of the connection to a server, which Chroma leaves open."""
    servers = [getattr(part, "_server", None) for part in _parts(client)]
    client.close()
    for server in servers:
        session = getattr(server, "_session", None)
        if session is not None:
            session.close()


def _parts(client: "Client") -> tuple[object, object]:
    return client, getattr(client, "_admin_client", None)


def connect(where: str | Path) -> "Client":
    """A client of the folder or the server; the caller closes it.

    Raises:
        UserError: The folder is no database, or no server answers.
    """
    _models.require("chromadb", approach="index")
    _quiet.settle()
    with told(where):
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        if not is_server(where):
            with _forgotten(str(where)):
                client = chromadb.PersistentClient(str(where), settings=settings)
        else:
            host, port, ssl = _address(str(where))
            client = chromadb.HttpClient(host=host, port=port, ssl=ssl, settings=settings)
        return cast("Client", client)  # its interface leaves close() out


@contextmanager
def _forgotten(folder: str) -> Generator[None]:
    """Let Chroma forget a folder that it could not open inside the block.

    It keeps what it has half opened, and would give that to the next one in this process who asks,
    though the folder may have been mended since.
    """
    from chromadb.api.shared_system_client import SharedSystemClient as Shared

    known = folder in Shared._identifier_to_system
    try:
        yield
    except BaseException:
        if not known:
            Shared._identifier_to_system.pop(folder, None)
            Shared._identifier_to_refcount.pop(folder, None)
        raise


def _address(url: str) -> tuple[str, int, bool]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        fix = "such as http://localhost:8000"
        raise UserError("this is no address of a server", where=url, fix=fix)
    ssl = url.startswith("https")
    return host, port or (443 if ssl else 8000), ssl


@contextmanager
def told(where: str | Path) -> Generator[None]:
    """What Chroma raises inside the block, as an error that says what to do.

    Raises:
        UserError: The database is broken, or the server cannot be reached or is another one.
    """
    import httpx
    from chromadb.errors import ChromaError

    broken = (ChromaError, httpx.HTTPError, ValueError, KeyError, OSError, RuntimeError)
    try:
        yield
    except broken as error:
        raise _told(where, error) from error
    except BaseException as error:
        # Chroma's core is Rust: what it did not foresee comes as a panic, which is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _told(where, error) from error


def _told(where: str | Path, error: BaseException) -> UserError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    if is_server(where):
        fix = f"start it: chroma run --path FOLDER --port {_address(str(where))[1]}"
        return UserError(f"the Chroma server does not answer: {reason}", where=str(where), fix=fix)
    if "disk" in reason and "full" in reason:
        fix = "free some space and run the same command again; it goes on where it was"
        return UserError(reason, where=str(where), fix=fix)
    fix = f"delete it (rm -r '{where}') and index again: whichtune index DIR --index '{where}'"
    return UserError(f"the index cannot be read: {reason}", where=str(where), fix=fix)


def metadata_of(collection: Any) -> dict[str, Any]:  # noqa: ANN401 - one of two classes of theirs
    """What a collection says of itself."""
    return dict(collection.metadata or {})
