"""What a search may see: filters on metadata, and whose documents.

A document whose metadata name a ``user`` belongs to that user alone; one that names none, or an
empty one, is shared. A search on behalf of nobody sees what is shared, a search on behalf of a user
that and their own. Who asks comes as an argument of its own: no question and no filter can say it,
and a filter on ``user`` is refused, not merged.
"""

from collections.abc import Mapping
from typing import Any

from rules.errors import SettingError

Value = str | int | float | bool
Filters = Mapping[str, Value | tuple[Value, ...]]
"""What each key must equal; of several values, one of them."""

USER = "user"
"""The key in a document's metadata that names whose it is."""
OWNER = "_owner"
"""The key in the index that says the same of every chunk; empty for what is shared."""


class Sight:
    """What one search may see, as a condition for Chroma and as a test of metadata."""

    def __init__(self, filters: Filters | None = None, user: str | None = None) -> None:
        """Put both together.

        Raises:
            SettingError: A filter is about the user, or has a key or value that nothing can have.
        """
        self._wanted = {key: _values(key, value) for key, value in (filters or {}).items()}
        self._users = {"", (user or "").strip()}

    def allows(self, metadata: Mapping[str, Value]) -> bool:
        """Whether a chunk with this metadata may be found."""
        if owner(metadata) not in self._users:
            return False
        return all(
            any(_same(metadata.get(key), value) for value in values)
            for key, values in self._wanted.items()
        )

    def where(self) -> dict[str, Any]:
        """The same as a condition for Chroma, whose records all have an owner, if an empty one."""
        parts: list[dict[str, Any]] = [{OWNER: {"$in": sorted(self._users)}}]
        for key, values in self._wanted.items():
            either: list[dict[str, Any]] = [{key: {"$eq": value}} for value in values]
            parts.append(either[0] if len(either) == 1 else {"$or": either})
        return parts[0] if len(parts) == 1 else {"$and": parts}


def owner(metadata: Mapping[str, Value]) -> str:
    """Whose a document is; nobody's is shared."""
    return str(metadata.get(USER, "")).strip()


def _values(key: str, value: Value | tuple[Value, ...]) -> tuple[Value, ...]:
    where = f"--filter {key}"
    if key.strip() in (USER, OWNER):
        raise SettingError("a filter cannot say who asks", where=where, fix="give --user NAME")
    if not key.strip() or key.startswith("$"):
        fix = "give --filter key=value, with a key of the documents' metadata"
        raise SettingError(f"no key of metadata: {key!r}", where=where, fix=fix)
    values = value if isinstance(value, tuple) else (value,)
    if not values:
        raise SettingError("no value to compare with", where=where, fix="give --filter key=value")
    return values


def _same(found: Value | None, wanted: Value) -> bool:
    """Equal as Chroma sees it: 1 is 1.0, but neither ``True`` nor ``"1"``."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return found == wanted


def typed(text: str) -> tuple[Value, ...]:
    """What a value that was typed may stand for: the text itself, a number, or true and false."""
    found: list[Value] = [text]
    if text.lower() in ("true", "false"):
        found.append(text.lower() == "true")
    try:
        number = float(text)
    except ValueError:
        return tuple(found)
    if number - number == 0:  # neither infinite nor "nan"
        found.append(int(number) if number.is_integer() else number)
    return tuple(found)
