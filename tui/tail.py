"""The last lines of a text, as many as there is room for."""

from textual import events
from textual.content import Content
from textual.widgets import Static


class Tail(Static):
    """Shows the end of a growing text; how much of it is decided anew whenever its room changes."""

    _FIRST_LOOK = 3
    """Lines shown before the first layout has said how many fit."""

    def __init__(self, *, id: str, nothing: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(nothing, id=id)
        self._nothing = nothing
        self._lines: tuple[str, ...] = ()

    def show(self, lines: tuple[str, ...]) -> None:
        """Replace the text by these lines."""
        self._lines = lines
        self._fill(self.size.height)

    def on_resize(self, event: events.Resize) -> None:
        """Fill the new room."""
        self._fill(event.size.height)

    def _fill(self, room: int) -> None:
        shown = self._lines[-(room or self._FIRST_LOOK) :]
        self.update(Content("\n".join(shown) or self._nothing), layout=False)
