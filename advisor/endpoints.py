"""A base model behind an address: what was asked for, checked before anything is sent anywhere."""

import re
import secrets
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from rules import tables
from rules.errors import SettingError, UserError
from rules.facts import Task
from runners import _endpoint
from runners._endpoint import Endpoint
from runners.base import Frozen, Runner, asks, can_run, find, names

PRIVACY = "stays_here"
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_OPTIONS = ("concurrency", "timeout_seconds", "answer_tokens", "window", "price")


def made(
    base_model: str | None,
    base_url: str | None,
    key_env: str | None,
    max_cost: float | None,
    privacy: str | None,
    options: dict[str, Any],
) -> Endpoint | None:
    """The endpoint that options ask for; none where the base model is on this machine.

    Raises:
        SettingError: Something of it cannot be.
    """
    if privacy not in (None, PRIVACY):
        fix = f"--privacy {PRIVACY}, or leave it out"
        raise SettingError(f"unknown: {privacy!r}", where="--privacy", fix=fix)
    given = {"--base-url": base_url, "--api-key-env": key_env, "--max-cost": max_cost}
    if not _endpoint.is_endpoint(base_model or ""):
        wrong = [flag for flag, value in given.items() if value is not None]
        if wrong or options:
            fix = f"name such a model, --base-model {_endpoint.PREFIX}NAME, or leave it out"
            what = "the base model is not behind an address"
            raise SettingError(what, where=(wrong or ["--endpoint"])[0], fix=fix)
        return None
    if not _endpoint.name_of(base_model or ""):
        fix = f"write --base-model {_endpoint.PREFIX}NAME, with the name that the server knows"
        raise SettingError("no name of a model", where="--base-model", fix=fix)
    if strange := sorted(set(options) - set(_OPTIONS)):
        fix = f"these can be set: {', '.join(_OPTIONS)}"
        raise SettingError(f"unknown option {strange[0]!r}", where="--endpoint", fix=fix)
    values = {
        **options,
        "base_url": _endpoint.check_url(base_url or _endpoint.OPENAI),
        "key_env": _endpoint.check_key_name(key_env or _endpoint.KEY),
        "max_cost": max_cost,
        "stays_here": privacy == PRIVACY,
        "account": f"{date.today():%Y-%m-%d}-{secrets.token_hex(6)}",
    }
    try:
        endpoint = Endpoint.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        what = f"{name}={first['input']!r}: {first['msg']}"
        raise SettingError(what, where="--endpoint", fix=f"give another {name}") from error
    return _priced(endpoint, _endpoint.name_of(base_model or ""))


def _priced(endpoint: Endpoint, model: str) -> Endpoint:
    """With the user's own price, nothing for a server on this machine, or the table's.

    Raises:
        SettingError: There is a cap, and no price that it could be held against.
    """
    if endpoint.price is not None:
        return endpoint.model_copy(update={"price_source": "your own price"})
    if _endpoint.is_here(endpoint.base_url):
        source = "a server on this machine"
        return endpoint.model_copy(update={"price": (0.0, 0.0), "price_source": source})
    host = urlsplit(endpoint.base_url).hostname
    plain = _DATED.sub("", model)
    for known in tables.prices():
        if known.host == host and known.name == plain:
            read = "" if known.verified else ", by accounts of it"
            source = f"{known.source} on {known.checked}{read}"
            price = (known.asked, known.answered)
            return endpoint.model_copy(update={"price": price, "price_source": source})
    if endpoint.max_cost is not None:
        what = f"no price is known of {model} at {host}, so that no cap can be held"
        fix = "give yours, in dollars for a million tokens: --endpoint 'price=[IN, OUT]'"
        raise SettingError(what, where="--max-cost", fix=fix)
    return endpoint


def checked(
    endpoint: Endpoint | None, base_model: str | None, runner: Runner, approach: str
) -> Endpoint | None:
    """The endpoint of a plan.

    Raises:
        SettingError: The data must stay here, or there is no key.
        UserError: The approach needs more of a model than its answers.
    """
    if not _endpoint.is_endpoint(base_model or ""):
        return None
    if not asks(runner):
        able = ", ".join(name for name in names() if asks(find(name)))
        what = f"{approach} needs the weights of a model, and {base_model} can only be asked"
        raise UserError(what, where="--approach", fix=f"these ask: {able}; or name another model")
    endpoint = endpoint or made(base_model, None, None, None, None, {})
    if endpoint:
        _endpoint.require_private(endpoint)
        _endpoint.key(endpoint)
    return endpoint


def check_service(runner: Runner, settings: Frozen, endpoint: Endpoint | None) -> None:
    """Refuse what the runner says that its service would not take.

    Raises:
        UserError: It would not.
    """
    check = getattr(runner, "require_service", None)
    if check is not None:
        check(settings, endpoint)


def check_task(endpoint: Endpoint | None, task: Task) -> None:
    """Refuse texts alone: only a model that says how likely it finds them can be measured.

    Raises:
        UserError: The rows are texts alone.
    """
    if endpoint and task == "domain_knowledge":
        able = ", ".join(name for name in names() if can_run(name, task))
        what = "a model behind an address does not say how likely it finds a text"
        fix = f"take a model with files, or rows with answers ({able} can run on texts alone)"
        raise UserError(what, where="--base-model", fix=fix)
