"""A provider's tuning service: what is asked of it, and how patiently.

A file and a job cost money and cannot be taken back, so neither is made twice: where the answer to
such a call is lost, the service is looked through before it is called again.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeVar

from runners import _ask_errors, _asking
from runners._ask_errors import FormError, WaitError
from runners.base import Frozen

if TYPE_CHECKING:
    from runners._asking import Client

T = TypeVar("T")
State = Literal["waiting", "running", "succeeded", "failed", "cancelled"]


class Job(Frozen):
    """How far a provider is with a job."""

    id: str
    state: State
    said: str
    """The same in the provider's own word."""
    model: str | None = None
    """The tuned model, once there is one."""
    trained_tokens: int | None = None
    error: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self.state in ("succeeded", "failed", "cancelled")


class Event(NamedTuple):
    """Something that a provider tells of a job."""

    id: str
    message: str
    step: int = 0
    steps: int | None = None
    values: dict[str, float] = {}
    warning: bool = False


class Order(NamedTuple):
    """What is to be trained."""

    model: str
    file: str
    """The provider's name of the uploaded rows."""
    token: str
    """Ours alone: by it the job is found again when the answer was lost."""
    epochs: int
    seed: int
    batch: int | None = None
    learning_rate_multiplier: float | None = None
    learning_rate: float | None = None


class Service(Protocol):
    """The calls; each may fail in any of the ways of its SDK."""

    def upload(self, path: Path) -> str:
        """Send the file; the provider's name of it."""
        ...

    def find_file(self, path: Path) -> str | None:
        """The same file, if it was sent before."""
        ...

    def create(self, order: Order) -> Job:
        """Begin the job."""
        ...

    def find_job(self, order: Order) -> Job | None:
        """The same job, if it was begun before."""
        ...

    def job(self, job: str) -> Job:
        """How far it is."""
        ...

    def events(self, job: str) -> list[Event]:
        """What was told of it lately, the oldest first."""
        ...

    def cancel(self, job: str) -> None:
        """End it."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


def patiently(call: Callable[[], T], client: "Client") -> T:
    """What a call says, however often a busy server has to be asked.

    Raises:
        UserError: Trying again would not help, or did not.
    """
    return once(lambda: None, call, client)


def once(find: Callable[[], T | None], make: Callable[[], T], client: "Client") -> T:
    """Make what must not be made twice: before another attempt it is looked for.

    Raises:
        UserError: Trying again would not help, or did not.
    """
    tries = 0
    while True:
        try:
            found = find()
            return make() if found is None else found
        except Exception as error:  # noqa: BLE001 - whatever an SDK raises is sorted by its meaning
            what = _ask_errors.meaning(error, client)
        tries += 1
        if not isinstance(what, WaitError):
            raise (what.told if isinstance(what, FormError) else what) from None
        if tries >= _asking.TRIES:
            raise what.told from None
        time.sleep(what.with_jitter(tries))
