"""Models behind an address: ``api:<model>``, whoever serves it, and what may be said about it.

What is kept of an endpoint is its address, never its key: the key stays in the environment, and the
plan says under which name.
"""

import ipaddress
import os
import re
from urllib.parse import urlsplit

from pydantic import Field

from rules.errors import SettingError
from runners._cards import Frozen

PREFIX = "api:"
OPENAI = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_NO_KEY = "none"
"""What a server on this machine is sent: the SDK wants a key, and it does not look at it."""


class Endpoint(Frozen):
    """Where the questions of a run go, and what they may cost."""

    base_url: str = OPENAI
    key_env: str = KEY
    """The environment variable that holds the key."""
    concurrency: int = Field(default=8, ge=1, le=1000)
    """Questions under way together, at most."""
    timeout_seconds: float = Field(default=60, gt=0)
    """Of one attempt; one that takes longer is tried again."""
    answer_tokens: int | None = Field(default=None, ge=1)
    """The most tokens of an answer; for models that think before they speak it must be large."""
    window: int | None = Field(default=None, ge=64)
    """Tokens that the model can read at once, where prompts have to be fitted to it."""
    price: tuple[float, float] | None = None
    """Dollars for a million tokens: of questions, and of answers."""
    price_source: str = ""
    """Whose price it is, and of which day."""
    max_cost: float | None = Field(default=None, ge=0)
    """Dollars that all runs of one account may cost together."""
    account: str = ""
    """Under which name what is spent is added up; runs of one command share it."""
    stays_here: bool = False
    """Nothing may leave this machine."""

    @property
    def place(self) -> str:
        """Host, port and path: what tells one server from another."""
        parts = urlsplit(self.base_url)
        return f"{parts.netloc}{parts.path.rstrip('/')}"


def is_endpoint(base_model: str) -> bool:
    """Whether the model is behind an address."""
    return base_model.startswith(PREFIX)


def name_of(base_model: str) -> str:
    """What the server calls it."""
    return base_model.removeprefix(PREFIX)


def is_here(base_url: str) -> bool:
    """Whether the server is on this machine; a name other than localhost may be anywhere."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(base_url: str) -> str:
    """An address that may be written down. What is wrong is said without repeating a secret.

    Raises:
        SettingError: No http address, or one that carries a key.
    """
    where, example = "--base-url", "give an address such as http://127.0.0.1:8000/v1"
    try:
        parts = urlsplit(base_url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, fine = urlsplit(""), False
    if not fine:
        raise SettingError("this is no http or https address", where=where, fix=example)
    if "@" in parts.netloc or parts.query or parts.fragment:
        fix = f"leave out what stands before @ and after ?, and put the key into {KEY}"
        raise SettingError("the address carries a key or a query", where=where, fix=fix)
    if parts.scheme == "http" and not is_here(base_url):
        fix = "use https, or reach the server through a tunnel that ends at 127.0.0.1"
        what = f"http to {parts.hostname} would send the key and the rows unencrypted"
        raise SettingError(what, where=where, fix=fix)
    return base_url.rstrip("/")


def check_key_name(name: str) -> str:
    """The name of an environment variable; whoever typed the key itself does not read it again.

    Raises:
        SettingError: It is no such name.
    """
    if not _NAME.fullmatch(name):
        what = "this is not the name of an environment variable"
        fix = f"put the key into one and name it: export {KEY}=…, then --api-key-env {KEY}"
        raise SettingError(what, where="--api-key-env", fix=fix)
    return name


def key(endpoint: Endpoint) -> str:
    """The key, from the environment; a server on this machine may do without.

    Raises:
        SettingError: There is none.
    """
    found = os.environ.get(endpoint.key_env, "").strip()
    if found:
        return found
    if is_here(endpoint.base_url):
        return _NO_KEY
    fix = f"export {endpoint.key_env}=…   or name another variable: --api-key-env NAME"
    what = f"no key for {urlsplit(endpoint.base_url).hostname} in the environment"
    raise SettingError(what, where=endpoint.key_env, fix=fix)


def require_private(endpoint: Endpoint) -> None:
    """Refuse an address elsewhere where nothing may leave this machine.

    Raises:
        SettingError: It is elsewhere.
    """
    if endpoint.stays_here and not is_here(endpoint.base_url):
        host = urlsplit(endpoint.base_url).hostname
        what = f"the data must stay here, and {host} is elsewhere"
        fix = "serve the model on this machine: --base-url http://127.0.0.1:8000/v1"
        raise SettingError(what, where="privacy: stays_here", fix=fix)
