"""An index on a server that was started from Chroma's own package, by the same commands."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("chromadb")

ROWS = [
    {"id": "1", "text": "A lost card is blocked by phone"},
    {"id": "2", "text": "Ann has lost her card", "user": "ann"},
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Its address, once it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "chroma"), "run", "--port", str(port)]
    where = tmp_path_factory.mktemp("server")
    with subprocess.Popen(
        [*command, "--path", str(where)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        for _ in range(600):
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.mark.slow
def test_a_server_is_indexed_searched_and_refreshed_by_the_same_commands(
    whichtune, server, tmp_path
):
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")
    code, out, _ = whichtune("index", path, "--chroma", server, "--json")
    assert code == 0
    assert json.loads(out)["built"]["added"] == 2

    def found(*more):
        code, out, _ = whichtune("search", "lost cards", "--chroma", server, "--json", *more)
        assert code == 0
        return [hit["document"] for hit in json.loads(out)["hits"]]

    assert found() == ["rows.jsonl#1"]
    assert set(found("--user", "ann")) == {"rows.jsonl#1", "rows.jsonl#2"}
    assert found("--mode", "sparse") == ["rows.jsonl#1"]
    path.write_text(json.dumps({"id": "3", "text": "Cards are not lost any more"}), "utf-8")
    assert whichtune("index", path, "--chroma", server)[0] == 0
    assert found() == found("--mode", "sparse") == ["rows.jsonl#3"]
