"""The screen that mends: what would be done first, then a new file and the log of every change."""

from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from advisor import mend, report_mend, writing
from rules.errors import DataError, UserError
from runners.base import Progress
from tui.beside import beside
from tui.error_note import ErrorNote
from tui.looked import Looked
from tui.messages import Mended, MendNews, Refused
from tui.page import Page
from tui.path_input import PathInput
from tui.reading_line import ReadingLine

if TYPE_CHECKING:
    from rich.console import RenderableType


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Nobody waits for the file any more; nothing of it stays."""


class MendScreen(Page):
    """A preview, a name for the new file, and the way on to it."""

    TITLE_TEXT = "mend"
    ABOUT = (
        "What can be put right without asking is put right in a new file. Yours stays as it is; "
        "each row that is not as it was is a line of the log."
    )
    SCROLLS = "#sheet"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "open", "Examine the new file")]

    def __init__(self, looked: Looked, after: Callable[[Path], None]) -> None:
        """Mend what was looked at; ``after`` is called with a new file that is to be read."""
        super().__init__()
        self._looked, self._after = looked, after
        self._made: Path | None = None
        self._busy = False
        self._stop = Event()

    def body(self) -> Iterable[Widget]:
        """The name, and what is done."""
        box = PathInput(str(new_name(self._looked.wanted.train)), id="file")
        yield Horizontal(Label("New file"), box, classes="line", id="eyes")
        yield ErrorNote(id="error")
        yield ReadingLine(id="reading")
        yield VerticalScroll(Static("", id="sheet-text"), id="sheet")

    def on_mount(self) -> None:
        """Show what would be done; nothing is written for it."""
        self.head(self._looked.profile.file)
        self.query_one("#file", PathInput).focus()
        self._start(None)

    def on_unmount(self) -> None:
        """The app must not wait for what nobody will see."""
        self._stop.set()

    def _start(self, out: Path | None) -> None:
        self._busy, self._stop = True, Event()
        self.query_one(ReadingLine).begin("looking at every record")
        self.next_step("escape stops it; no file stays half written")
        self._mend(mend.Wanted(out), self._stop)

    @work
    async def _mend(self, wanted: mend.Wanted, stop: Event) -> None:
        await beside(lambda: self._write(wanted, stop))

    def _write(self, wanted: mend.Wanted, stop: Event) -> None:
        def report(news: Progress) -> None:
            if stop.is_set():
                raise _Stopped
            self.post_message(MendNews(news))

        looked = self._looked
        try:
            mend.check(looked.wanted.train, wanted)
            found = looked.examination.found
            done = mend.mend(looked.table, found, looked.columns, wanted, report)
        except _Stopped:
            return
        except UserError as error:
            self.post_message(Refused(error))
        else:
            sheet: RenderableType = report_mend.mended(done)
            self.post_message(Mended(sheet, wanted.out))

    @on(MendNews)
    def show_news(self, event: MendNews) -> None:
        """How far it is."""
        self.query_one(ReadingLine).show(event.news)

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """Say it where it happened."""
        self._busy = False
        self.query_one(ReadingLine).end()
        self.query_one(ErrorNote).show(event.error)
        self.next_step("type another name and press enter, or escape")

    @on(Mended)
    def show(self, event: Mended) -> None:
        """What would be done, or was."""
        self._busy, self._made = False, event.file
        self.query_one(ReadingLine).end()
        self.query_one("#sheet-text", Static).update(event.sheet)
        if self._made is None:
            self.next_step("enter writes the new file; yours stays as it is")
        else:
            self.query_one("#sheet").focus()
            self.next_step("r examines the new file; escape goes back to the old one")
        self.refresh_bindings()

    @on(Input.Submitted)
    def write(self) -> None:
        """Write under the name in the box."""
        note, path = self.query_one(ErrorNote), self.query_one("#file", PathInput).path
        note.clear()
        if path is None:
            fix = "type a name such as clean.csv"
            note.show(DataError("no file named", where="new file", fix=fix))
        elif not self._busy:
            self._start(path)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The new file can be examined once it is there."""
        if action == "open":
            return self._made is not None
        return super().check_action(action, parameters)

    def action_open(self) -> None:
        """Go on with the new file."""
        if self._made is not None:
            self.action_back()
            self._after(self._made)


def new_name(path: Path) -> Path:
    """A name beside the input that is still free, in a format that can be written.

    >>> new_name(Path("nowhere/tickets.xlsx"))
    PosixPath('nowhere/tickets_clean.jsonl')
    """
    end = path.suffix if path.suffix.lower() in writing.FORMS else ".jsonl"
    tries = (f"{path.stem}_clean{number}{end}" for number in ("", *range(2, 1000)))
    return next(new for name in tries if not (new := path.with_name(name)).exists())
