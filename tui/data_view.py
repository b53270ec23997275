"""What files show: what the rows are, the findings, and the rows behind the selected one."""

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widgets import OptionList, Static

from tui import about_data
from tui.about_data import Point
from tui.behind import Behind
from tui.listing import Listing
from tui.looked import Looked
from tui.rows_view import RowsView

_LINES = {True: 10, False: 5}
"""Lines for a finding in full, on a tall screen and on a low one."""


class DataView(Container):
    """Two lists, the second of which follows the cursor of the first."""

    class Moved(Message):
        """Other rows are on screen."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._looked: Looked | None = None
        self._points: list[Point] = []
        self._behind: dict[int, Behind] = {}

    def compose(self) -> ComposeResult:
        """To the left or above what was found, to the right or below the rows."""
        with Vertical(id="left"):
            yield Static("", id="about")
            yield Listing(id="findings")
        with Vertical(id="right"):
            yield Static("", id="told")
            yield RowsView(id="rows")

    def show(self, looked: Looked) -> None:
        """Show other files; the cursor starts at the worst finding."""
        self._looked, self._points, self._behind = looked, about_data.points(looked), {}
        self.query_one(Listing).fill(about_data.items(self._points), "0")
        self._draw_texts()
        self.follow()

    def begin(self) -> None:
        """Give the keyboard to the findings."""
        self.query_one(Listing).focus()

    @property
    def number(self) -> int:
        """Which row behind the finding is under the cursor."""
        return self.query_one(RowsView).cursor

    @property
    def has_row(self) -> bool:
        """Whether a row is under the cursor, and not a place that never became one."""
        line = self.query_one(RowsView).line
        return line is not None and line.row is not None

    @property
    def rows(self) -> Behind | None:
        """The rows behind the selected finding; looked up once."""
        point, number = self._point, self._number
        if self._looked is None or point is None or not point.shows_rows:
            return None
        if number not in self._behind:
            self._behind[number] = Behind(self._looked.examination.examined, point.found)
        return self._behind[number]

    @property
    def _number(self) -> int:
        return int(self.query_one(Listing).key or 0)

    @property
    def _point(self) -> Point | None:
        return self._points[self._number] if self._points else None

    def on_resize(self) -> None:
        """Lines are broken anew once the parts have their new sizes."""
        self.call_after_refresh(self._draw_texts)

    def _draw_texts(self) -> None:
        about, told = self.query_one("#about", Static), self.query_one("#told", Static)
        if self._looked is None or self._point is None or not self.size.width:
            return
        about.update(about_data.about(self._looked, about.size.width))
        lines = _LINES[self.screen.has_class("-tall")]
        told.update(about_data.in_full(self._point, told.size.width, lines))

    @on(events.DescendantFocus)
    def make_room(self) -> None:
        """On a low screen the rows get the room of what stands above, while they are read."""
        self.set_class(self.query_one(RowsView).has_focus, "-rows")

    @on(OptionList.OptionHighlighted, "#findings")
    def follow(self) -> None:
        """Show the rows behind the finding under the cursor."""
        self.query_one(RowsView).show(self.rows)
        self._draw_texts()
        self.post_message(self.Moved())

    @on(OptionList.OptionSelected, "#findings")
    def go_to_rows(self) -> None:
        """Enter on a finding goes to its rows."""
        if self.rows is not None:
            self.query_one(RowsView).focus()
