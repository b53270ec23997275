"""Tuning at Together AI through its own SDK, an extra: ``pip install 'whichtune[together]'``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from runners import _endpoint
from runners._tuning import Event, Job, Order, State

if TYPE_CHECKING:
    from runners._asking import Client

HOSTS = ("api.together.ai", "api.together.xyz")
_STATES: dict[str, State] = {
    "pending": "waiting",
    "queued": "waiting",
    "running": "running",
    "compressing": "running",
    "uploading": "running",
    "cancel_requested": "running",
    "cancelled": "cancelled",
    "error": "failed",
    "user_error": "failed",
    "completed": "succeeded",
}


class TogetherService:
    """Together's own protocol."""

    def __init__(self, client: "Client") -> None:
        """Open a connection.

        Raises:
            SettingError: There is no key.
        """
        from together import Together

        endpoint = client.endpoint
        client.secret = _endpoint.key(endpoint)
        parts = urlsplit(endpoint.base_url)
        self.sdk: Any = Together(
            api_key=client.secret,
            base_url=f"{parts.scheme}://{parts.netloc}",  # its paths begin with /v1 themselves
            timeout=endpoint.timeout_seconds,
            max_retries=0,
        )

    def upload(self, path: Path) -> str:
        """Send the file as one to tune on; the SDK looks through it once more before."""
        return self.sdk.files.upload(path, purpose="fine-tune").id

    def find_file(self, path: Path) -> str | None:
        """By its name, which holds its hash, and its length."""
        size = path.stat().st_size
        for file in self.sdk.files.list().data:
            if (file.filename, file.bytes) == (path.name, size):
                return file.id
        return None

    def create(self, order: Order) -> Job:
        """Begin a supervised job with LoRA, which is what the service does unless told."""
        more: dict[str, Any] = {"batch_size": order.batch} if order.batch is not None else {}
        if order.learning_rate is not None:
            more["learning_rate"] = order.learning_rate
        made = self.sdk.fine_tuning.create(
            model=order.model,
            training_file=order.file,
            n_epochs=order.epochs,
            random_seed=order.seed,
            suffix=_suffix(order),
            lora=True,
            **more,
        )
        return _job(made)

    def find_job(self, order: Order) -> Job | None:
        """By the token in its suffix, and so in the name of the model that comes of it."""
        for job in self.sdk.fine_tuning.list().data:
            if _suffix(order) in f"{getattr(job, 'suffix', '')} {_model(job)}":
                return _job(job)
        return None

    def job(self, job: str) -> Job:
        """How far it is."""
        return _job(self.sdk.fine_tuning.retrieve(job))

    def events(self, job: str) -> list[Event]:
        """All that was told of it, the oldest first."""
        told = self.sdk.fine_tuning.list_events(job).data
        return [
            Event(
                id=f"{event.created_at} {event.type} {event.step}",
                message=event.message,
                step=event.step or 0,
                steps=event.total_steps,
                warning="warning" in str(event.level) or "error" in str(event.level),
            )
            for event in sorted(told, key=lambda event: event.created_at)
        ]

    def cancel(self, job: str) -> None:
        """End it."""
        self.sdk.fine_tuning.cancel(job)

    def close(self) -> None:
        """Close the connection."""
        self.sdk.close()


def _suffix(order: Order) -> str:
    return f"wt-{order.token}"


def _model(said: Any) -> str | None:  # noqa: ANN401 - an object of the SDK
    return getattr(said, "x_model_output_name", None) or getattr(said, "output_name", None)


def _job(said: Any) -> Job:  # noqa: ANN401 - an object of the SDK
    if not isinstance(said.id, str):
        raise TypeError("not a job")
    word = str(getattr(said.status, "value", said.status))
    state = _STATES.get(word, "waiting")
    return Job(
        id=said.id,
        state=state,
        said=word,
        model=_model(said) if state == "succeeded" else None,
        trained_tokens=getattr(said, "token_count", None),
    )
