"""The dialog that writes down what the rows are and which column is which."""

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from advisor import mapping
from rules.errors import DataError, UserError
from tui.error_note import ErrorNote
from tui.looked import Looked
from tui.path_input import MAPPING, PathInput


class SaveMappingScreen(ModalScreen[Path | None]):
    """Closes with the file that was written."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    def __init__(self, looked: Looked) -> None:
        super().__init__()
        self._looked = looked

    def compose(self) -> ComposeResult:
        """One box, and room for what is wrong."""
        with Vertical(classes="dialog"):
            yield Label("Write kind and columns to")
            yield PathInput("mapping.yaml", wanted=MAPPING, id="file")
            yield ErrorNote(id="error")
            yield Static("Next: enter writes, escape closes", classes="next")

    @on(Input.Submitted)
    def save(self, event: Input.Submitted) -> None:
        """Write it; a file that is there already is left alone."""
        event.stop()
        path = self.query_one("#file", PathInput).path
        try:
            if path is None:
                fix = "type a name such as mapping.yaml"
                raise DataError("no file named", where="mapping file", fix=fix)
            mapping.save(self._looked.table.mapping, path, self._looked.columns)
        except UserError as error:
            self.query_one(ErrorNote).show(error)
        else:
            self.dismiss(path)
