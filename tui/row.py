"""One row in full, as plain text: every field that it has."""

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from advisor.report_xray import visible
from runners.base import Row
from tui.behind import Line

_MOST = 20_000
"""Characters of a field that are shown; nobody reads more in a terminal."""


class RowScreen(ModalScreen[bool]):
    """Closes with whether its tokens are wanted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss(False)", "Close"),
        Binding("x", "dismiss(True)", "X-ray"),
    ]

    def __init__(self, line: Line, place: str) -> None:
        super().__init__()
        self._line, self._place = line, place

    def compose(self) -> ComposeResult:
        """The fields, and the next step."""
        row = self._line.row
        with Vertical(classes="dialog", id="row"):
            yield Static(Content.styled(self._place, "bold"), id="place")
            with VerticalScroll(id="fields"):
                yield Static(_fields(row) if row else _record(self._line), id="told")
            does = "x shows the tokens that a model gets, " if row else ""
            yield Static(Content(f"Next: {does}escape closes"), classes="next")

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one("#fields").focus()


def _record(line: Line) -> Content:
    if not line.text:
        return Content("nothing more is known of it")
    return Content.assemble(("not used: ", "bold"), f"{line.answer}\n", line.text)


def _fields(row: Row) -> Content:
    parts: list[Content] = []
    for name, text in _texts(row):
        shown = "\n".join(visible(line) for line in text[:_MOST].split("\n"))
        more = f"\n… and {len(text) - _MOST:,} characters more" if len(text) > _MOST else ""
        parts.append(Content.assemble((f"{name}  ", "bold $accent"), shown, more))
    return Content("\n").join(parts)


def _texts(row: Row) -> Iterator[tuple[str, str]]:
    """Every field that says something, the id always."""
    liked = None if row.liked is None else ("yes" if row.liked else "no")
    fields: list[tuple[str, str | None]] = [("id", row.id), ("input", row.input)]
    fields += [(turn["role"], turn["content"]) for turn in row.messages]
    fields += [("target", row.target), ("labels", ", ".join(row.labels))]
    fields += [("rejected", row.rejected), ("liked", liked)]
    fields += [(f"document {number}", text) for number, text in enumerate(row.documents, 1)]
    fields += [("user", row.user), ("group", row.group)]
    yield from ((name, text) for name, text in fields if text)
