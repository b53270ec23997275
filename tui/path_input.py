"""A box for a path that completes file names: tab takes the completion, or goes on."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tui.completing import Completing

DATA = (
    *(".csv", ".tsv", ".jsonl", ".json", ".parquet", ".arrow", ".xlsx", ".ods", ".txt", ".md"),
    *(".html", ".gz", ".bz2", ".xz", ".zip"),
)
"""What rows come in."""
MAPPING = (".yaml", ".yml")


def continuations(text: str, wanted: Sequence[str] = DATA) -> list[str]:
    """Paths that continue what was typed: the wanted endings first, then folders, then the rest."""
    if not text:
        return []
    folder, slash, start = text.rpartition("/")
    folder += slash
    try:
        found = [
            path
            for path in Path(folder or ".").expanduser().iterdir()
            if path.name.startswith(start) and (start or not path.name.startswith("."))
        ]
        found.sort(key=lambda path: (path.suffix not in wanted, not path.is_dir(), path.name))
        return [f"{folder}{path.name}" + ("/" if path.is_dir() else "") for path in found]
    except OSError:
        return []


def complete(text: str, wanted: Sequence[str] = DATA) -> str | None:
    """The typed path with the first name that continues it."""
    first = next(iter(continuations(text, wanted)), None)
    return first if first != text else None


class PathInput(Completing):
    """An input whose tab key completes before it moves on."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        wanted: Sequence[str] = DATA,
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(partial(complete, wanted=wanted), value, placeholder=placeholder, id=id)
        self.wanted = wanted

    @property
    def path(self) -> Path | None:
        """The path that was typed, unless the box is empty."""
        text = self.value.strip()
        return Path(text).expanduser() if text else None
