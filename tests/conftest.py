"""What holds for every test: offline, a cache of their own, and the same examples in every run.

And a server of a model, over real sockets, that answers by a rule and fails on demand.
"""

import hashlib
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable  # noqa: TC003 - an annotation that runs
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import settings

# Before huggingface_hub is imported anywhere: it reads this once.
os.environ["HF_HUB_OFFLINE"] = "1"
# Before torch is: tiny models gain little from threads, and lose much where cores are shared.
os.environ["OMP_NUM_THREADS"] = "1"

settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.load_profile("steady")


def pytest_configure(config):
    """Third-party warnings nobody here can act on; every other warning is an error."""
    for line in (
        # torch 2.13 warns of its own torch.jit while it is being imported.
        "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning",
        # setfit's trainer asks for pinned memory and offers no way not to.
        "ignore:'pin_memory' argument is set as true but no accelerator:UserWarning",
        # peft 0.21 asks transformers 5.23 for a property by the name it had before.
        "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning",
        # peft looks for a layer of experts that transformers 5 has fused into another.
        "ignore:The following .*_pattern keys did not match:RuntimeWarning",
    ):
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """One embedding cache for all tests, and never the user's."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("WHICHTUNE_CACHE", str(folder))
        yield folder


RACES = ("tests/tui/", "test_worker.py", "test_queue.py", "test_cli_runs.py")
"""Tests of screens and of other processes: a machine that starves them can make them fail."""


def pytest_collection_modifyitems(items):
    """Such a test gets one more try, which the summary reports; a fault fails twice."""
    for item in items:
        if any(part in item.path.as_posix() for part in RACES):
            item.add_marker(pytest.mark.flaky(reruns=1))


class Server:
    """A server of one model, on a free port of this machine."""

    def __init__(self):
        self.requests = []
        self.fault: Callable[..., Any] = lambda body, attempt: None
        self.delay = 0.0
        self.structured = False
        self.attempts = Counter()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format, *args):  # noqa: A002 - their name for it
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.answer(self, body)

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                """A client that is killed breaks its pipe; that is what some tests are about."""

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, handler, body):
        known = hashlib.sha256(json.dumps(body["messages"]).encode()).hexdigest()
        self.attempts[known] += 1
        self.requests.append((body, handler.headers.get("Authorization")))
        if self.delay:
            time.sleep(self.delay)
        kind = self.fault(body, self.attempts[known])
        if kind == "half":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            handler.wfile.flush()
            handler.close_connection = True
            return
        status, told, headers = 200, None, {}
        if kind == "json":
            told = "{'no': json"
        elif isinstance(kind, tuple):
            status, told, headers = kind
        elif "response_format" in body and not self.structured:
            status, told = 400, {"error": {"message": "response_format is not supported"}}
        told = told or self.reply(body)
        data = (told if isinstance(told, str) else json.dumps(told)).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def reply(self, body):
        text = said(body["messages"])
        if "response_format" in body:
            text = json.dumps({"label": text})
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": text},
                }
            ],
            "usage": {"prompt_tokens": 50, "completion_tokens": 5, "total_tokens": 55},
        }


def said(messages):
    """The rule by which the server answers."""
    labels = re.findall(r"^- (\w+)", messages[0]["content"], re.MULTILINE)
    text = messages[-1]["content"]
    words = set(re.findall(r"\w+", text.lower()))
    if not labels:
        return text.upper()
    return max(labels, key=lambda label: (len(words & set(label.split("_"))), label))


@pytest.fixture
def server():
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()
