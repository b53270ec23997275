"""Two boxes for the names of the columns, shown when a file leaves it open which is which."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label

from advisor.columns import Columns
from rules.errors import UserError

_FLAGS = ("--input", "--target")
"""What the advisor calls the two in its errors; the boxes are labelled alike."""


class ColumnBoxes(Vertical):
    """Takes no room until an error asks for a column, or one has been named before."""

    DEFAULT_CSS = "ColumnBoxes { height: auto; }"

    def __init__(self, columns: Columns) -> None:
        super().__init__()
        self._given = columns
        self.display = columns != Columns()

    def compose(self) -> ComposeResult:
        """A line for each."""
        given = (self._given.input, self._given.target)
        what = ("Text (--input)", "Label (--target)")
        for name, label, value in zip(("input", "target"), what, given, strict=True):
            box = Input(value or "", placeholder="name of the column", id=name, compact=True)
            yield Horizontal(Label(label), box, classes="line")

    @property
    def columns(self) -> Columns:
        """What was typed."""
        text, label = (self.query_one(box, Input).value.strip() for box in ("#input", "#target"))
        return Columns(input=text or None, target=label or None)

    def answer(self, error: UserError) -> None:
        """Show the boxes when the error names one of them; the cursor goes to the empty one."""
        if any(flag in f"{error.where} {error.fix}" for flag in _FLAGS):
            self.display = True
            empty = [box for box in self.query(Input) if not box.value.strip()]
            wanted = empty or [self.query_one("#target" if error.where == "--target" else "#input")]
            wanted[0].focus()
