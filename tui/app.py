"""The app itself: it opens screens, and hands plans over to the queue. Nothing else."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import ClassVar

from textual import on, work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from advisor import hardware, runs
from rules.errors import UserError
from runners.base import Plan
from tui.comparison import ComparisonScreen
from tui.data import DataScreen
from tui.documents import DocumentsScreen
from tui.home import HomeScreen
from tui.interview import InterviewScreen
from tui.messages import (
    MachineRead,
    NotStarted,
    OpenComparison,
    OpenData,
    OpenDocuments,
    OpenInterview,
    OpenRating,
    OpenRecommendation,
    OpenRuns,
    OpenStart,
    RatingBegun,
    StartPlans,
    WatchRuns,
)
from tui.notebook import Notebook
from tui.page import Page
from tui.rate import RateScreen
from tui.rate_form import RateFormScreen
from tui.recommendation import RecommendationScreen
from tui.run import RunScreen
from tui.runs import RunsScreen
from tui.start import StartScreen

_THEME = Theme(
    name="whichtune",
    primary="#6cb6ff",
    secondary="#b392f0",
    accent="#f0b35e",
    success="#7bc97b",
    warning="#e5c07b",
    error="#f47067",
    foreground="#d8dee6",
    background="#12161c",
    surface="#161b22",
    panel="#1c232d",
    dark=True,
)


class WhichtuneApp(App[None]):
    """Home at the bottom, one screen for each thing to do on top of it."""

    TITLE = "whichtune"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.back", "Back"),
        Binding("question_mark", "screen.help", "Help", key_display="?"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
    ]

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        self.folder = runs.root(folder)
        self.notebook = Notebook()
        self._starting = Lock()

    def get_default_screen(self) -> Screen[None]:
        """Home."""
        return HomeScreen(self.notebook, self.folder)

    def on_mount(self) -> None:
        """Put on the colours."""
        self.register_theme(_THEME)
        self.theme = _THEME.name
        self._look_at_machine()

    @work(thread=True)
    def _look_at_machine(self) -> None:
        self.post_message(MachineRead(hardware.look().facts()))

    @on(MachineRead)
    def take_machine(self, event: MachineRead) -> None:
        """What the machine answers need not be asked."""
        self.notebook.machine = event.facts
        if isinstance(self.screen, Page):
            self.screen.facts_changed()

    def open_above_home(self, screen: Screen[None]) -> None:
        """Show a screen whose way back is home; all that matters is in the notebook or on disk."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.push_screen(screen)

    @on(OpenInterview)
    def open_interview(self, event: OpenInterview) -> None:
        """Questions."""
        self.open_above_home(InterviewScreen(self.notebook, event.fact))

    @on(OpenData)
    def open_data(self, event: OpenData) -> None:
        """Files, what they are, and what is wrong with them."""
        screen = DataScreen(self.notebook, from_questions=event.from_questions)
        if event.from_questions:
            self.push_screen(screen)
        else:
            self.open_above_home(screen)

    @on(OpenDocuments)
    def open_documents(self) -> None:
        """An index of documents, and what it finds."""
        self.open_above_home(DocumentsScreen(self.notebook))

    @on(OpenRating)
    def open_rating(self, event: OpenRating) -> None:
        """What is to be rated, and by whom."""
        self.push_screen(RateFormScreen(self.folder, event.names))

    @on(RatingBegun)
    def show_rating(self, event: RatingBegun) -> None:
        """The answers; whoever has left the form by now does not want them any more."""
        if isinstance(self.screen, RateFormScreen):
            self.push_screen(RateScreen(event.ratings))

    @on(OpenRecommendation)
    def open_recommendation(self) -> None:
        """Answers to them."""
        self.push_screen(RecommendationScreen(self.notebook))

    @on(OpenStart)
    def open_start(self, event: OpenStart) -> None:
        """The form in front of a run."""
        self.push_screen(StartScreen(event.approaches, self.notebook, self.folder))

    @on(OpenRuns)
    def open_runs(self) -> None:
        """The list of runs."""
        self.open_above_home(RunsScreen(self.folder))

    @on(WatchRuns)
    def watch_runs(self, event: WatchRuns) -> None:
        """One or several runs."""
        self.push_screen(RunScreen(event.folders))

    @on(OpenComparison)
    def open_comparison(self, event: OpenComparison) -> None:
        """Runs side by side."""
        self.push_screen(ComparisonScreen(event.folders, self.folder))

    @on(StartPlans)
    def start_plans(self, event: StartPlans) -> None:
        """Hand all of them over at once: the queue carries them out one after the other.

        It is a process of its own, so that closing the app stops nothing.
        """
        self._start(event.plans)
        if not isinstance(self.screen, RunScreen):
            self.open_above_home(RunScreen(tuple(plan.folder for plan in event.plans)))

    @work(thread=True)
    def _start(self, plans: Sequence[Plan]) -> None:
        try:
            with self._starting:  # a key pressed twice must not queue a run twice
                runs.start(*plans)
        except UserError as error:
            self.post_message(NotStarted(error))

    @on(NotStarted)
    def show_error(self, event: NotStarted) -> None:
        """Say so above whatever is on screen."""
        self.notify(str(event.error), title="Not started", severity="error", markup=False)
