"""One question sent through the SDK, and what each way to fail means.

Three things can follow a failure: another attempt after a while, the same question in another form,
or the end. A key never stands in what is said: servers like to repeat a wrong one.
"""

import email.utils
import random
import time
from typing import TYPE_CHECKING, Any

from rules.errors import RunError, SettingError, UserError
from runners._replies import Reply

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

    from runners._asking import Client

_LONGEST_WAIT = 300.0
"""Seconds that a server may ask for; one that wants more is not worth waiting for."""
_SHORTEST = 0.25
"""Seconds before the second attempt, about; each later one waits twice as long."""
_AGAIN = (408, 409, 425, 429)
_ACCOUNT = ("insufficient_quota", "billing", "exceeded your current quota", "credit balance")


class FormError(Exception):
    """The server will not answer the question in this form."""

    def __init__(self, why: str, told: UserError) -> None:
        super().__init__(why)
        self.why, self.told = why, told


class WaitError(Exception):
    """Another attempt may help."""

    everyone = False

    def __init__(self, told: UserError, seconds: float | None = None) -> None:
        super().__init__(told.what)
        self.told, self.seconds = told, seconds or 0.0
        self.everyone = bool(seconds)

    def with_jitter(self, tries: int) -> float:
        """Seconds to wait: twice as long each time, and not all come back at once."""
        backoff = min(30.0, _SHORTEST * 2**tries) * random.uniform(0.5, 1.0)
        return max(self.seconds * random.uniform(1.0, 1.1), backoff)


class LostError(WaitError):
    """No answer came, and whether the server worked on one nobody knows."""

    unreached = False
    """But here it is known: there was no connection."""


async def sent(sdk: "AsyncOpenAI", said: dict[str, Any], client: "Client") -> Reply:
    """Ask once.

    Raises:
        FormError: Not in this form.
        WaitError: Not now; ``LostError``, where an answer may have been paid for.
        SettingError: Key, model or address are wrong.
        RunError: The account is empty.
    """
    import openai

    try:
        found = await sdk.chat.completions.create(**said)
    except openai.APIStatusError as error:
        filtered = _filtered(error)
        if filtered:
            return filtered
        raise _status(error, client) from None
    except openai.APIConnectionError as error:
        raise _unreached(error, client) from None
    except (openai.APIError, ValueError, TypeError) as error:  # no JSON, or none of a reply
        raise LostError(_torn(client, type(error).__name__)) from None
    return _read(found, client)


def _read(found: Any, client: "Client") -> Reply:  # noqa: ANN401 - whatever the server sent
    """The reply; the SDK builds its objects from anything, so nothing of them is certain."""
    try:
        choice, usage = found.choices[0], found.usage
        text, refusal = choice.message.content, getattr(choice.message, "refusal", None)
        counts = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    except (AttributeError, IndexError, TypeError, KeyError):
        raise _no_reply(client) from None
    if not isinstance(text, str | None) or not all(isinstance(n, int) for n in counts):
        raise _no_reply(client)
    return Reply(
        text=_scrubbed((text or "").strip(), client),
        prompt_tokens=counts[0],
        answer_tokens=counts[1],
        cut=choice.finish_reason == "length",
        refused=choice.finish_reason == "content_filter" or (bool(refusal) and not text),
    )


def _no_reply(client: "Client") -> LostError:
    return LostError(_torn(client, "not a chat completion"))


def _filtered(error: "APIStatusError") -> Reply | None:
    """Some providers say with an error that a filter withheld the answer."""
    code, text = str(error.code or ""), str(error.message)
    if error.status_code in (400, 403) and ("content_filter" in code or "content_filter" in text):
        return Reply("", 0, 0, refused=True)
    return None


def _status(error: "APIStatusError", client: "Client") -> Exception:
    """What a status means: wait, or the end, or another form of the question."""
    status, text = error.status_code, _scrubbed(str(error.message), client)
    place, short = client.endpoint.place, " ".join(text.split())[:200]
    lowered = f"{error.code} {text}".lower()
    if status == 429 and any(word in lowered for word in _ACCOUNT):
        fix = "look at the account with the provider"
        return RunError(f"the account is empty: {short}", where=place, fix=fix)
    if status in _AGAIN or status >= 500:
        return _later(place, short, _asked_to_wait(error.response.headers))
    if status in (401, 403):
        fix = f"look at the key in {client.endpoint.key_env}"
        return SettingError(f"the key is not accepted: {short}", where=place, fix=fix)
    what, fix = f"refused: {short}", "look at the settings, and at how much the model can read"
    if status == 404 or ("model" in lowered and "not" in lowered and status == 400):
        what = f"no model {client.model!r} here, or no such address: {short}"
        fix = "look at --base-model and --base-url; most addresses end in /v1"
    elif 300 <= status < 400:
        what = "the server sends us elsewhere, where nobody said that the data may go"
        fix = "give the new address: --base-url URL"
    told = SettingError(what, where=place, fix=fix)
    return FormError(text.lower(), told) if status in (400, 422) else told


def _later(place: str, short: str, seconds: float | None) -> Exception:
    if seconds is not None and seconds > _LONGEST_WAIT:
        what = f"the server wants us to wait {seconds:,.0f} s: {short}"
        return RunError(what, where=place, fix="come back then")
    fix = "wait, or ask less at once: --endpoint concurrency=2"
    told = RunError(f"no answer after several attempts: {short}", where=place, fix=fix)
    return WaitError(told, seconds)


def _unreached(error: Exception, client: "Client") -> Exception:
    import httpx2
    import openai

    last: BaseException = error
    while inner := last.__cause__ or last.__context__:
        if isinstance(inner, UserError):  # the door of this machine is closed
            return inner
        last = inner
    place = client.endpoint.place
    if isinstance(error, openai.APITimeoutError):
        what = f"no answer within {client.endpoint.timeout_seconds:g} s"
        fix = "give it longer: --endpoint timeout_seconds=300"
        return LostError(RunError(what, where=place, fix=fix))
    what = f"the server cannot be reached: {_scrubbed(str(last) or type(last).__name__, client)}"
    fix = "look whether it runs, and at --base-url"
    lost = LostError(RunError(what, where=place, fix=fix))
    lost.unreached = isinstance(error.__cause__, httpx2.ConnectError)
    return lost


def _torn(client: "Client", why: str) -> UserError:
    what = f"what came is not an answer ({why})"
    fix = "look at --base-url: it is of an OpenAI-compatible server, and most end in /v1"
    return RunError(what, where=client.endpoint.place, fix=fix)


def _asked_to_wait(headers: Any) -> float | None:  # noqa: ANN401 - headers of httpx
    """Seconds, from ``Retry-After`` as a number or a date (RFC 9110), or in milliseconds."""
    text = headers.get("retry-after-ms")
    scale = 1000.0 if text else 1.0
    text = text or headers.get("retry-after")
    if not text:
        return None
    try:
        return max(0.0, float(text) / scale)
    except ValueError:
        when = email.utils.parsedate_tz(text)
        return max(0.0, email.utils.mktime_tz(when) - time.time()) if when else None


def _scrubbed(text: str, client: "Client") -> str:
    """Without the key, which servers like to repeat."""
    return text.replace(client.secret, "[key]") if len(client.secret) > 6 else text
