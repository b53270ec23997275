"""A tuning service on this machine that speaks OpenAI's protocol, and really trains.

Files and jobs as published; requests are held against the types of the SDK, and anything they do
not know is refused. A job is our own LoRA runner on the rows that were sent. What it made is asked
by chat completions, as is the untouched model. Faults come on demand.
"""

import email
import email.policy
import json
import re
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable  # noqa: TC003 - an annotation that runs
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from openai.types.chat import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent, SupervisedHyperparameters
from openai.types.fine_tuning.job_create_params import JobCreateParams
from pydantic import TypeAdapter, ValidationError

from runners import _generation
from runners.base import DataFile, Plan, Progress, Row, find

KEY = "sk-tuning-local-5f2c"


class RefusedError(Exception):
    """A request that the service does not take."""

    def __init__(
        self, status: int, message: str, code: str = "invalid_request_error", **headers: str
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class TuningServer:
    """Files, jobs and chat completions over a folder."""

    def __init__(self, base_model: str, folder: Path, port: int = 0, **settings: Any) -> None:
        """``settings``: of the LoRA runner, beside what a job asks for."""
        self.base_model, self.folder, self.settings = base_model, folder, settings
        self.files: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.models: dict[str, Path | None] = {"base": None}
        self.opened: dict[str, Any] = {}
        self.calls: list[str] = []
        self.attempts: Counter[str] = Counter()
        self.fault: Callable[[str, int], Any] = lambda call, attempt: None
        self.before_training: Callable[[], None] = lambda: None
        self.lock = threading.RLock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server.answer(self, "GET")

            def do_POST(self):
                server.answer(self, "POST")

            def do_PUT(self):
                server.answer(self, "PUT")

            def log_message(self, format, *args):  # noqa: A002 - as it is overridden
                del format, args

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def answer(self, handler, method):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path = urlsplit(handler.path)
        call = f"{method} {path.path.removeprefix('/v1')}"
        self.calls.append(call)
        self.attempts[call] += 1
        kind = self.fault(call, self.attempts[call])
        lost = kind == "lost"  # done, and never answered
        if kind == "half" or lost:
            if lost:
                self.reply(handler, call, path, body)
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            handler.wfile.flush()
            handler.close_connection = True
            return
        if kind == "slow":
            time.sleep(1.5)
        headers: dict[str, str] = {}
        if isinstance(kind, tuple):
            status, told = kind
        elif kind == "json":
            status, told = 200, "{'no': json"
        else:
            status, told, headers = self.reply(handler, call, path, body)
        data = (told if isinstance(told, str) else json.dumps(told)).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def reply(self, handler, call, path, body) -> tuple[int, Any, dict[str, str]]:
        try:
            if not call.startswith("PUT /signed/"):  # who has the signed address needs no key
                check_key(handler.headers.get("Authorization", ""))
            return 200, self.route(call, handler, parse_qs(path.query), body), {}
        except RefusedError as error:
            told = {"message": error.message, "code": error.code, "type": "invalid_request_error"}
            return error.status, {"error": told}, error.headers
        except Exception:  # noqa: BLE001 - a server says 500
            return 500, {"error": {"message": traceback.format_exc(limit=1)}}, {}

    def route(self, call, handler, query, body) -> Any:
        known = {
            "POST /files": lambda: self.take_file(handler.headers["Content-Type"], body),
            "GET /files": lambda: listed(list(self.files.values()), query),
            "POST /fine_tuning/jobs": lambda: self.take_job(json.loads(body)),
            "GET /fine_tuning/jobs": lambda: listed(list(self.jobs.values())[::-1], query),
            "POST /chat/completions": lambda: self.complete(json.loads(body)),
        }
        if call in known:
            return known[call]()
        found = re.fullmatch(r"(GET|POST) /fine_tuning/jobs/([\w-]+)(/events|/cancel)?", call)
        if found is None:
            raise RefusedError(404, f"no such address: {call}")
        _, name, what = found.groups()
        job = self.job(name)
        if what == "/events":
            return listed(self.events[name][::-1], query)
        if what == "/cancel":
            job["status"] = "cancelled"
        return job

    def job(self, name) -> dict[str, Any]:
        if name not in self.jobs:
            raise RefusedError(404, f"no job {name}")
        return self.jobs[name]

    def take_file(self, content_type, body) -> dict[str, Any]:
        fields = form(content_type, body)
        if set(fields) != {"file", "purpose"}:
            raise RefusedError(400, f"a file and a purpose are wanted, not {sorted(fields)}")
        if fields["purpose"].get_content().strip() != "fine-tune":
            raise RefusedError(400, "only files to tune on are taken")
        name = f"file-{len(self.files) + 1:04d}"
        data = fields["file"].get_payload(decode=True)
        self.keep(name, data)
        self.files[name] = {
            "id": name,
            "object": "file",
            "bytes": len(data),
            "created_at": int(time.time()),
            "filename": fields["file"].get_filename(),
            "purpose": "fine-tune",
            "status": "processed",
        }
        return self.files[name]

    def keep(self, name, data):
        for number, line in enumerate(data.decode("utf-8").splitlines(), 1):
            check_line(number, line)
        path = self.folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def take_job(self, said) -> dict[str, Any]:
        checked(JobCreateParams, said)
        if said["training_file"] not in self.files:
            raise RefusedError(400, f"no file {said['training_file']}")
        if said["model"] not in self.models:
            raise RefusedError(
                404, f"The model {said['model']!r} does not exist", "model_not_found"
            )
        knobs = said.get("method", {}).get("supervised", {}).get("hyperparameters", {})
        with self.lock:
            name = f"ftjob-{len(self.jobs) + 1:04d}"
            self.jobs[name] = FineTuningJob.model_validate(
                {
                    "id": name,
                    "object": "fine_tuning.job",
                    "created_at": int(time.time()),
                    "model": said["model"],
                    "training_file": said["training_file"],
                    "seed": said.get("seed") or 0,
                    "status": "validating_files",
                    "organization_id": "org-local",
                    "result_files": [],
                    "metadata": said.get("metadata"),
                    "hyperparameters": SupervisedHyperparameters(**knobs).model_dump(),
                }
            ).model_dump(mode="json")
            self.events[name] = []
        threading.Thread(target=self.train, args=(name, said, knobs), daemon=True).start()
        return self.jobs[name]

    def tell(self, name, message, level="info", **data):
        event = {
            "id": f"ftevent-{name}-{len(self.events[name])}",
            "object": "fine_tuning.job.event",
            "created_at": int(time.time()),
            "level": level,
            "message": message,
            "type": "metrics" if data else "message",
            "data": data or None,
        }
        self.events[name].append(FineTuningJobEvent.model_validate(event).model_dump(mode="json"))

    def train(self, name, said, knobs):
        job = self.jobs[name]
        job["status"] = "running"
        self.tell(name, "Fine-tuning job started")
        try:
            self.before_training()
            rows = self.rows(said["training_file"])
            plan = self.plan(name, said, knobs, len(rows))
            tokens = 0

            def report(progress: Progress) -> None:
                nonlocal tokens
                stop_if_cancelled(job)
                if "loss" in progress.values:
                    steps = {"step": progress.step, "total_steps": progress.steps}
                    loss = progress.values["loss"]
                    self.tell(name, f"Step {progress.step}", train_loss=loss, **steps)
                head, found, _ = progress.message.partition(" tokens, ")
                if found:
                    tokens = int(head.replace(",", ""))

            find("lora").fit(plan, rows, report)
            model = f"ft:{said['model']}:local:{said.get('suffix') or 'tuned'}:{name}"
            self.models[model] = plan.artifact
            epochs = plan.settings.get("epochs", 1)
            job |= {"fine_tuned_model": model, "trained_tokens": tokens * epochs}
            job |= {"status": "succeeded", "finished_at": int(time.time())}
            self.tell(name, "The job has successfully completed")
        except InterruptedError:
            self.tell(name, "Fine-tuning job was cancelled", "warn")
        except Exception as error:  # noqa: BLE001 - a job fails, the server stays
            job |= {"status": "failed"}
            job["error"] = {"code": "failed", "message": str(error), "param": None}
            self.tell(name, "The job failed", "error")

    def rows(self, file) -> list[Row]:
        lines = (self.folder / "files" / file).read_text("utf-8").splitlines()
        return [
            Row(id=str(number), messages=tuple(json.loads(line)["messages"]))
            for number, line in enumerate(lines)
        ]

    def plan(self, name, said, knobs, count) -> Plan:
        folder = self.folder / "jobs" / name
        (folder / "artifact").mkdir(parents=True)
        asked = {"epochs": knobs["n_epochs"]} if "n_epochs" in knobs else {}
        asked |= {"batch": knobs["batch_size"]} if "batch_size" in knobs else {}
        none = DataFile(path=folder / "none", sha256="", rows=count)
        return Plan(
            approach="lora",
            task="instruction_following",
            base_model=self.base_model,
            train=none,
            evaluation=none,
            folder=folder,
            seed=said.get("seed") or 0,
            settings={**self.settings, **asked},
        )

    def complete(self, said) -> dict[str, Any]:
        checked(CompletionCreateParamsNonStreaming, said)
        if said["model"] not in self.models:
            raise RefusedError(
                404, f"The model {said['model']!r} does not exist", "model_not_found"
            )
        if "response_format" in said:
            raise RefusedError(400, "response_format is not supported")
        with self.lock:
            writer = self.writer(said["model"])
            writer.max_new_tokens = min(said.get("max_tokens") or 64, 64)
            (answer,) = writer.predict([Row(id="1", messages=tuple(said["messages"]))])
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": said["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "length" if answer.cut else "stop",
                    "message": {"role": "assistant", "content": answer.prediction},
                }
            ],
            "usage": {
                "prompt_tokens": (answer.tokens or 0) - (answer.written_tokens or 0),
                "completion_tokens": answer.written_tokens or 0,
                "total_tokens": answer.tokens or 0,
            },
        }

    def writer(self, model) -> Any:
        if model not in self.opened:
            artifact = self.models[model]
            if artifact:
                self.opened[model] = find("lora").load(artifact)
            else:
                folder = self.folder / "base"
                plan = self.plan("base", {}, {}, 1) if not folder.exists() else None
                assert plan is not None
                _generation.prepare(plan, [Row(id="1", input="a", target="b" * 32)])
                self.opened[model] = _generation.load(plan.artifact)
        return self.opened[model]


def form(content_type, body) -> dict[str, Any]:
    """The parts of a form by their names."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    return {
        str(part.get_param("name", header="content-disposition")): part
        for part in parts.iter_parts()
    }


def check_key(authorization):
    if authorization != f"Bearer {KEY}":
        key = authorization.removeprefix("Bearer ")
        raise RefusedError(401, f"Incorrect API key provided: {key}", "invalid_api_key")


def stop_if_cancelled(job):
    if job["status"] == "cancelled":
        raise InterruptedError


def check_line(number, line):
    """As strictly as the service: a chat that ends with the assistant, and nothing beside it."""
    said = json.loads(line)
    if set(said) != {"messages"} or not said["messages"]:
        raise RefusedError(400, f"line {number}: one key, messages, is wanted")
    for turn in said["messages"]:
        checked(ChatCompletionMessageParam, turn)
        if not set(turn) <= {"role", "content", "name", "weight"} or not turn["content"]:
            raise RefusedError(400, f"line {number}: a turn has a role and a content")
    if said["messages"][-1]["role"] != "assistant":
        raise RefusedError(400, f"line {number}: the last turn is to be the assistant's")


def checked(kind, said):
    strange = set(said) - set(getattr(kind, "__annotations__", said))
    if strange:
        raise RefusedError(400, f"unknown: {sorted(strange)}")
    try:
        TypeAdapter(kind).validate_python(said)
    except ValidationError as error:
        raise RefusedError(400, str(error)) from error


def listed(items, query) -> dict[str, Any]:
    """A page, as long as asked for, after the item that was named."""
    limit = int(query.get("limit", ["20"])[0])
    after = query.get("after", [None])[0]
    start = next((n + 1 for n, item in enumerate(items) if item["id"] == after), 0)
    page = items[start : start + limit]
    return {"object": "list", "data": page, "has_more": start + limit < len(items)}
