"""A job at a tuning service: made once, followed to its end, ended when the run is."""

import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import urlsplit

from rules.errors import MissingExtraError, RunError
from runners import _asking, _journal, _replies, _tuning, _tuning_openai, _tuning_together
from runners._endpoint import Endpoint
from runners._journal import Journal
from runners._tuning import Event, Job, Order, Service
from runners._upload import Upload
from runners.base import Plan, Progress, Report

if TYPE_CHECKING:
    from runners._asking import Client

Kind = Literal["openai", "together"]


class Knobs(NamedTuple):
    """What a job is made with."""

    kind: Kind
    epochs: int
    batch: int | None
    learning_rate_multiplier: float | None
    learning_rate: float | None
    price: float | None
    """Dollars for a million trained tokens."""
    poll_seconds: float


def host(endpoint: Endpoint) -> str:
    """Of the address, without its port."""
    return urlsplit(endpoint.base_url).hostname or ""


def kind(endpoint: Endpoint, given: Kind | None) -> Kind:
    """The protocol that is spoken there."""
    return given or ("together" if host(endpoint) in _tuning_together.HOSTS else "openai")


def tuned(plan: Plan, endpoint: Endpoint, upload: Upload, knobs: Knobs, report: Report) -> str:
    """Have a model tuned on the file; the name under which it is asked.

    Raises:
        RunError: The job failed or was ended, or would cost more than it may.
        SettingError: Key, model or address are wrong.
    """
    client = _asking.Client(endpoint, plan.base_model)
    with contextlib.closing(_service(knobs.kind, client)) as service:
        return Following(plan, client, service, knobs, report).model(upload)


def _service(which: Kind, client: "Client") -> Service:
    try:
        if which == "together":
            return _tuning_together.TogetherService(client)
        return _tuning_openai.OpenAIService(client)
    except ImportError as error:
        extra = "together" if which == "together" else "run"
        what = f"the service speaks through {error.name}, which is not installed"
        fix = f"pip install 'whichtune[{extra}]'"
        raise MissingExtraError(what, where="--setting service", fix=fix) from error


class Following:
    """One job, from its price to its end."""

    def __init__(
        self, plan: Plan, client: "Client", service: Service, knobs: Knobs, report: Report
    ) -> None:
        self.plan, self.client, self.service, self.knobs = plan, client, service, knobs
        self.report = report

    def model(self, upload: Upload) -> str:
        """The tuned model's name, when the job is over; see :func:`tuned`."""
        journal = self._submitted(self._begun(upload), upload)
        try:
            job = self._end_of(str(journal.job))
        except BaseException as ending:
            if not isinstance(ending, Exception):  # somebody ends the run
                self._cancel(journal)
            raise
        journal = self._settled(journal, job)
        if job.state == "succeeded" and job.model:
            self._say(_told(journal))
            return job.model
        what = f"job {job.id} {job.said}" + (f": {job.error}" if job.error else "")
        fix = f"look at the rows and the settings, then: whichtune run {self.plan.name}"
        raise RunError(what, where=self.client.endpoint.place, fix=fix)

    def _say(self, text: str, *, warning: bool = False) -> None:
        self.report(Progress(message=text, warning=warning))

    def _begun(self, upload: Upload) -> Journal:
        """The record of the job: as it was left, or a new one, with its price looked at."""
        known, place = _journal.read(self.plan), self.client.endpoint.place
        if known and (known.upload_sha256, known.place) != (upload.sha256, place):
            known = None  # other rows, or elsewhere
        if known and known.state not in ("failed", "cancelled"):
            self._say(f"going on with what was begun: {known.job or 'no job yet'}")
            return known
        training = upload.priced(self.knobs.epochs, self.knobs.price)
        journal = Journal(
            service=self.knobs.kind,
            place=place,
            base_model=self.plan.base_model,
            upload=upload.path.name,
            upload_sha256=upload.sha256,
            **training.model_dump(),
            token=secrets.token_hex(6),
            file=known.file if known else None,
        )
        self._say(f"{upload.path.name}: {training.told}")
        self._require_cheap(training.dollars_at_most or 0.0)
        return _journal.write(self.plan, journal)

    def _require_cheap(self, at_most: float) -> None:
        cap = self.client.endpoint.max_cost
        if cap is None:
            return
        with _replies.opened() as store:
            spent = store.spent(self.client.endpoint.account)
        if spent + at_most > cap:
            what = f"the job may cost ${at_most:,.4f} and would pass the cap of ${cap:g}: "
            what += f"${spent:,.4f} is spent, and nothing was sent"
            fix = "take fewer rows or --setting epochs=1, or make a run with a higher --max-cost"
            raise RunError(what, where="--max-cost", fix=fix)

    def _submitted(self, journal: Journal, upload: Upload) -> Journal:
        """The record, with a file and a job that are at the service; neither is made twice."""
        if journal.job:
            return journal
        service = self.service
        if not journal.file:
            path = upload.path
            file = _tuning.once(
                lambda: service.find_file(path), lambda: service.upload(path), self.client
            )
            journal = _journal.write(self.plan, journal, file=file)
            self._say(f"{journal.place} has the rows as {file}")
        if journal.ledger is None and journal.dollars_at_most:
            with _replies.opened() as store:
                account, key = self.client.endpoint.account, journal.token.encode()
                place = store.open(account, key, journal.dollars_at_most)
            journal = _journal.write(self.plan, journal, ledger=place)
        order = self._order(journal)
        job = _tuning.once(
            lambda: service.find_job(order), lambda: service.create(order), self.client
        )
        return _journal.write(
            self.plan,
            journal,
            job=job.id,
            state=job.state,
            said=job.said,
            submitted=_journal.now(),
        )

    def _order(self, journal: Journal) -> Order:
        return Order(
            model=self.client.model,
            file=str(journal.file),
            token=journal.token,
            epochs=journal.epochs,
            seed=self.plan.seed,
            batch=self.knobs.batch,
            learning_rate_multiplier=self.knobs.learning_rate_multiplier,
            learning_rate=self.knobs.learning_rate,
        )

    def _end_of(self, name: str) -> Job:
        """Follow the job to its end, and pass on what is told of it."""
        seen: set[str] = set()
        said = ""
        while True:
            job = _tuning.patiently(lambda: self.service.job(name), self.client)
            for event in _tuning.patiently(lambda: self.service.events(name), self.client):
                if event.id not in seen:
                    self.report(_news(event))
                seen.add(event.id)
            if job.said != said:
                said = job.said
                self._say(f"job {job.id} is {said}")
            if job.over:
                return job
            time.sleep(self.knobs.poll_seconds)

    def _settled(self, journal: Journal, job: Job) -> Journal:
        """The record of a job that is over, and the account with what it has cost."""
        dollars = None
        if self.knobs.price is not None and job.trained_tokens is not None:
            dollars = self.knobs.price * job.trained_tokens / 1e6
        if journal.ledger is not None:
            with _replies.opened() as store:
                at_most = journal.dollars_at_most or 0.0
                store.close(journal.ledger, at_most if dollars is None else dollars)
        return _journal.write(
            self.plan,
            journal,
            state=job.state,
            said=job.said,
            model=job.model,
            trained_tokens=job.trained_tokens,
            dollars=dollars,
            error=job.error,
            ended=_journal.now(),
        )

    def _cancel(self, journal: Journal) -> None:
        """End the job in the little time there is; where that fails, say who can."""
        name = str(journal.job)
        try:
            self.service.cancel(name)
            said = self.service.job(name).said
        except Exception:  # noqa: BLE001 - the run ends, whatever comes
            text = f"job {name} may go on at {journal.place}, and cost: end it there"
            self._say(text, warning=True)
            return
        _journal.write(self.plan, journal, state="cancelled", said=said, ended=_journal.now())
        self._say(f"job {name} was told to end: {said}", warning=True)


def _news(event: Event) -> Progress:
    return Progress(  # of steps one line that changes, as of training here
        message="training" if event.values else event.message,
        step=event.step,
        steps=event.steps,
        values=event.values,
        warning=event.warning,
    )


def _told(journal: Journal) -> str:
    count = journal.trained_tokens
    trained = "an unknown number of" if count is None else f"{count:,}"
    cost = "" if journal.dollars is None else f", ${journal.dollars:,.4f}"
    return f"{journal.model}: {trained} tokens trained{cost}"
