"""The first screen: what is under way, and what can be done."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from advisor import runs
from tui import words
from tui.error_note import ErrorNote
from tui.listing import Item, Listing
from tui.messages import (
    OpenComparison,
    OpenData,
    OpenDocuments,
    OpenInterview,
    OpenRating,
    OpenRecommendation,
    OpenRuns,
    RunsListed,
    WatchRuns,
)
from tui.notebook import Notebook
from tui.runs_page import RunsPage

_UNDER_WAY = "run:"
_DATA = "what your rows are, what is wrong with them, their tokens"


class HomeScreen(RunsPage):
    """Runs under way first, then the ways on."""

    TITLE_TEXT = "which way of adapting a language model fits your case?"
    POLL_SECONDS = 2.0
    ABOUT = "Decide by rules with sources, then prove it by experiment on your own rows."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "pick('interview')", "Interview"),
        Binding("2,d", "pick('data')", "Data"),
        Binding("3", "pick('recommendation')", "Recommendation"),
        Binding("4", "pick('runs')", "Runs"),
        Binding("5", "pick('comparison')", "Compare"),
        Binding("6", "pick('documents')", "Documents"),
        Binding("7", "pick('rating')", "Rate"),
        Binding("q", "app.quit", "Quit"),
    ]

    def __init__(self, notebook: Notebook, folder: Path) -> None:
        super().__init__(folder)
        self._notebook = notebook

    def body(self) -> Iterable[Widget]:
        """An invitation, and the list."""
        yield Static(
            "Answer some questions, see which approach the rules recommend and why,\n"
            "then run it and its rivals on your own data and compare.",
            id="invitation",
        )
        yield ErrorNote(id="error")
        yield Listing(id="ways")

    def on_mount(self) -> None:
        """Draw at once; the runs folder is read beside."""
        self._draw()
        self.query_one(Listing).focus()
        self.start_reading()

    def on_screen_resume(self) -> None:
        """Something may have been started or answered."""
        self.refresh_runs()
        self._draw()

    def facts_changed(self) -> None:
        """Count again."""
        self._draw()

    @on(RunsListed)
    def show_runs(self, event: RunsListed) -> None:
        """Put what is under way on top."""
        self._busy = False
        changed = event.runs != self._runs
        self._runs = event.runs
        if changed:
            self._draw()

    def _draw(self) -> None:
        under_way = [run for run in self._runs if run.state in ("running", "queued")]
        items = [Item(_UNDER_WAY + run.name, _row(run)) for run in reversed(under_way)]
        answers, known = len(self._notebook.answers), len(self._notebook.situation.known)
        told = (
            f"go on: {answers} answers so far"
            if answers
            else "questions; what your data shows is not asked"
        )
        done = sum(run.state == "done" for run in self._runs)
        ways = {
            "interview": ("1", "Interview", told),
            "data": ("2", "Data", self._notebook.summary or _DATA),
            "recommendation": ("3", "Recommendation", f"every approach, from {known} known facts"),
            "runs": ("4", "Runs", f"{len(self._runs)} in {_short(self._folder)}"),
            "comparison": ("5", "Compare", f"the newest of {done} finished runs, on the same rows"),
            "documents": ("6", "Documents", "index them, search them, answer from them"),
            "rating": ("7", "Rate", "two answers side by side: pairs that can be learned from"),
            "quit": ("q", "Quit", "runs under way go on by themselves"),
        }
        items += [
            Item(
                name,
                Content.assemble(
                    (f"{key} ", "bold $accent"),
                    (title.ljust(16), "bold"),
                    (text, "$foreground-muted"),
                ),
            )
            for name, (key, title, text) in ways.items()
        ]
        listing = self.query_one(Listing)
        first = not listing.items or not listing.items[0].key.startswith(_UNDER_WAY)
        listing.fill(items, items[0].key if under_way and first else None)
        if under_way:
            self.next_step(f"enter watches {under_way[-1].name}")
        else:
            self.next_step("enter or 1 starts the interview" if not answers else "1 goes on asking")

    @on(OptionList.OptionSelected)
    def open_way(self, event: OptionList.OptionSelected) -> None:
        """Go where the row leads."""
        key = event.option.id or ""
        if key.startswith(_UNDER_WAY):
            self.post_message(WatchRuns((self._folder / key.removeprefix(_UNDER_WAY),)))
        else:
            self.action_pick(key)

    def action_pick(self, way: str) -> None:
        """Go there."""
        if way == "quit":
            self.shell.exit()
            return
        opened = {
            "interview": OpenInterview(),
            "data": OpenData(),
            "recommendation": OpenRecommendation(),
            "runs": OpenRuns(),
            "comparison": OpenComparison(),
            "documents": OpenDocuments(),
            "rating": OpenRating(),
        }
        self.post_message(opened[way])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Home is where back ends; quitting is a key of its own."""
        return action not in ("back", "scroll")


def _row(run: runs.RunStatus) -> Content:
    news = run.last.progress if run.last else None
    far = f"{news.step}/{news.steps} " if news and news.steps else ""
    return Content.assemble(
        (f"{words.STATE_MARKS[run.state]} ", "bold $success"),
        (run.name.ljust(16), "bold"),
        f"{run.state}  {far}{news.message if news else ''}",
    )


def _short(folder: Path) -> str:
    home = str(Path.home())
    return str(folder).replace(home, "~", 1) if str(folder).startswith(home) else str(folder)
