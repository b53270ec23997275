"""The same tuning service in Together's protocol: its addresses, forms, states and events.

A file is asked for, put at an address that is handed out, and looked through; a job is priced
before it is made. What is sent is held against the types of its SDK, and what is said is made of
them.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from together.lib.types.fine_tuning import FinetuneRequest
from together.types import (
    FileResponse,
    FinetuneEvent,
    FinetuneModelLimits,
    FinetuneResponse,
    FineTuningEstimatePriceParams,
)

from tests.runners.tuning_server import RefusedError, TuningServer, checked, form

_STATES = {"validating_files": "pending", "succeeded": "completed", "failed": "error"}
_LIMITS = {
    "model_name": "base",
    "default_gradient_accumulation_steps": 1,
    "max_learning_rate": 1.0,
    "min_learning_rate": 1e-7,
    "max_num_checkpoints": 1,
    "max_num_epochs": 25,
    "max_num_evals": 10,
    "max_seq_length_dpo": 512,
    "max_seq_length_sft": 512,
    "min_max_seq_length": 32,
    "merge_output_lora": True,
    "supports_full_training": False,
    "supports_reasoning": False,
    "supports_tools": False,
    "supports_vision": False,
    "lora_training": {
        "default_rank": 8,
        "max_rank": 64,
        "max_batch_size": 64,
        "max_batch_size_dpo": 64,
        "min_batch_size": 1,
        "target_modules": ["all-linear"],
    },
}


class TogetherServer(TuningServer):
    """Files and jobs as Together has them."""

    def route(self, call, handler, query, body) -> Any:
        known = {
            "POST /files": lambda: self.announce(form(handler.headers["Content-Type"], body)),
            "GET /files": lambda: {"data": list(self.files.values())},
            "GET /fine-tunes/models/limits": lambda: said(FinetuneModelLimits, _LIMITS),
            "POST /fine-tunes/estimate-price": lambda: self.estimate(json.loads(body)),
            "POST /fine-tunes": lambda: self.take(json.loads(body)),
            "GET /fine-tunes": lambda: {"data": [self.told(name) for name in self.jobs]},
        }
        if call in known:
            return known[call]()
        if found := re.fullmatch(r"PUT /signed/([\w-]+)", call):
            return self.put(found[1], body)
        if found := re.fullmatch(r"POST /files/([\w-]+)/preprocess", call):
            return self.files[found[1]]
        found = re.fullmatch(r"(GET|POST) /fine-tunes/([\w-]+)(/events|/cancel)?", call)
        if found is None:
            return super().route(call, handler, query, body)
        _, name, what = found.groups()
        job = self.job(name)
        if what == "/events":
            return {"data": [event(item) for item in self.events[name]]}
        if what == "/cancel":
            job["status"] = "cancelled"
        return self.told(name)

    def announce(self, fields):
        """Hand out an address to put a file at; one that is here already is refused."""
        about = {name: str(part.get_content()).strip() for name, part in fields.items()}
        if set(about) != {"purpose", "file_name", "file_type", "checksum"}:
            raise RefusedError(400, f"unknown form: {sorted(about)}")
        name = f"file-{len(self.files) + 1:04d}"
        self.files[name] = {
            "id": name,
            "bytes": 0,
            "created_at": int(datetime.now(UTC).timestamp()),
            "filename": about["file_name"],
            "FileType": about["file_type"],
            "object": "file",
            "purpose": about["purpose"],
            "checksum": about["checksum"],
        }
        raise RefusedError(
            302, "put it there", Location=f"{self.url}/signed/{name}", X_Together_File_Id=name
        )

    def put(self, name, body):
        if hashlib.sha256(body).hexdigest() != self.files[name].pop("checksum"):
            raise RefusedError(400, "the file is not the one that was announced")
        self.keep(name, body)
        self.files[name] = said(FileResponse, self.files[name] | {"bytes": len(body)})
        return {}

    def estimate(self, asked):
        checked(FineTuningEstimatePriceParams, asked)
        return {"estimation_available": True, "allowed_to_proceed": True}

    def take(self, asked):
        """Make the job as the other protocol would."""
        request = FinetuneRequest.model_validate(asked)
        batch = {} if request.batch_size in (None, "max") else {"batch_size": request.batch_size}
        made = self.take_job(
            {
                "model": request.model,
                "training_file": request.training_file,
                "suffix": request.suffix,
                "seed": request.random_seed,
                "method": {
                    "type": "supervised",
                    "supervised": {"hyperparameters": {"n_epochs": request.n_epochs, **batch}},
                },
            }
        )
        made["suffix"] = request.suffix
        return self.told(made["id"])

    def told(self, name):
        job = self.jobs[name]
        return said(
            FinetuneResponse,
            {
                "id": name,
                "status": _STATES.get(job["status"], job["status"]),
                "user_id": "user-local",
                "model": job["model"],
                "model_output_name": job["fine_tuned_model"] or f"local/{job['suffix']}",
                "token_count": job["trained_tokens"],
                "training_file": job["training_file"],
            },
        )


def event(made):
    """An event in this protocol."""
    level = {"warn": "warning"}.get(made["level"], made["level"])
    about = made["data"] or {}
    kind = "epoch_complete" if about else "job_start"
    return said(
        FinetuneEvent,
        {
            "created_at": datetime.fromtimestamp(made["created_at"], UTC).isoformat(),
            "message": made["message"],
            "object": "fine-tune-event",
            "type": kind,
            "level": level,
            "step": about.get("step"),
            "total_steps": about.get("total_steps"),
        },
    )


def said(kind, fields) -> dict[str, Any]:
    """What the service says, as its SDK has it."""
    return kind.model_validate(fields).model_dump(mode="json", by_alias=True)
