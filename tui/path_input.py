"""A box for a path that completes file names: tab takes the completion, or goes on."""

from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

_DATA = (".csv", ".tsv", ".jsonl", ".json")


def complete(text: str) -> str | None:
    """The typed path with the first name that continues it: data files first, then folders."""
    if not text:
        return None
    folder, _, start = text.rpartition("/")
    if "/" in text:
        folder += "/"
    try:
        found = [
            path
            for path in Path(folder or ".").expanduser().iterdir()
            if path.name.startswith(start) and (start or not path.name.startswith("."))
        ]
    except OSError:
        return None
    if not found:
        return None
    first = min(found, key=lambda path: (path.suffix not in _DATA, not path.is_dir(), path.name))
    whole = f"{folder}{first.name}" + ("/" if first.is_dir() else "")
    return whole if whole != text else None


class _FileNames(Suggester):
    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """What stands dim behind the cursor."""
        return complete(value)


class PathInput(Input):
    """An input whose tab key completes before it moves on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    def __init__(self, value: str = "", *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(
            value, placeholder=placeholder, suggester=_FileNames(), id=id, compact=True
        )

    @property
    def path(self) -> Path | None:
        """The path that was typed, unless the box is empty."""
        text = self.value.strip()
        return Path(text).expanduser() if text else None

    def action_complete(self) -> None:
        """Complete the name; with nothing to complete, go to the next box."""
        whole = complete(self.value)
        if whole is None:
            self.screen.focus_next()
        else:
            self.value = whole
            self.cursor_position = len(whole)
