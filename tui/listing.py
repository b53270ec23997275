"""Lists to pick from. The row under the cursor carries a mark, so that no colour is needed."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option


@dataclass(frozen=True)
class Item:
    """One row: ``key`` is what the screen gets back, ``text`` what the user sees."""

    key: str
    text: Content
    enabled: bool = True


class Listing(OptionList):
    """An option list with a visible cursor that survives being filled again."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, markup=False)
        self._items: list[Item] = []
        self._marked: int | None = None

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor."""
        option = self.highlighted_option
        return option.id if option else None

    @property
    def items(self) -> Sequence[Item]:
        """The rows, in order."""
        return self._items

    def fill(self, items: Sequence[Item], select: str | None = None) -> None:
        """Replace all rows; the cursor stays on ``select``, or where it was, or goes to the top."""
        wanted = select if select is not None else self.key
        self._items, self._marked = list(items), None
        self.set_options(
            Option(_row(item, " "), id=item.key, disabled=not item.enabled) for item in items
        )
        keys = [item.key for item in items if item.enabled]
        if keys:
            self.highlighted = self.get_option_index(wanted if wanted in keys else keys[0])
            self._mark()

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Move the mark with the cursor."""
        super().watch_highlighted(highlighted)
        self._mark()

    def watch_has_focus(self, has_focus: bool) -> None:
        """A list that has the keyboard shows a stronger mark."""
        super().watch_has_focus(has_focus)
        self._mark()

    def _mark(self) -> None:
        if self._marked is not None and self._marked < len(self._items):
            row = _row(self._items[self._marked], " ")
            self.replace_option_prompt_at_index(self._marked, row)
        self._marked = self.highlighted
        if self._marked is not None and self._marked < len(self._items):
            row = _row(self._items[self._marked], "▸" if self.has_focus else "·")
            self.replace_option_prompt_at_index(self._marked, row)


def _row(item: Item, mark: str) -> Content:
    return Content.assemble(mark, " ", item.text)
