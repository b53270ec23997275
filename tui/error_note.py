"""What the user can put right, shown where it happened: what, where, and the fix."""

from textual.content import Content
from textual.widgets import Static

from rules.errors import UserError


class ErrorNote(Static):
    """Takes no room until there is something to say."""

    DEFAULT_CSS = "ErrorNote { display: none; height: auto; }"

    def show(self, error: UserError) -> None:
        """Show an error in its three parts."""
        text = Content.assemble(
            ("✗ ", "bold $error"),
            (error.where, "bold"),
            f": {error.what}\n",
            ("  fix: ", "bold $success"),
            error.fix,
        )
        self.update(text)
        self.display = True

    def clear(self) -> None:
        """Take the note away."""
        self.update("")
        self.display = False
