"""A page that shows the runs folder, and reads it again while it is on top."""

from pathlib import Path
from typing import ClassVar

from textual import on, work

from advisor import runs
from rules.errors import UserError
from tui.error_note import ErrorNote
from tui.messages import Refused, RunsListed
from tui.page import Page


class RunsPage(Page):
    """Subclasses call ``start_reading`` once, and free ``_busy`` when ``RunsListed`` comes."""

    POLL_SECONDS: ClassVar[float] = 1.0

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._runs: tuple[runs.RunStatus, ...] = ()
        self._busy = False

    def start_reading(self) -> None:
        """Read the folder now, and again after each interval."""
        self.set_interval(self.POLL_SECONDS, self.refresh_runs)
        self.refresh_runs()

    def refresh_runs(self) -> None:
        """Read the folder again, unless that is going on already."""
        if self.is_current and not self._busy:
            self._busy = True
            self._read()

    @work(thread=True)
    def _read(self) -> None:
        try:
            self.post_message(RunsListed(tuple(runs.all_runs(self._folder))))
        except UserError as error:
            self.post_message(Refused(error))

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """A broken runs folder is named, and must not hide the rest of the page."""
        self._busy = False
        self.query_one(ErrorNote).show(event.error)
