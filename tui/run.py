"""Watching runs through their folders only: a run may have been started here, or anywhere else."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from advisor import resuming, runs, scale
from rules.errors import UserError
from runners.base import Scorecard
from tui import progress_line, words
from tui.chart import Chart
from tui.error_note import ErrorNote
from tui.listing import Item, Listing
from tui.messages import OpenComparison, Refused, RunsSeen, StartPlans
from tui.outcome import outcome
from tui.page import ConfirmScreen, Page
from tui.tail import Tail
from tui.watch import Sight, Watch

_POLL_SECONDS = 0.5
_LOADING = "loading libraries"
"""What a run reports for some ten seconds without any news."""
_CAN_START = ("planned", "failed", "cancelled", "died")
_STATE_STYLES = {
    "running": "bold $success",
    "done": "bold $success",
    "failed": "bold $error",
    "died": "bold $error",
    "cancelled": "bold $warning",
}


class RunScreen(Page):
    """State, progress, curve, warnings and log of one run, out of those that are watched."""

    TITLE_TEXT = "run"
    ABOUT = "A run is a process of its own: closing this screen, or the app, does not stop it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "Log"),
        Binding("c", "cancel", "Cancel"),
        Binding("r", "start", "Start"),
        Binding("n", "curve", "Next curve"),
        Binding("e", "result", "Result"),
    ]

    def __init__(self, folders: tuple[Path, ...]) -> None:
        super().__init__()
        self._watches = [Watch(folder) for folder in folders]
        self._sights: dict[str, Sight] = {}
        self._selected = folders[0].name if folders else ""
        self._curve = 0
        self._offered: tuple[str, str, bool] | None = None
        self._busy = False

    def body(self) -> Iterable[Widget]:
        """A list when there are several; below it the one under the cursor."""
        listing = Listing(id="watched")
        listing.display = len(self._watches) > 1
        yield listing
        yield Static("", id="state")
        yield Static("", id="bar")
        yield Static("", id="warnings")
        yield ErrorNote(id="error")
        yield Vertical(*_lower(), id="lower")

    def on_mount(self) -> None:
        """Look now, and then twice a second."""
        if len(self._watches) > 1:
            self.query_one(Listing).focus()
        self.set_interval(_POLL_SECONDS, self.look)
        self.look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what makes sense for the selected run."""
        sight = self.sight
        if sight is None:
            return action not in ("cancel", "start", "curve", "result", "scroll")
        state = sight.run.state
        sensible = {
            "cancel": state in ("running", "queued"),
            "start": state in _CAN_START,
            "scroll": False,
            "curve": sum(len(points) > 1 for points in sight.curves.values()) > 1,
            "result": any(item.run.state == "done" for item in self._sights.values()),
        }
        return sensible.get(action, True)

    def look(self) -> None:
        """Read the folders in a thread, unless one is reading already."""
        if not self._busy and self.is_current:
            self._busy = True
            self._look()

    @work(thread=True)
    def _look(self) -> None:
        try:
            self.post_message(RunsSeen(tuple(watch.look() for watch in self._watches)))
        except UserError as error:
            self.post_message(Refused(error))

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """Something about the folder the user can put right."""
        self._busy = False
        self.query_one("#error", ErrorNote).show(event.error)

    @on(RunsSeen)
    def show_runs(self, event: RunsSeen) -> None:
        """Draw what the folders show."""
        self._busy = False
        self._sights = {sight.run.name: sight for sight in event.sights}
        if len(self._sights) > 1:
            rows = [Item(name, _row(sight)) for name, sight in self._sights.items()]
            self.query_one(Listing).fill(rows, self._selected)
        self._draw()

    @on(OptionList.OptionHighlighted)
    def select(self, event: OptionList.OptionHighlighted) -> None:
        """Show the run under the cursor."""
        if event.option.id in self._sights and event.option.id != self._selected:
            self._selected = event.option.id or ""
            self._draw()

    @property
    def sight(self) -> Sight | None:
        """What was last seen of the selected run."""
        return self._sights.get(self._selected)

    def _draw(self) -> None:
        sight = self.sight
        if sight is None:
            return
        plan = sight.run.plan
        self.head(f"{sight.run.name}, {words.clip(plan.base_model, 44)}")
        before = self._before(sight)
        self.query_one("#state", Static).update(_state(sight, before))
        self.query_one("#bar", Static).update(progress_line.progress(sight))
        self._draw_trouble(sight)
        names = [name for name, points in sight.curves.items() if len(points) > 1]
        if names:
            name = names[self._curve % len(names)]
            self.query_one(Chart).show(name, sight.curves[name])
        result = sight.run.result
        self.query_one("#result", Static).update(outcome(result) if result else "")
        self.set_class(not names, "-no-curve")
        self.set_class(result is not None, "-done")
        self.query_one(Tail).show(sight.log)
        self.next_step(_next(sight, before))
        offered = (sight.run.name, sight.run.state, len(names) > 1)
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()

    def _before(self, sight: Sight) -> str | None:
        """The run that a queued one waits for, if it is among those that are watched."""
        if sight.run.state != "queued":
            return None
        names = list(self._sights)
        above = [self._sights[name].run for name in names[: names.index(sight.run.name)]]
        waited_for = (run.name for run in reversed(above) if run.state in ("queued", "running"))
        return next(waited_for, None)

    def _draw_trouble(self, sight: Sight) -> None:
        warnings = self.query_one("#warnings", Static)
        shown = [Content.assemble(("! ", "bold $warning"), text) for text in sight.warnings[-2:]]
        warnings.display = bool(shown)
        warnings.update(Content("\n").join(shown))
        note = self.query_one("#error", ErrorNote)
        if sight.error:
            where, what = sight.error.get("where", ""), sight.error.get("what", "")
            note.show(UserError(what, where=where, fix=sight.error.get("fix", "read the log (l)")))
        else:
            note.clear()

    def action_log(self) -> None:
        """Give the log the room of the curve, or take it back."""
        self.toggle_class("-log")

    def action_curve(self) -> None:
        """Show the next of the values that were reported."""
        self._curve += 1
        self._draw()

    def action_cancel(self) -> None:
        """Ask, then stop the selected run."""
        sight = self.sight
        if sight is None:
            return
        question = ConfirmScreen(
            f"Cancel {sight.run.name}? What it wrote so far stays.", "cancels it"
        )
        folder = sight.run.folder

        def confirmed(yes: bool | None) -> None:
            if yes:
                self._cancel(folder)

        self.shell.push_screen(question, confirmed)

    @work(thread=True)
    def _cancel(self, folder: Path) -> None:
        try:
            runs.cancel(folder)
        except UserError as error:
            self.post_message(Refused(error))

    def action_start(self) -> None:
        """Start a run that has not begun, or that did not end well."""
        sight = self.sight
        if sight is not None and sight.run.state in _CAN_START:
            resuming.go_on_or_start_afresh(sight.run)
            self.post_message(StartPlans((sight.run.plan,)))

    def action_result(self) -> None:
        """What the finished ones among these runs found, side by side."""
        done = [sight.run.folder for sight in self._sights.values() if sight.run.state == "done"]
        if done:
            self.post_message(OpenComparison(tuple(done)))


def _lower() -> Iterable[Widget]:
    yield Static("", id="result")
    yield Chart(id="chart")
    yield Tail(id="log", nothing="the log is empty")


def _row(sight: Sight) -> Content:
    state = sight.run.state
    return Content.assemble(
        (f"{words.STATE_MARKS[state]} ", _STATE_STYLES.get(state, "")),
        (sight.run.name.ljust(24), "bold"),
        state.ljust(10),
        progress_line.progress(sight, steps=False),
    )


def _state(sight: Sight, before: str | None) -> Content:
    run = sight.run
    news = run.last.progress if run.last else None
    message = news.message if news else ""
    if message == _LOADING and run.state == "running":
        message += ", about ten seconds"
    if run.state == "queued":
        message = f"waits for {before}" if before else "its process starts"
    if run.state == "done" and run.result:
        message = scale.headline_shown(run.result.scorecard)
        majority = run.result.baselines.get("majority")
        if isinstance(majority, Scorecard):
            message += f", majority {majority.accuracy.value:.3f}"
    if run.state == "died":
        message = f"last event: {message or 'it was started'}"
    return Content.assemble(
        (f"{words.STATE_MARKS[run.state]} {run.state}", _STATE_STYLES.get(run.state, "bold")),
        f"  {message}",
    )


def _next(sight: Sight, before: str | None) -> str:
    name = sight.run.name
    match sight.run.state:
        case "planned":
            return "r starts it"
        case "queued" if before:
            return "it starts by itself, also when this app is closed; c takes it out of the queue"
        case "done":
            return f"e shows what it found; try it: whichtune try {name}"
        case "failed" | "died":
            return "l shows the log, r starts it again"
        case "cancelled":
            return "r starts it again"
        case _:
            return "escape leaves it running; it is found again under Runs"
