"""All runs with their state and accuracy: open one, compare some."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from advisor import scale
from advisor.runs import RunStatus
from runners.base import Card, Scorecard
from tui import words
from tui.error_note import ErrorNote
from tui.listing import Item, Listing
from tui.messages import OpenComparison, OpenInterview, OpenRating, RunsListed, WatchRuns
from tui.runs_page import RunsPage


class RunsScreen(RunsPage):
    """The runs folder as a list, the newest first."""

    TITLE_TEXT = "runs"
    ABOUT = (
        "A folder is a run: this list is read from disk, so runs of the command line are here too."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark"),
        Binding("c", "compare", "Compare"),
        Binding("r", "rate", "Rate answers"),
        Binding("i", "interview", "Interview"),
    ]

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._marked: list[str] = []
        self._seen = False

    def body(self) -> Iterable[Widget]:
        """Names of the columns, rows, and what is known of the row under the cursor."""
        yield Static(
            f"      {'run':24}{'state':11}{'accuracy':24}took",
            id="columns-names",
        )
        yield Listing(id="runs")
        yield Static("", id="detail")
        yield ErrorNote(id="error")

    def on_mount(self) -> None:
        """Read the folder now and every second."""
        self.query_one(Listing).focus()
        self.start_reading()

    @on(RunsListed)
    def show_runs(self, event: RunsListed) -> None:
        """Draw again what has changed."""
        self._busy = False
        if event.runs == self._runs and self._seen:
            return
        self._runs, self._seen = tuple(event.runs), True
        self.query_one(ErrorNote).clear()
        self._draw()

    def _draw(self) -> None:
        newest = list(reversed(self._runs))
        items = [Item(run.name, _row(run, run.name in self._marked)) for run in newest]
        self.query_one(Listing).fill(items)
        self.head(f"{len(self._runs)} in {self._folder.name}/")
        if not items:
            self.query_one("#detail", Static).update(Content(f"No runs in {self._folder} yet."))
        self._draw_next()

    def _draw_next(self) -> None:
        done = sum(run.state == "done" for run in self._runs)
        if len(self._marked) > 1:
            self.next_step(f"c compares {words.listed(self._marked)}{_rates(self._marked)}")
        elif not self._runs:
            self.next_step("i starts the interview, which ends in a run")
        elif done > 1:
            self.next_step("enter opens a run; c compares the newest, or mark some with space")
        else:
            self.next_step("enter opens the run; a second one on the same rows can be compared")

    @on(OptionList.OptionHighlighted)
    def describe(self, event: OptionList.OptionHighlighted) -> None:
        """What is known of the run under the cursor."""
        run = next((run for run in self._runs if run.name == event.option.id), None)
        if run is not None:
            self.query_one("#detail", Static).update(_detail(run))

    @on(OptionList.OptionSelected)
    def open_run(self, event: OptionList.OptionSelected) -> None:
        """Watch it, or look at what it found."""
        self.post_message(WatchRuns((self._folder / str(event.option.id),)))

    def action_mark(self) -> None:
        """Mark the run for a comparison."""
        name = self.query_one(Listing).key
        if name in self._marked:
            self._marked.remove(name)
        elif name is not None:
            self._marked.append(name)
        self._draw()

    def action_compare(self) -> None:
        """Compare the marked runs, or the newest that can be compared."""
        self.post_message(OpenComparison(tuple(self._folder / name for name in self._marked)))

    def action_rate(self) -> None:
        """Rate the answers of the marked runs, or of the one under the cursor."""
        chosen = self._marked or [name for name in [self.query_one(Listing).key] if name]
        self.post_message(OpenRating(tuple(chosen)))

    def action_interview(self) -> None:
        """Go to the questions."""
        self.post_message(OpenInterview())


def _rates(marked: Sequence[str]) -> str:
    return "; r rates the answers of both" if len(marked) == 2 else ""


def _row(run: RunStatus, marked: bool) -> Content:
    result = run.result
    news = run.last.progress if run.last and run.state == "running" else None
    accuracy = _measured(result.scorecard) if result else ""
    if news:
        far = f"{news.step}/{news.steps} " if news.steps else ""
        accuracy = words.clip(f"{far}{news.message}", 23)
    return Content.assemble(
        ("■ " if marked else "  ", "bold $warning"),
        f"{words.STATE_MARKS[run.state]} ",
        (words.clip(run.name, 23).ljust(24), "bold"),
        run.state.ljust(11),
        accuracy.ljust(24),
        words.duration(result.train_seconds) if result else "",
    )


def _measured(card: Card) -> str:
    if isinstance(card, Scorecard):
        return words.interval(card.accuracy)
    return words.clip(scale.headline_shown(card), 23)


def _detail(run: RunStatus) -> Content:
    plan, news = run.plan, run.last.progress if run.last else None
    lines = [
        f"{plan.approach} on {plan.base_model}",
        f"{plan.train.rows:,} rows to learn from, {plan.evaluation.rows:,} to measure on",
    ]
    if run.state == "died":
        lines.append(f"† died; last event: {news.message if news else 'it was started'}")
    elif news:
        lines.append(f"last event: {news.message}")
    return Content("\n".join(lines))
