"""Two answers side by side, blind: a key for the better one, and what all ratings come to."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from advisor import rating_pairs, report_rate
from advisor.rating import Item, Ratings, Said
from rules.errors import UserError
from tui.error_note import ErrorNote
from tui.page import Page

_PAIRS = ("left", "right", "tie", "both_bad")
_THUMBS = ("up", "down")


class RateScreen(Page):
    """One prompt at a time; each rating is on the disk before the next one is shown."""

    TITLE_TEXT = "rate"
    ABOUT = (
        "The sides are drawn by lot for each rater and prompt. Ties, and pairs of which both are "
        "bad, are counted and teach nothing. Page up and page down move long answers."
    )
    SCROLLS = "#one"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1,left", "say('left')", "Left", key_display="1 ←", priority=True),
        Binding("2,right", "say('right')", "Right", key_display="2 →", priority=True),
        Binding("t", "say('tie')", "Tie"),
        Binding("b", "say('both_bad')", "Both bad"),
        Binding("plus,equals_sign", "say('up')", "Good", key_display="+"),
        Binding("minus", "say('down')", "Bad", key_display="-"),
        Binding("s", "say('skip')", "Skip"),
        Binding("n", "note", "Note"),
        Binding("u", "undo", "Undo"),
    ]

    def __init__(self, ratings: Ratings) -> None:
        super().__init__()
        self._ratings = ratings

    def body(self) -> Iterable[Widget]:
        """The prompt, the answers, and what was noted."""
        yield VerticalScroll(Static("", id="asked"), id="prompt", can_focus=False)
        sides = (
            VerticalScroll(Static("", id=f"{name}-text"), id=name, classes="answer")
            for name in ("one", "two")
        )
        yield Horizontal(*sides, id="sides")
        yield Static("", id="noted")
        yield Static("", id="summary")
        yield ErrorNote(id="error")

    def on_mount(self) -> None:
        """Show the first one, and say what of the log could not be read."""
        two = self._ratings.mode == "pairs"
        self.query_one("#one").border_title = "1" if two else "answer"
        self.query_one("#two").border_title = "2"
        self.query_one("#two").display = two
        self._show()
        for note in () if self._ratings.said() else self._ratings.candidates.notes:
            self.notify(note, markup=False, timeout=10)
        for place in self._ratings.unread:
            self.notify(f"{place}: cut off when it was written; asked again", markup=False)

    def _show(self) -> None:
        ratings, item = self._ratings, self._ratings.current
        done = len(ratings.said())
        self.head(f"{done:,} of {len(ratings.candidates.items):,} done, rater {ratings.rater}")
        self.set_class(item is None, "-over")
        if item is None:
            self._show_end()
        else:
            self._show_item(item)
        self.refresh_bindings()

    def _show_item(self, item: Item) -> None:
        ratings = self._ratings
        self.query_one("#asked", Static).update(
            Content.styled(report_rate.readable(report_rate.prompt(item)), "bold")
        )
        for name, place in zip(("one", "two"), ratings.order(item), strict=False):
            text = Content(report_rate.readable(item.answers[place]))
            self.query_one(f"#{name}-text", Static).update(text)
            self.query_one(f"#{name}").scroll_home(animate=False)
        self.query_one("#prompt").scroll_home(animate=False)
        self.query_one("#one").focus()
        mine = [note for rater, note in ratings.notes(item.id) if rater == ratings.rater]
        noted = "\n".join(f"your note: {report_rate.readable(note)}" for note in mine)
        self.query_one("#noted", Static).update(Content(noted))
        ratings.asked()
        if ratings.mode == "pairs":
            self.next_step("1 or 2 for the better one, t for a tie, b where both are bad")
        else:
            self.next_step("+ where it is good, - where it is bad")

    def _show_end(self) -> None:
        """Write the rows, and say what they come to."""
        written = None
        try:
            self._ratings.reload()
            written = self._write()
        except UserError as error:
            self.query_one(ErrorNote).show(error)
        found = rating_pairs.tally(self._ratings)
        self.query_one("#summary", Static).update(
            report_rate.summary(self._ratings, found, written)
        )
        then = f"2 on the first screen reads {written.name}, " if written else ""
        self.next_step(f"{then}u takes the last one back, escape goes back")

    def _write(self) -> Path | None:
        """The rows to learn from; nothing where there is not one."""
        if not rating_pairs.tally(self._ratings).rows:
            return None
        path = rating_pairs.default(self._ratings)
        rating_pairs.write(self._ratings, path)
        return path

    def action_say(self, said: str) -> None:
        """Keep it, and show the next."""
        self._do(lambda: self._ratings.say(cast("Said", said)))

    def action_undo(self) -> None:
        """Take the last one back, and show it again."""
        if not self._ratings.said():
            self.notify("there is nothing to take back", markup=False)
            return
        self._do(self._ratings.undo)

    def action_note(self) -> None:
        """Write a remark about this prompt and its answers."""
        self.shell.push_screen(NoteScreen(), self._keep_note)

    def _keep_note(self, text: str | None) -> None:
        if text:
            self._do(lambda: self._ratings.note(text))

    def _do(self, job: Callable[[], object]) -> None:
        self.query_one(ErrorNote).clear()
        try:
            job()
        except UserError as error:
            self.query_one(ErrorNote).show(error)
            return
        self._show()

    def action_back(self) -> None:
        """Write what there is to learn from so far, and go back; the same log goes on."""
        try:
            self._ratings.reload()
            written = self._write()
        except UserError as error:
            self.notify(str(error), title="Not written", severity="error", markup=False)
        else:
            if written:
                self.notify(f"what can be learned from is in {written.name}", markup=False)
        super().action_back()

    def action_scroll(self, pages: int) -> None:
        """Both answers move together."""
        for part in self.query(".answer"):
            step = pages * max(1, part.size.height - 2)
            part.scroll_relative(y=step, animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only the keys that this way of rating has, and none once all is said."""
        if action == "say":
            theirs = _THUMBS if self._ratings.mode == "pairs" else _PAIRS
            return parameters[0] not in theirs and self._ratings.current is not None
        if action == "note":
            return self._ratings.current is not None
        return super().check_action(action, parameters)


class NoteScreen(ModalScreen[str | None]):
    """Closes with what was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    def compose(self) -> ComposeResult:
        """One box."""
        with Vertical(classes="dialog"):
            yield Label("A note about these answers")
            yield Input(id="note")
            yield Static("Next: enter keeps it, escape closes", classes="next")

    @on(Input.Submitted)
    def keep(self, event: Input.Submitted) -> None:
        """Hand it over."""
        event.stop()
        self.dismiss(event.value.strip() or None)
