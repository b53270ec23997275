"""The dialog that reads data files, so that what they show need not be asked."""

from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from advisor import data
from advisor.columns import Columns
from advisor.profile import DataProfile, profile
from rules.errors import DataError, UserError
from tui.column_boxes import ColumnBoxes
from tui.error_note import ErrorNote
from tui.messages import DataRead, Refused
from tui.notebook import Notebook
from tui.path_input import PathInput


def read(train: Path, evaluation: Path | None, columns: Columns) -> DataProfile:
    """Profile the files, exactly as ``whichtune profile`` does."""
    return profile(*data.read_both(train, evaluation, columns))


def summary(found: DataProfile) -> str:
    """One line: how much there is, and what is wrong with it."""
    worst = next(iter(found.blocking), None) or next(
        (item for item in found.findings if item.severity == "warning"), None
    )
    text = f"{found.file}: {found.rows:,} rows, {len(found.labels):,} labels"
    return f"{text}  ! {worst.text}" if worst else text


class DataScreen(ModalScreen[DataRead | None]):
    """Ask for one or two paths, read them in a thread, close with what they show."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    def __init__(self, notebook: Notebook) -> None:
        super().__init__()
        self._train, self._evaluation = notebook.train, notebook.evaluation
        self._columns = notebook.columns
        self._reading = False

    def compose(self) -> ComposeResult:
        """Two boxes, and room for what is wrong."""
        with Vertical(classes="dialog"):
            yield Label("Data file: one text and one label a row (csv, tsv, jsonl, json)")
            yield PathInput(str(self._train or ""), placeholder="tickets.csv", id="train")
            yield Label("Rows to measure on, in a file of their own (optional)")
            yield PathInput(str(self._evaluation or ""), placeholder="none", id="evaluation")
            yield ColumnBoxes(self._columns)
            yield ErrorNote(id="error")
            yield Static("", id="reading")
            yield Static("Next: tab completes, enter reads, escape closes", classes="next")

    @on(Input.Submitted)
    def start_reading(self) -> None:
        """Read what was typed; the boxes keep it, whatever comes of it."""
        train = self.query_one("#train", PathInput).path
        if self._reading:
            return
        self.query_one(ErrorNote).clear()
        if train is None:
            error = DataError("no file named", where="data file", fix="type the path of a file")
            self.query_one(ErrorNote).show(error)
            return
        self._reading = True
        self.query_one("#reading", Static).update(f"reading {train.name} …")
        columns = self.query_one(ColumnBoxes).columns
        self._read(train, self.query_one("#evaluation", PathInput).path, columns)

    @work(thread=True)
    def _read(self, train: Path, evaluation: Path | None, columns: Columns) -> None:
        try:
            found = read(train, evaluation, columns)
        except UserError as error:
            self.post_message(Refused(error))
        else:
            self.post_message(DataRead(found.facts(), train, evaluation, columns, summary(found)))

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """Say it where it happened."""
        self._reading = False
        self.query_one("#reading", Static).update("")
        self.query_one(ErrorNote).show(event.error)
        self.query_one(ColumnBoxes).answer(event.error)

    @on(DataRead)
    def close(self, event: DataRead) -> None:
        """Hand over what the files show."""
        event.stop()
        self.dismiss(event)
