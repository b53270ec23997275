"""The data screen: which rows, what they are, what was found, and the rows behind each finding."""

from collections.abc import Iterable
from pathlib import Path
from threading import Event
from typing import ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from rules.errors import UserError
from runners._render_tokenizer import BUNDLED
from runners.base import Progress
from tui.about_data import tally
from tui.beside import beside
from tui.data_form import DataForm
from tui.data_view import DataView
from tui.error_note import ErrorNote
from tui.looked import Looked, Wanted, look
from tui.mend import MendScreen
from tui.messages import DataNews, DataRead, OpenInterview, Refused
from tui.notebook import Notebook
from tui.page import Page
from tui.path_input import PathInput
from tui.reading_line import ReadingLine
from tui.row import RowScreen
from tui.rows_view import RowsView
from tui.save_mapping import SaveMappingScreen
from tui.xray import XrayScreen

_RESULT_KEYS = ("form", "again", "save", "questions")


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Nobody waits for the examination any more."""


class DataScreen(Page):
    """A form first; once files were read, what they show, and the form behind a key."""

    TITLE_TEXT = "data"
    ABOUT = (
        "x has to be put right first, ! is wrong, - is good to know, ? was not looked for. "
        "Every row behind a finding is in the list below it or beside it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "form", "Files"),
        Binding("r", "again", "Again"),
        Binding("x", "xray", "X-ray"),
        Binding("f", "mend", "Mend"),
        Binding("s", "save", "Mapping"),
        Binding("i", "questions", "Questions"),
    ]

    def __init__(self, notebook: Notebook, *, from_questions: bool = False) -> None:
        super().__init__()
        self._notebook, self._from_questions = notebook, from_questions
        self._wanted: Wanted | None = None
        """What is being read at this moment."""
        self._stop = Event()
        """Set when nobody waits for that any more."""
        self._saved: Path | None = None

    def body(self) -> Iterable[Widget]:
        """The form, or what the files show; and room for progress and for what is wrong."""
        yield DataForm(self._notebook, id="form")
        yield DataView(id="looked")
        yield Static("", id="hint")
        yield ErrorNote(id="error")
        yield ReadingLine(id="reading")

    def on_mount(self) -> None:
        """Start with what was read before, if anything was."""
        if self._notebook.looked is not None:
            self._show(self._notebook.looked)
        else:
            self._open_form()

    @property
    def _in_form(self) -> bool:
        return self.has_class("-form")

    def _open_form(self) -> None:
        self.add_class("-form")
        self.query_one(DataForm).begin()
        self._changed()

    def _close_form(self) -> None:
        self.remove_class("-form")
        self.query_one(ErrorNote).clear()
        self.query_one(DataView).begin()
        self._changed()

    def _show(self, looked: Looked) -> None:
        self._saved = None
        self.head(f"{looked.profile.file}, {looked.profile.rows:,} rows: {tally(looked)}")
        self.query_one(DataForm).know(looked.table.columns, looked.table.mapping)
        self.query_one(DataView).show(looked)
        self._close_form()

    @on(DataView.Moved)
    def _changed(self) -> None:
        self.refresh_bindings()
        self._draw_next()

    @on(events.DescendantFocus)
    @on(Input.Changed)
    def hint(self) -> None:
        """What can be typed into the box that has the keyboard."""
        box = self.focused
        told = self.query_one(DataForm).hint(box) if isinstance(box, Input) else ""
        self.query_one("#hint", Static).update(Content(told))

    @on(Input.Submitted)
    def start_reading(self) -> None:
        """Read what was typed; the boxes keep it, whatever comes of it."""
        if self._wanted is None:
            try:
                self._start(self.query_one(DataForm).wanted)
            except UserError as error:
                self._refuse(error)

    def _start(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.query_one(ErrorNote).clear()
        self.query_one(ReadingLine).begin(f"reading {wanted.train.name}")
        self._changed()
        self._stop = Event()
        self._read(wanted, self._stop)

    @work
    async def _read(self, wanted: Wanted, stop: Event) -> None:
        await beside(lambda: self._look(wanted, stop))

    def _look(self, wanted: Wanted, stop: Event) -> None:
        def report(news: Progress) -> None:
            if stop.is_set():
                raise _Stopped
            self.post_message(DataNews(wanted, news))

        try:
            looked = look(wanted, report)
        except _Stopped:
            return
        except UserError as error:
            if not stop.is_set():
                self.post_message(Refused(error))
        else:
            if not stop.is_set():
                self.post_message(DataRead(looked))

    @on(DataNews)
    def show_news(self, event: DataNews) -> None:
        """How far it is."""
        if event.wanted is self._wanted:
            self.query_one(ReadingLine).show(event.news)

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """Say it where it happened."""
        if self._wanted is not None:
            self._end_reading()
            self._refuse(event.error)

    def _refuse(self, error: UserError) -> None:
        self.query_one(ErrorNote).show(error)
        if not self._in_form:
            self._open_form()
        self.query_one(DataForm).answer(error)
        self._changed()

    @on(DataRead)
    def take(self, event: DataRead) -> None:
        """Note what the files show, and show it."""
        if event.looked.wanted is self._wanted:
            self._end_reading()
            self._notebook.take(event.looked)
            self._show(event.looked)

    def on_unmount(self) -> None:
        """The app must not wait for what nobody will see."""
        self._stop.set()

    def _end_reading(self) -> None:
        self._wanted = None
        self.query_one(ReadingLine).end()

    @on(RowsView.Picked)
    def read_row(self, event: RowsView.Picked) -> None:
        """Show one row in full."""
        rows = self.query_one(DataView).rows
        if rows is not None:
            screen = RowScreen(rows[event.number], rows.place(event.number))
            self.shell.push_screen(screen, self._after_row)

    def _after_row(self, wants_xray: bool | None) -> None:
        if wants_xray:
            self.action_xray()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense now."""
        free = not self._in_form and self._wanted is None
        if action in _RESULT_KEYS:
            return free
        if action == "mend":
            looked = self._notebook.looked
            return free and looked is not None and looked.can_be_mended
        if action == "xray":
            return free and (self.query_one(DataView).has_row or None)
        return super().check_action(action, parameters)

    def action_form(self) -> None:
        """Change files, kind or columns."""
        self._open_form()

    def action_again(self) -> None:
        """Read the same files, which may have changed."""
        looked = self._notebook.looked
        if looked is not None:
            self._start(looked.wanted._replace())  # a new object: what is on its way is not meant

    def action_xray(self) -> None:
        """The row under the cursor as tokens."""
        view, looked = self.query_one(DataView), self._notebook.looked
        rows = view.rows
        if rows is not None and looked is not None and view.has_row:
            base = looked.wanted.base_model or BUNDLED
            self.shell.push_screen(XrayScreen(rows, view.number, base))

    def action_mend(self) -> None:
        """Put right what can be put right without asking, in a new file."""
        looked = self._notebook.looked
        if looked is not None:
            self.shell.push_screen(MendScreen(looked, self._read_new))

    def _read_new(self, path: Path) -> None:
        looked = self._notebook.looked
        if looked is not None:
            self.query_one("#train", PathInput).value = str(path)
            self._start(looked.wanted._replace(train=path))

    def action_save(self) -> None:
        """Write kind and columns down."""
        looked = self._notebook.looked
        if looked is not None:
            self.shell.push_screen(SaveMappingScreen(looked), self._after_saving)

    def _after_saving(self, path: Path | None) -> None:
        self._saved = path or self._saved
        self._draw_next()

    def action_questions(self) -> None:
        """Go on with the questions that the data leaves open."""
        if self._from_questions:
            super().action_back()
        else:
            self.post_message(OpenInterview())

    def action_back(self) -> None:
        """Stop reading, else close the form, else this screen."""
        if self._wanted is not None:
            self._stop.set()
            self._end_reading()
            self.query_one("#hint", Static).update("stopped; nothing was changed")
            self._changed()
        elif self._in_form and self._notebook.looked is not None:
            self._close_form()
        else:
            super().action_back()

    def _draw_next(self) -> None:
        self.next_step(self._next())

    def _next(self) -> str:
        looked = self._notebook.looked
        if self._wanted is not None:
            return "escape stops it; the files stay as they are"
        if self._in_form or looked is None:
            return "enter reads the files, tab completes or goes on, escape goes back"
        if looked.profile.blocking:
            worst = looked.profile.blocking[0]
            return f"{worst.code}: {worst.fix}; then r reads it again"
        if self._saved is not None:
            return f"{self._saved} is written; a script can use it: --mapping {self._saved}"
        return "i asks what the file leaves open; enter opens the rows, x their tokens"
