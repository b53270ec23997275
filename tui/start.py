"""What a run needs, asked on one screen; a refusal stands beside what was typed."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textual import events, on, work
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from advisor import plan as plans
from advisor.plan import Request
from rules.errors import DataError, SettingError, UserError
from runners import base
from runners.base import Plan
from tui import address_boxes, words
from tui.address_boxes import AddressBoxes
from tui.column_boxes import ColumnBoxes
from tui.error_note import ErrorNote
from tui.messages import PlanMade, PlansMade, Refused, StartPlans
from tui.notebook import Notebook
from tui.page import Page
from tui.path_input import PathInput

_DEFAULT = "Base model left empty: a small default, an encoder for labels, a writer for texts."


class StartScreen(Page):
    """Makes every plan first and starts none before all of them could be made."""

    TITLE_TEXT = "start a run"
    ABOUT = "The rows to measure on are split off and frozen, so that runs can be compared."

    def __init__(self, approaches: tuple[str, ...], notebook: Notebook, folder: Path) -> None:
        super().__init__()
        self._approaches, self._notebook, self._folder = approaches, notebook, folder
        self._made: list[tuple[Request, Plan]] = []
        self._busy = False

    def body(self) -> Iterable[Widget]:
        """The form."""
        notebook = self._notebook
        several = len(self._approaches) > 1
        yield Static(
            Content.assemble(
                "Run ",
                (words.listed(self._approaches), "bold"),
                ", one after the other" if several else "",
            ),
            id="what",
        )
        yield VerticalScroll(
            _line(
                "Data file",
                PathInput(str(notebook.train or ""), placeholder="tickets.csv", id="data"),
            ),
            ColumnBoxes(notebook.columns),
            _line(
                "Evaluation file",
                PathInput(
                    str(notebook.evaluation or ""),
                    placeholder="none: a fifth is split off",
                    id="evaluation",
                ),
            ),
            _line("Base model", _box("model", "a hub id, a folder, bundled, or api:NAME")),
            AddressBoxes(),
            _line("Rows per label", _box("rows", "all of them")),
            _line("Minutes at most", _box("minutes", "no limit")),
            _line("Seed", _box("seed", "0")),
            *(
                _line(
                    f"Set {approach}" if several else "Settings",
                    _box(_settings_box(approach), "name=value name=value", self._known(approach)),
                )
                for approach in self._approaches
            ),
            id="form",
            can_focus=False,
        )
        yield Static(_DEFAULT, id="default")
        yield ErrorNote(id="error")
        yield Static("", id="reading")

    def _known(self, approach: str) -> str:
        """Settings of the approach that another screen has shown: where documents are."""
        places = {"index": self._notebook.index, "documents": self._notebook.documents}
        knobs = base.find(approach).Settings.model_fields
        return " ".join(
            f"{name}={shlex.quote(str(place))}"
            for name, place in places.items()
            if place and name in knobs
        )

    def on_mount(self) -> None:
        """Start where something is missing."""
        self.query_one("#data", PathInput).focus()
        self.next_step("enter starts, tab goes to the next box, escape goes back")

    @on(events.DescendantFocus)
    def hint(self) -> None:
        """What can be typed into the box that has the keyboard."""
        box = self.focused.id if self.focused else None
        approach = next((name for name in self._approaches if _settings_box(name) == box), None)
        told = f"{approach} has: {_knobs(approach)}" if approach else _DEFAULT
        told = address_boxes.ABOUT if box in address_boxes.IDS else told
        self.query_one("#default", Static).update(told)

    @on(Input.Changed, "#model")
    def ask_where(self, event: Input.Changed) -> None:
        """A model behind an address needs one."""
        self.query_one(AddressBoxes).follow(event.value.strip())

    @on(Input.Submitted)
    def make_plans(self) -> None:
        """Check the boxes, then plan in a thread; reading data can take a while."""
        note = self.query_one(ErrorNote)
        note.clear()
        if self._busy:
            return
        try:
            requests = self._requests()
        except UserError as error:
            note.show(error)
            return
        self._busy = True
        self.query_one("#reading", Static).update("reading the data and freezing the split …")
        self._plan(requests, list(self._made))

    def _requests(self) -> list[Request]:
        train = self.query_one("#data", PathInput).path
        if train is None:
            fix = "type the path of a file of rows, chats or texts to learn from"
            raise DataError("no data file named", where="data file", fix=fix)
        rows, seed = self._whole("rows", "rows per label", 1), self._whole("seed", "seed", 0)
        minutes, model = self._minutes(), self._typed("model")
        private = self._notebook.situation.facts.privacy is True
        endpoint = self.query_one(AddressBoxes).endpoint(model, stays_here=private)
        return [
            Request(
                approach=approach,
                data=train,
                evaluation=self.query_one("#evaluation", PathInput).path,
                columns=self.query_one(ColumnBoxes).columns,
                base_model=model or None,
                settings=self._settings(approach),
                seed=seed or 0,
                rows_per_label=rows,
                max_minutes=minutes,
                endpoint=endpoint,
            )
            for approach in self._approaches
        ]

    def _typed(self, box: str) -> str:
        return self.query_one(f"#{box}", Input).value.strip()

    def _settings(self, approach: str) -> dict[str, Any]:
        where = f"settings of {approach}"
        try:
            pairs = shlex.split(self._typed(_settings_box(approach)))
            return plans.read_settings(pairs)
        except ValueError as error:  # a quotation mark that is not closed
            raise SettingError(str(error).lower(), where=where, fix="close the quotes") from error
        except SettingError as error:
            fix = error.fix.replace("--setting ", "")
            raise SettingError(error.what, where=where, fix=fix) from error

    def _whole(self, box: str, label: str, least: int) -> int | None:
        text = self._typed(box).replace(",", "")
        if text and not (text.isdecimal() and least <= int(text) < 2**31):
            kind = f"a whole number of {least} or more"
            fix = f"type {kind}, or leave it empty"
            raise SettingError(f"{text!r} is not {kind}", where=label, fix=fix)
        return int(text) if text else None

    def _minutes(self) -> float | None:
        text = self._typed("minutes").replace(",", "")
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < 1e12:
            fix = "type a number above 0, or leave it empty"
            what = f"{text!r} is not a number above 0"
            raise SettingError(what, where="minutes at most", fix=fix)
        return value

    @work(thread=True)
    def _plan(self, requests: list[Request], made: list[tuple[Request, Plan]]) -> None:
        ready: list[Plan] = []
        try:
            for request in requests:
                plan = next((plan for asked, plan in made if asked == request), None)
                if plan is None:
                    plan = plans.make(request, self._folder)
                    self.post_message(PlanMade(request, plan))
                ready.append(plan)
        except UserError as error:
            self.post_message(Refused(error))
        else:
            self.post_message(PlansMade(tuple(ready)))

    @on(PlanMade)
    def keep(self, event: PlanMade) -> None:
        """Keep it for a second try."""
        self._made.append((event.request, event.plan))

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """What was typed stays; a plan that could be made is not made twice."""
        self._busy = False
        self.query_one("#reading", Static).update("")
        self.query_one(ErrorNote).show(event.error)
        self.query_one(ColumnBoxes).answer(event.error)

    @on(PlansMade)
    def hand_over(self, event: PlansMade) -> None:
        """The app starts them, so that they are started also when this screen is gone."""
        self._notebook.train = self.query_one("#data", PathInput).path
        self._notebook.evaluation = self.query_one("#evaluation", PathInput).path
        self._notebook.columns = self.query_one(ColumnBoxes).columns
        self.post_message(StartPlans(event.plans))


def _line(label: str, box: Input) -> Horizontal:
    return Horizontal(Label(label), box, classes="line")


def _box(name: str, placeholder: str, value: str = "") -> Input:
    return Input(value, placeholder=placeholder, id=name, compact=True)


def _settings_box(approach: str) -> str:
    return f"settings-{approach}"


def _knobs(approach: str) -> str:
    return ", ".join(base.find(approach).Settings.model_fields)
