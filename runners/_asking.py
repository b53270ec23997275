"""Questions to a model behind an address: many at once, each until it is answered, none twice.

The SDK of OpenAI carries them, since nearly every server speaks its protocol. Answers are kept as
they come (``_replies``), so that whoever stops and starts again goes on at the first question
without one. Before each question the account is looked at: what is spent, what the questions under
way may cost, and what this one may cost together never pass the cap.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rules.errors import RunError, UserError
from runners import _answer_format, _ask_errors, _endpoint, _money, _replies, _stays_here
from runners._account import Account
from runners._ask_errors import FormError, LostError, WaitError
from runners._endpoint import Endpoint
from runners._replies import Replies, Reply

if TYPE_CHECKING:
    from openai import AsyncOpenAI

TRIES = 10
"""For one question: where a fifth of all calls fail, one in ten million questions is given up."""
_TRIES_UNKNOWN = 3
"""While the server has never answered: its address is more likely wrong than its day bad."""
_CHOICES = 500
"""More than these no provider takes as a fixed list."""
_COUNTED = Reply("", 0, 0, refused=True)
"""Stands for an answer that nobody asked for; of one withheld nothing more is asked."""
Tell = Callable[[int, int], None]
meter: Counter[str] = Counter()
"""What this process has asked: calls, retries, cached, prompt_tokens, answer_tokens."""


class Question(NamedTuple):
    """What is asked, and how long the answer may be."""

    messages: tuple[dict[str, str], ...]
    max_tokens: int
    choices: tuple[str, ...] = ()
    """The answer is to be one of these; servers that offer structured output are held to it."""


class _Watch:
    """Who is told how far the questions are, whether they are only counted, and what they took."""

    tell: Tell | None = None
    waits: list[float] | None = None
    counted: "list[tuple[Client, Question]] | None" = None


@contextlib.contextmanager
def told(tell: Tell) -> Iterator[None]:
    """Say how many of how many questions are answered, while they are asked inside."""
    before, _Watch.tell = _Watch.tell, tell
    try:
        yield
    finally:
        _Watch.tell = before


@contextlib.contextmanager
def counting() -> "Iterator[list[tuple[Client, Question]]]":
    """Ask nothing inside: collect what would be asked, less what is kept."""
    _Watch.counted = []
    try:
        yield _Watch.counted
    finally:
        _Watch.counted = None


@contextlib.contextmanager
def read_again() -> "Iterator[list[float]]":
    """Inside, kept answers that are read are not counted, and the seconds each took are listed."""
    before, _Watch.waits = meter["cached"], []
    try:
        yield _Watch.waits
    finally:
        meter["cached"], _Watch.waits = before, None


def is_counting() -> bool:
    """Whether questions are counted now, and nobody is asked."""
    return _Watch.counted is not None


class Client:
    """One model at one address."""

    def __init__(self, endpoint: Endpoint, base_model: str) -> None:
        """Nothing is sent, and no key is needed, before a question has no answer yet.

        Raises:
            SettingError: The data must stay here, and the address is elsewhere.
        """
        _endpoint.require_private(endpoint)
        self.endpoint, self.model = endpoint, _endpoint.name_of(base_model)
        self.secret = ""
        self.limit, self.structured, self.temperature = "max_tokens", True, True

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """The answer to each, in their order; the same question is asked once.

        Raises:
            SettingError: No key, a wrong one, or a model or an address that is not there.
            RunError: The cap was reached, or the server does not answer; what was answered is kept.
        """
        keys = [self.key(question) for question in questions]
        with _replies.opened() as store:
            known = store.get(list(dict.fromkeys(keys)))
            meter["cached"] += sum(key in known for key in keys)
            if _Watch.waits is not None:
                _Watch.waits += [known[key].seconds for key in keys if key in known]
            missing = {k: q for k, q in zip(keys, questions, strict=True) if k not in known}
            if _Watch.counted is not None:
                _Watch.counted += [(self, question) for question in missing.values()]
                return [known.get(key, _COUNTED) for key in keys]
            if missing:
                door = _stays_here.closed if self.endpoint.stays_here else contextlib.nullcontext
                with door():
                    known |= asyncio.run(_Asking(self, store, missing).all())
        return [known[key] for key in keys]

    def key(self, question: Question) -> bytes:
        """What identifies the question at this server; no key for the service is in it."""
        return _replies.key_of(
            {
                "model": self.model,
                "place": self.endpoint.place,
                "temperature": 0,
                **question._asdict(),
            }
        )

    def body(self, question: Question) -> dict[str, Any]:
        """What is sent, in the form that this server takes."""
        said: dict[str, Any] = {
            "model": self.model,
            "messages": list(question.messages),
            self.limit: question.max_tokens,
        }
        if self.temperature:
            said["temperature"] = 0
        if self.structured and 0 < len(question.choices) <= _CHOICES:
            said["response_format"] = _answer_format.one_of(question.choices)
        return said

    def adapt(self, said: dict[str, Any], why: str) -> bool:
        """Whether the question is worth another form, after the server refused this one."""
        if "response_format" in said and ("response_format" in why or "schema" in why):
            self.structured = False
        elif "max_tokens" in said and "max_completion_tokens" in why:
            self.limit = "max_completion_tokens"
        elif "temperature" in said and "temperature" in why:
            self.temperature = False
        else:
            return False
        return True

    def open(self) -> "AsyncOpenAI":
        """A connection of the SDK.

        Its own retries are off: it does not try again after an answer that is torn, and does with
        an account that is empty. It follows nobody elsewhere, and asks no proxy for a server on
        this machine.
        """
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        self.secret = _endpoint.key(self.endpoint)
        here = _endpoint.is_here(self.endpoint.base_url)
        return AsyncOpenAI(
            api_key=self.secret,
            base_url=self.endpoint.base_url,
            timeout=self.endpoint.timeout_seconds,
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(follow_redirects=False, trust_env=not here),
        )


class _Asking:
    """The questions that have no answer yet, on their way."""

    def __init__(self, client: Client, store: Replies, missing: dict[bytes, Question]) -> None:
        self.client, self.endpoint, self.store = client, client.endpoint, store
        self.todo, self.count = iter(missing.items()), len(missing)
        self.found: dict[bytes, Reply] = {}
        self.account = Account(store, self.endpoint, self._cap)
        self.stopped: UserError | None = None
        self.not_before = 0.0

    async def all(self) -> dict[bytes, Reply]:
        """All answers; after an error nothing new is asked, and what is under way is kept."""
        async with self.client.open() as sdk:
            workers = min(self.endpoint.concurrency, self.count)
            try:
                await asyncio.gather(*(self._work(sdk) for _ in range(workers)))
            finally:
                self.account.write()
        if self.stopped:
            raise self._with_rest(self.stopped)
        return self.found

    def _with_rest(self, error: UserError) -> UserError:
        done = f"{len(self.found):,} of {self.count:,} questions were answered and are kept"
        fix = f"{error.fix}; then run it again: it goes on at the first one without an answer"
        return type(error)(f"{error.what}; {done}", where=error.where, fix=fix)

    async def _work(self, sdk: "AsyncOpenAI") -> None:
        for key, question in self.todo:
            if self.stopped:
                return
            try:
                reply = await self._answer(sdk, key, question)
            except UserError as error:
                self.stopped = self.stopped or error
                return
            self.found[key] = reply
            if _Watch.tell:
                _Watch.tell(len(self.found), self.count)

    async def _answer(self, sdk: "AsyncOpenAI", key: bytes, question: Question) -> Reply:
        """One answer, after as many attempts as it takes.

        Raises:
            UserError: Trying again would not help, or did not.
        """
        tries = 0
        while True:
            await self._turn()
            if self.stopped:
                raise self.stopped
            said = self.client.body(question)
            try:
                return await self._attempt(sdk, key, said, question.max_tokens)
            except FormError as error:
                if self.client.body(question) != said or self.client.adapt(said, error.why):
                    continue
                raise error.told from error
            except WaitError as error:
                tries += 1
                never = isinstance(error, LostError) and error.unreached and not meter["calls"]
                if tries >= (_TRIES_UNKNOWN if never else TRIES):
                    raise error.told from error
                meter["retries"] += 1
                if error.everyone:  # the server is busy, whoever asks
                    self.not_before = max(self.not_before, time.monotonic() + error.seconds)
                await asyncio.sleep(error.with_jitter(tries))

    async def _turn(self) -> None:
        """Wait until the server wants to be asked again, where it said so."""
        if (wait := self.not_before - time.monotonic()) > 0:
            await asyncio.sleep(wait)

    async def _attempt(
        self, sdk: "AsyncOpenAI", key: bytes, said: dict[str, Any], max_tokens: int
    ) -> Reply:
        """Ask once, with the account open for the most that it may cost."""
        at_most = _money.at_most(self.endpoint, said, max_tokens)
        place = await self.account.open(key, at_most)
        cost, reply = 0.0, None
        try:
            began = time.perf_counter()
            found = await _ask_errors.sent(sdk, said, self.client)
            reply = found = found._replace(seconds=round(time.perf_counter() - began, 4))
            cost = _money.of(self.endpoint, found)
            meter["calls"] += 1
            meter["prompt_tokens"] += found.prompt_tokens
            meter["answer_tokens"] += found.answer_tokens
        except LostError as error:  # it may have been answered, and paid for
            cost = 0.0 if error.unreached else at_most
            raise
        finally:
            await self.account.close(key, reply, place, at_most, cost)
        return found

    def _cap(self, dollars: float, spent: float) -> RunError:
        left, cap = self.count - len(self.found), self.endpoint.max_cost or 0.0
        each = spent / max(1, len(self.found))
        what = f"the next question may cost ${dollars:.4f} and would pass the cap of ${cap:.2f}: "
        what += f"${spent:.4f} is spent, {left:,} questions remain"
        if self.found and spent:
            what += f", about ${left * each:.2f}"
        fix = "make a run that may cost more, with --max-cost: what is answered costs nothing again"
        return RunError(what, where="--max-cost", fix=fix)
