"""A box whose tab key completes what is typed, or goes on to the next box."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.suggester import Suggester
from textual.widgets import Input

Continued = Callable[[str], str | None]
"""The whole of what was typed in part; ``None`` where nothing continues it."""


class _Continuing(Suggester):
    def __init__(self, continued: Continued) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._continued = continued

    async def get_suggestion(self, value: str) -> str | None:
        """What stands dim behind the cursor."""
        return self._continued(value)


class Completing(Input):
    """An input of one line that completes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    def __init__(
        self,
        continued: Continued,
        value: str = "",
        *,
        placeholder: str = "",
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(
            value, placeholder=placeholder, suggester=_Continuing(continued), id=id, compact=True
        )
        self._continued = continued

    def action_complete(self) -> None:
        """Complete what is typed; with nothing to complete, go to the next box."""
        whole = self._continued(self.value)
        if whole is None:
            self.screen.focus_next()
        else:
            self.value = whole
            self.cursor_position = len(whole)


def first_of(names: Callable[[], list[str]]) -> Continued:
    """Complete to the first of some names; which there are is asked each time."""

    def continued(text: str) -> str | None:
        found = (name for name in names() if name.startswith(text) and name != text)
        return next(found, None) if text else None

    return continued
