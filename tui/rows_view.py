"""A list of any length: a row is read when it comes on screen, so that a million cost nothing."""

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.behind import Behind, Line

_NAME, _ANSWER = 24, 0.4
"""Cells that a name may take, and the share of the rest that an answer may."""
_GAP, _ARROW = "  ", "  -> "


class RowsView(ScrollView, can_focus=True):
    """One line for each row: its id, its text, its answer."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows-view--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1_000_000_000)", "First", show=False),
        Binding("end", "move(1_000_000_000)", "Last", show=False),
        Binding("enter", "pick", "Read", show=False),
    ]
    cursor: reactive[int] = reactive(0)

    @dataclass
    class Picked(Message):
        """Enter was pressed on a row."""

        number: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._behind: Behind | None = None
        self._widest = (0, 0)

    def show(self, behind: Behind | None) -> None:
        """Show other rows, from the first on."""
        self._behind, self._widest = behind, (0, 0)
        self.set_reactive(RowsView.cursor, 0)
        self.virtual_size = Size(0, len(behind) if behind else 0)
        self.scroll_to(y=0, animate=False)
        self.refresh()

    @property
    def line(self) -> Line | None:
        """What is under the cursor."""
        behind = self._behind
        return behind[self.cursor] if behind and self.cursor < len(behind) else None

    def action_move(self, lines: int) -> None:
        """Move the cursor."""
        self.cursor += lines

    def action_page(self, pages: int) -> None:
        """Move the cursor by what is on screen."""
        self.cursor += pages * max(1, self.size.height - 1)

    def action_pick(self) -> None:
        """Tell the screen."""
        if self.line is not None:
            self.post_message(self.Picked(self.cursor))

    def validate_cursor(self, cursor: int) -> int:
        """Within the rows."""
        return max(0, min(cursor, self.virtual_size.height - 1))

    def watch_cursor(self, cursor: int) -> None:
        """Keep it in sight."""
        self.scroll_to_region(Region(0, cursor, 1, 1), animate=False, force=True, immediate=True)
        self.refresh()

    def watch_has_focus(self, has_focus: bool) -> None:
        """The mark of the cursor says who has the keyboard."""
        super().watch_has_focus(has_focus)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row, cut to the width."""
        number, width = self.scroll_offset.y + y, self.scrollable_content_region.width
        behind = self._behind
        if behind is None or number >= len(behind):
            return Strip.blank(width, self.rich_style)
        here = number == self.cursor
        mark = ("▸" if self.has_focus else "·") if here else " "
        text = f"{mark} {self._written(behind[number], width - 2)}"
        style = self.get_component_rich_style("rows-view--cursor") if here else self.rich_style
        return Strip([Segment(set_cell_size(text, width), style)], width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Columns grow with what comes into sight, and are as wide in every line."""
        behind, top = self._behind, self.scroll_offset.y
        if behind is not None:
            for number in range(top, min(len(behind), top + self.size.height)):
                self._measure(behind[number], self.scrollable_content_region.width - 2)
        return super().render_lines(crop)

    def _measure(self, line: Line, width: int) -> None:
        names, answers = self._widest
        names = max(names, min(cell_len(line.name), _NAME))
        most = int((width - names) * _ANSWER)
        self._widest = names, max(answers, min(cell_len(line.answer), most))

    def _written(self, line: Line, width: int) -> str:
        names, answers = self._widest
        name = _fit(line.name, names) + _GAP
        if not line.text:
            return name + line.answer
        if not answers:
            return name + _fit(line.text, width - len(name))
        texts = width - names - answers - len(_GAP) - len(_ARROW)
        return f"{name}{_fit(line.text, texts)}{_ARROW}{_fit(line.answer, answers)}"


def _fit(text: str, width: int) -> str:
    """Exactly so many cells; what is cut shows it."""
    if cell_len(text) <= width or width < 1:
        return set_cell_size(text, max(0, width))
    return set_cell_size(text, width - 1) + "…"
