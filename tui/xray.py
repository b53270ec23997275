"""The X-ray: one row as the exact tokens that a base model gets, as ``whichtune xray`` shows it."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import StringIO
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from advisor import report_xray
from rules.errors import UserError
from runners._render_tokenizer import BUNDLED, open_tokenizer
from runners.base import Row
from tui.behind import Behind
from tui.error_note import ErrorNote
from tui.messages import Xrayed
from tui.page import Page
from tui.path_input import PathInput


class XrayScreen(Page):
    """Tokens, legend, counts and faults of the rows behind a finding, one at a time."""

    TITLE_TEXT = "X-ray"
    ABOUT = (
        "The same function makes these tokens for training, for measuring and for use. Masked ones "
        "are only given, learned ones are what the model is trained to write."
    )
    SCROLLS = "#sheet"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "step(1)", "Next row"),
        Binding("p", "step(-1)", "Previous row"),
        Binding("b", "base", "Base model"),
        Binding("m", "marks", "Marks"),
    ]

    def __init__(self, behind: Behind, number: int, base: str = BUNDLED) -> None:
        super().__init__()
        self._behind, self._number, self._base = behind, number, base
        self._open = lru_cache(maxsize=1)(open_tokenizer)
        self._seen: RenderableType | None = None
        self._marked = False

    def body(self) -> Iterable[Widget]:
        """Whose eyes, and what they see."""
        box = PathInput(self._base, placeholder=BUNDLED, id="base")
        yield Horizontal(Label("Base model"), box, classes="line", id="eyes")
        yield ErrorNote(id="error")
        yield VerticalScroll(Static("", id="tokens"), id="sheet")

    def on_mount(self) -> None:
        """Look at once."""
        self._marked = self.shell.no_color or self.shell.console.color_system is None
        self.query_one("#sheet").focus()
        self._start()

    def _start(self) -> None:
        line = self._behind[self._number]
        self.head(f"{line.name}, {self._number + 1:,} of {len(self._behind):,} rows")
        self.query_one(ErrorNote).clear()
        self.query_one("#tokens", Static).update(
            f"opening the tokenizer of {self._base}, the first time takes seconds …"
        )
        self._seen = None
        if line.row is not None:
            self.next_step("wait, or escape")
            self._look(line.row, self._number, self._base)

    @work(thread=True, exclusive=True)
    def _look(self, row: Row, number: int, base: str) -> None:
        from runners import _render
        from runners._render_guards import RenderError

        where, sheet = self._behind.place(number), None
        fault: UserError | None = None
        try:
            rendered = _render.render(row, self._open(base))
            sheet = report_xray.xray(rendered, row, base, where)
            rendered.require_sound()
        except RenderError as error:
            fault = error.at(where)
        except UserError as error:
            fault = error
        self.post_message(Xrayed((number, base), sheet, fault))

    @on(Xrayed)
    def show(self, event: Xrayed) -> None:
        """Draw it, and what is wrong with it: a row that must not be learned, or no such model."""
        if event.asked != (self._number, self._base):
            return
        self._seen = event.sheet
        self._draw()
        self.query_one("#sheet").scroll_home(animate=False)
        if event.fault is not None:
            self.query_one(ErrorNote).show(event.fault)
        more = "n and p go from row to row, " if len(self._behind) > 1 else ""
        self.next_step(f"{more}b takes another base model, escape goes back")

    def _draw(self) -> None:
        seen, tokens = self._seen, self.query_one("#tokens", Static)
        tokens.update("" if seen is None else Drawn(seen, marked=self._marked))

    def action_step(self, rows: int) -> None:
        """The next row behind the same finding."""
        number = self._number + rows
        if 0 <= number < len(self._behind):
            self._number = number
            self._start()

    def action_base(self) -> None:
        """Put the cursor into the box."""
        self.query_one("#base", PathInput).focus()

    @on(Input.Submitted, "#base")
    def change_base(self, event: Input.Submitted) -> None:
        """The same row by other eyes."""
        self._base = event.value.strip() or BUNDLED
        self.query_one("#sheet").focus()
        self._start()

    def action_marks(self) -> None:
        """Colours, or a line of marks below each line of tokens."""
        self._marked = not self._marked
        if self._seen is not None:
            self._draw()


class Drawn:
    """A rich renderable drawn with colours or without, whatever terminal Textual draws for."""

    def __init__(self, sheet: RenderableType, *, marked: bool) -> None:
        self._sheet, self._marked = sheet, marked

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """The same segments, made by a console of our own."""
        del console
        colours = None if self._marked else "truecolor"
        ours = Console(file=StringIO(), force_terminal=True, color_system=colours, highlight=False)
        yield from ours.render(self._sheet, options)
