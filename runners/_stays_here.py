"""Nothing leaves this machine: every connection of the process to elsewhere is refused.

Python itself asks before it connects or looks up a name (PEP 578), whichever library wants to. A
hook cannot be taken out again, so that nothing that runs later can open the door behind our back;
it looks only while the door is closed.
"""

import contextlib
import ipaddress
import sys
from collections.abc import Iterator
from typing import Any

from rules.errors import SettingError

_EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1, "socket.getaddrinfo": 0}
"""Where in the arguments of each the address stands."""
_LOCAL = (None, "", b"", "localhost", b"localhost")
_closed = 0
_hooked = False


def close() -> None:
    """Refuse connections to elsewhere, from now on."""
    global _closed, _hooked
    if not _hooked:
        sys.addaudithook(_look)
        _hooked = True
    _closed += 1


@contextlib.contextmanager
def closed() -> Iterator[None]:
    """The same for a while."""
    global _closed
    close()
    try:
        yield
    finally:
        _closed -= 1


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if not _closed or event not in _EVENTS:
        return
    address = arguments[_EVENTS[event]]
    host = address[0] if isinstance(address, tuple) else address
    if event != "socket.getaddrinfo" and not isinstance(address, tuple):
        return  # a socket in the file system
    if host in _LOCAL or _is_loopback(host):
        return
    fix = "serve the model on this machine: --base-url http://127.0.0.1:8000/v1"
    what = f"the data must stay here: a connection to {host!r} was refused"
    raise SettingError(what, where="privacy: stays_here", fix=fix)


def _is_loopback(host: str | bytes) -> bool:
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return False
