"""Tuning by OpenAI's protocol: files and ``fine_tuning.jobs``, which others speak too."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runners import _endpoint
from runners._tuning import Event, Job, Order, State

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

    from runners._asking import Client

_OURS = "whichtune"
"""The key of a job's metadata under which it is found again."""
_STATES: dict[str, State] = {
    "validating_files": "waiting",
    "queued": "waiting",
    "paused": "waiting",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
_LATELY = 100


class OpenAIService:
    """A service that speaks OpenAI's protocol."""

    def __init__(self, client: "Client") -> None:
        """Open a connection, without the SDK's own retries and without following anybody.

        Raises:
            SettingError: There is no key.
        """
        from openai import DefaultHttpxClient, OpenAI

        endpoint = client.endpoint
        client.secret = _endpoint.key(endpoint)
        here = _endpoint.is_here(endpoint.base_url)
        self.sdk = OpenAI(
            api_key=client.secret,
            base_url=endpoint.base_url,
            timeout=endpoint.timeout_seconds,
            max_retries=0,
            http_client=DefaultHttpxClient(follow_redirects=False, trust_env=not here),
        )

    def upload(self, path: Path) -> str:
        """Send the file as one to tune on."""
        return self.sdk.files.create(file=path, purpose="fine-tune").id

    def find_file(self, path: Path) -> str | None:
        """By its name, which holds its hash, and its length."""
        size = path.stat().st_size
        for file in self.sdk.files.list(purpose="fine-tune"):
            if (file.filename, file.bytes) == (path.name, size) and file.status != "error":
                return file.id
        return None

    def create(self, order: Order) -> Job:
        """Begin a supervised job."""
        knobs: dict[str, Any] = {"n_epochs": order.epochs}
        if order.batch is not None:
            knobs["batch_size"] = order.batch
        if order.learning_rate_multiplier is not None:
            knobs["learning_rate_multiplier"] = order.learning_rate_multiplier
        made = self.sdk.fine_tuning.jobs.create(
            model=order.model,
            training_file=order.file,
            seed=order.seed,
            suffix=f"{_OURS}-{order.token}",
            metadata={_OURS: order.token},
            method={"type": "supervised", "supervised": {"hyperparameters": cast("Any", knobs)}},
        )
        return _job(made)

    def find_job(self, order: Order) -> Job | None:
        """By the token in its metadata."""
        for job in self.sdk.fine_tuning.jobs.list():
            if (job.metadata or {}).get(_OURS) == order.token:
                return _job(job)
        return None

    def job(self, job: str) -> Job:
        """How far it is."""
        return _job(self.sdk.fine_tuning.jobs.retrieve(job))

    def events(self, job: str) -> list[Event]:
        """The latest, the oldest of them first."""
        page = self.sdk.fine_tuning.jobs.list_events(job, limit=_LATELY)
        return [_event(event) for event in reversed(page.data)]

    def cancel(self, job: str) -> None:
        """End it; the provider bills what was trained until then."""
        self.sdk.fine_tuning.jobs.cancel(job)

    def close(self) -> None:
        """Close the connection."""
        self.sdk.close()


def _job(said: "FineTuningJob") -> Job:
    """A job; the SDK builds its objects from anything, so nothing of them is certain."""
    if not isinstance(said.id, str) or not isinstance(said.status, str):
        raise TypeError("not a job")
    error = said.error
    return Job(
        id=said.id,
        state=_STATES.get(said.status, "waiting"),
        said=said.status,
        model=said.fine_tuned_model,
        trained_tokens=said.trained_tokens,
        error=str(getattr(error, "message", "") or "") if error else "",
    )


def _event(said: "FineTuningJobEvent") -> Event:
    data = cast("dict[str, Any]", said.data) if isinstance(said.data, dict) else {}
    numbers = {k: float(v) for k, v in data.items() if isinstance(v, int | float)}
    step, steps = numbers.pop("step", 0.0), numbers.pop("total_steps", None)
    if "train_loss" in numbers:
        numbers["loss"] = numbers.pop("train_loss")
    return Event(
        id=said.id,
        message=said.message,
        step=int(step),
        steps=None if steps is None else int(steps),
        values=numbers,
        warning=said.level in ("warn", "error"),
    )
