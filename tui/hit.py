"""A passage that was found, in full, with the words of the question marked."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from advisor import report_search
from advisor.outputs_search import HitOutput
from advisor.report_xray import visible


class HitScreen(ModalScreen[None]):
    """Where it stands, what is known of it, and its text."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,q", "dismiss", "Close")]

    def __init__(self, question: str, hit: HitOutput) -> None:
        super().__init__()
        self._question, self._hit = question, hit

    def compose(self) -> ComposeResult:
        """Head, text, and the way back."""
        hit = self._hit
        place = f"characters {hit.start:,} to {hit.end:,}"
        known = [place, *(f"{key} {visible(str(said))}" for key, said in hit.metadata.items())]
        with Vertical(classes="dialog", id="row"):
            yield Static(report_search.head(hit), id="place")
            yield Static(Content.styled("  ".join(known), "$text-muted"))
            with VerticalScroll(id="fields"):
                yield Static(report_search.whole(self._question, hit.text), id="told")
            yield Static("Next: escape closes this", classes="next")

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one("#fields").focus()
