"""What is to be rated, by whom, and where it is kept: the form in front of the answers."""

import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from advisor import rating_start
from advisor.candidates import Wanted
from advisor.rating import Mode
from advisor.rating_start import Sources
from rules.errors import SettingError, UserError
from runners.base import Progress
from tui.beside import beside
from tui.error_note import ErrorNote
from tui.messages import RatingBegun, RatingNews, Refused
from tui.page import Page
from tui.path_input import PathInput
from tui.reading_line import ReadingLine

_HINTS = {
    "answers": "Two runs, one run that answers twice, or a file with a prompt and two answers.",
    "prompts": "Questions to ask the runs now; empty: those that they were measured on.",
    "ratings-log": "Each rating is a line of it; if it is there already, it is gone on with.",
    "rater": "Who rates. Several people rate into the same log, each under a name.",
}
_MODES: dict[Mode, str] = {
    "pairs": "pairs: which of two answers is better",
    "thumbs": "thumbs: each answer is good or bad",
}


class RateFormScreen(Page):
    """Four boxes; enter begins, or goes on where the same log stopped."""

    TITLE_TEXT = "rate answers"
    ABOUT = (
        "Answers are shown without their origin, and on sides drawn by lot. What comes out is a "
        "file of pairs, or of thumbs, that can be learned from as it is."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+t", "mode", "Pairs or thumbs")]

    def __init__(self, folder: Path, names: Sequence[str] = ()) -> None:
        super().__init__()
        self._folder, self._names = folder, tuple(names)
        self._mode: Mode = "pairs"
        self._busy = False

    def body(self) -> Iterable[Widget]:
        """The boxes, and what each takes."""
        rater = ""
        with suppress(UserError):
            rater = rating_start.rater_named(None)
        answers = PathInput(shlex.join(self._names), placeholder="answers.jsonl", id="answers")
        yield Vertical(
            _line("Answers", answers),
            _line("Prompts", PathInput(id="prompts")),
            _line("Log", PathInput("ratings.jsonl", id="ratings-log")),
            _line("Rater", Input(rater, id="rater", compact=True)),
            id="boxes",
        )
        yield Static("", id="default")
        yield ErrorNote(id="error")
        yield ReadingLine(id="reading")

    def on_mount(self) -> None:
        """Where there is something to type."""
        self.query_one("#ratings-log" if self._names else "#answers", Input).focus()
        self._draw()

    def on_descendant_focus(self) -> None:
        """What can be typed into the box that has the keyboard."""
        self._draw()

    def _draw(self) -> None:
        self.head(_MODES[self._mode])
        box = self.focused.id if self.focused else None
        self.query_one("#default", Static).update(_HINTS.get(box or "", ""))
        if not self._busy:
            self.next_step("enter begins, tab goes to the next box, ctrl+t takes pairs or thumbs")

    def action_mode(self) -> None:
        """Two answers, or one at a time."""
        if not self._busy:
            self._mode = "thumbs" if self._mode == "pairs" else "pairs"
            self._draw()

    @on(Input.Submitted)
    def begin(self) -> None:
        """Read, ask the runs where that is needed, and show the first answers."""
        if self._busy:
            return
        self.query_one(ErrorNote).clear()
        try:
            names = tuple(self._named())
            log = self.query_one("#ratings-log", PathInput).path or Path("ratings.jsonl")
        except UserError as error:
            self.query_one(ErrorNote).show(error)
            return
        self._busy = True
        self.query_one(ReadingLine).begin("looking for answers")
        self.next_step("wait, or escape")
        sources = Sources(names=names, prompts=self.query_one("#prompts", PathInput).path)
        self._start(log, sources, self.query_one("#rater", Input).value)

    def _named(self) -> list[str]:
        said = self.query_one("#answers", PathInput).value.strip()
        whole = Path(said).expanduser()
        if said and whole.is_file():
            return [str(whole)]
        try:
            return [str(Path(word).expanduser()) for word in shlex.split(said)]
        except ValueError as error:
            fix = "put quotes around the whole path, or none"
            raise SettingError(f"no names: {error}", where="answers", fix=fix) from error

    @work
    async def _start(self, log: Path, sources: Sources, rater: str) -> None:
        await beside(lambda: self._find(log, sources, rater))

    def _find(self, log: Path, sources: Sources, rater: str) -> None:
        def news(progress: Progress) -> None:
            self.post_message(RatingNews(progress))

        wanted = Wanted(mode=self._mode)
        try:
            begun = rating_start.start(log, sources, wanted, rater, self._folder, news)
        except UserError as error:
            self.post_message(Refused(error))
        else:
            self.post_message(RatingBegun(begun))

    @on(RatingNews)
    def show_news(self, event: RatingNews) -> None:
        """How far the runs are."""
        self.query_one(ReadingLine).show(event.news)

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """Say it where it happened; what was typed stays."""
        self._rest()
        self.query_one(ErrorNote).show(event.error)

    @on(RatingBegun)
    def rest(self) -> None:
        """The app shows the answers; this form is the way back."""
        self._rest()

    def _rest(self) -> None:
        self._busy = False
        self.query_one(ReadingLine).end()
        self._draw()


def _line(label: str, box: Input) -> Horizontal:
    return Horizontal(Label(label), box, classes="line")
