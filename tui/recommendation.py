"""Every approach with the rules behind its place; questions are settled and runs begin here."""

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from advisor import memory_advice, questions
from advisor.facts import write_file
from advisor.memory_advice import Held
from advisor.recommend import Ranked
from rules.errors import UserError
from runners import base
from tui import words
from tui.error_note import ErrorNote
from tui.listing import Item, Listing
from tui.messages import OpenInterview, OpenStart
from tui.notebook import Notebook
from tui.page import ConfirmScreen, Page

FACTS_FILE = Path("facts.yaml")


class RecommendationScreen(Page):
    """The ranking to the left, the argument for the approach under the cursor to the right."""

    TITLE_TEXT = "recommendation"
    ABOUT = "Nothing is hidden: what is ruled out names the rule, what is undecided the question."
    SCROLLS = "#argument"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark"),
        Binding("x", "experiment", "Measure"),
        Binding("r", "run", "Run"),
        Binding("tab", "app.focus_next", "Open"),
        Binding("w", "save", "Save"),
        Binding("i", "interview", "Interview"),
    ]

    def __init__(self, notebook: Notebook) -> None:
        super().__init__()
        self._notebook = notebook
        self._recommendation = notebook.recommendation()
        self._ranking = {item.approach: item for item in self._recommendation.ranking}
        self._marked: set[str] = set()

    def body(self) -> Iterable[Widget]:
        """Ranking, argument, open questions, and room for what went wrong."""
        ranking, unsettled = Listing(id="approaches"), Listing(id="unsettled")
        ranking.border_title = "Approaches"
        unsettled.border_title = "Unsettled (tab, enter asks)"
        why = VerticalScroll(Static("", id="why"), id="argument", can_focus=False)
        yield Static(self._headline(), id="headline")
        yield Horizontal(ranking, Vertical(why, unsettled, id="right"), id="columns")
        yield ErrorNote(id="error")

    def on_mount(self) -> None:
        """Start in first place."""
        self._draw_ranking()
        self.query_one("#approaches", Listing).focus()
        known = len(self._notebook.situation.known)
        self.head(f"{known} facts known, {len(self._notebook.skipped)} not known to you")
        self.next_step(self._advice())

    def _headline(self) -> Content:
        """How sure the first place is, who came second and why, and what comes before a choice."""
        found, top = self._recommendation, self._recommendation.top
        parts: list[Content | str | tuple[str, str]] = []
        for gate in found.gates:
            how = f" ({'; '.join(gate.how)})" if gate.stop and gate.how else ""
            parts.append(Content.assemble(("! ", "bold $warning"), gate.text, how, "\n"))
        sure = f": {found.margin.verdict}, {found.margin.because}"
        parts += [(top, "bold $success"), sure] if top else ["every approach is ruled out"]
        if found.runner_up is not None:
            second = found.runner_up
            parts.append(f". Second: {second.approach}. {second.why}")
        return Content.assemble(*parts)

    def _advice(self) -> str:
        found, top = self._recommendation, self._recommendation.top
        if top is None:
            return "every approach is ruled out: change an answer (i)"
        wanted = found.margin.doubtful or next(
            (item.fact for item in found.open_facts if item.top_rules), None
        )
        if found.experiment is not None:
            first = (
                f"measure instead of believing: x marks {words.listed(found.experiment.approaches)}"
            )
        elif self._ranking[top].can_run:
            first = f"r runs {top}"
        else:
            first = f"{top} is advice only here; r runs others"
        return f"{first}; worth answering: {wanted}" if wanted else first

    def _draw_ranking(self) -> None:
        rows = [Item(item.approach, self._row(item)) for item in self._recommendation.ranking]
        self.query_one("#approaches", Listing).fill(rows)

    def _row(self, item: Ranked) -> Content:
        style = {"recommended": "bold $success", "viable": "", "ruled_out": "$foreground-disabled"}
        score = "out" if item.status == "ruled_out" else words.score(item.score)
        return Content.assemble(
            ("■ " if item.approach in self._marked else "  ", "bold $warning"),
            (f"{item.place:>2} {words.VERDICT_MARKS[item.status]} ", style[item.status]),
            (words.clip(item.approach, 15).ljust(15), style[item.status]),
            f" {score:>3}",
            ("" if item.can_run else " advice", "$foreground-muted"),
        )

    @on(OptionList.OptionHighlighted, "#approaches")
    def show_argument(self, event: OptionList.OptionHighlighted) -> None:
        """Follow the cursor."""
        item = self._ranking.get(event.option.id or "")
        if item is not None:
            memory = memory_advice.held(self._notebook.situation.facts, item.approach)
            self.query_one("#why", Static).update(_argument(item, memory))
            self.query_one("#argument", VerticalScroll).scroll_home(animate=False)
            self.query_one("#unsettled", Listing).fill(_unsettled(item))

    @on(OptionList.OptionSelected, "#unsettled")
    def ask(self, event: OptionList.OptionSelected) -> None:
        """Go to the question that would settle the rule."""
        if event.option.id in questions.BY_ID:
            self.post_message(OpenInterview(event.option.id))

    @on(OptionList.OptionSelected, "#approaches")
    def open_approach(self) -> None:
        """Enter on an approach runs it, like ``r``."""
        self.action_run()

    def action_mark(self) -> None:
        """Mark the approach, to run several."""
        approach = self.query_one("#approaches", Listing).key
        if approach is not None and self._may_run([approach]):
            self._marked ^= {approach}
            self._draw_ranking()
            chosen = [name for name in self._ranking if name in self._marked]
            self.next_step(f"r runs {words.listed(chosen)}" if chosen else self._advice())

    def action_experiment(self) -> None:
        """Mark what the advisor would measure before it believes its own verdict."""
        experiment = self._recommendation.experiment
        if experiment is None:
            return
        wanted = list(experiment.approaches)
        chosen = [name for name in wanted if self._ranking[name].can_run]
        if self._may_run(chosen or wanted):
            self._marked = set(chosen)
            self._draw_ranking()
            self.next_step(f"r runs them. {experiment.tells}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """An experiment is offered where the verdict is a toss-up."""
        if action == "experiment":
            return self._recommendation.experiment is not None
        return super().check_action(action, parameters)

    def action_run(self) -> None:
        """Run what is marked, else the approach under the cursor."""
        chosen = [name for name in self._ranking if name in self._marked]
        approach = self.query_one("#approaches", Listing).key
        chosen = chosen or ([approach] if approach else [])
        if chosen and self._may_run(chosen):
            self.post_message(OpenStart(tuple(chosen)))

    def action_interview(self) -> None:
        """Back to the questions."""
        self.post_message(OpenInterview())

    def action_save(self) -> None:
        """Write the answers to ``facts.yaml`` here; an existing file is not lost unasked."""
        if FACTS_FILE.exists():
            question = ConfirmScreen(f"{FACTS_FILE} exists here. Replace it?", "replaces it")
            self.shell.push_screen(question, lambda yes: self._save() if yes else None)
        else:
            self._save()

    def _save(self) -> None:
        note = self.query_one(ErrorNote)
        note.clear()
        try:
            write_file(self._notebook.situation, FACTS_FILE)
        except OSError as error:
            reason = error.strerror or str(error)
            fix = "start whichtune in a folder you may write to"
            note.show(UserError(reason, where=str(FACTS_FILE.absolute()), fix=fix))
        else:
            self.next_step(f"saved: whichtune advise {FACTS_FILE}")

    def _may_run(self, approaches: list[str]) -> bool:
        note = self.query_one(ErrorNote)
        note.clear()
        missing = [name for name in approaches if not self._ranking[name].can_run]
        if missing:
            fix = f"run one of these instead: {', '.join(base.names())}"
            what = "this version has advice on it, but no runner"
            note.show(UserError(what, where=words.listed(missing), fix=fix))
        return not missing


def _argument(item: Ranked, memory: Held | None) -> Content:
    if item.status == "ruled_out":
        told = "ruled out"
    else:
        told = f"place {item.place}, score {words.score(item.score)}, "
        told += f"rung {item.rung} on the ladder of cost"
    told += "" if item.can_run else ", advice only: no runner in this version"
    parts: list[Content | str | tuple[str, str]] = [(item.title, "bold"), f"\n{told}\n"]
    order = sorted(
        item.verdict.reasons, key=lambda reason: (reason.effect != "rules_out", -abs(reason.points))
    )
    for reason in order:
        style = "bold $success" if reason.points > 0 else "bold $error"
        parts += [
            (f"\n{words.points(reason):>3} ", style),
            f"{reason.text}\n",
            (f"    [{reason.rule}] {reason.source}\n", "$foreground-muted"),
        ]
    effort = sum(reason.points for reason in order) - item.score
    if effort:
        parts.append(f"\n{-effort:>+3} What it takes to set up: it starts with that.\n")
    if not order:
        parts.append("\nNo rule speaks for or against it yet.\n")
    if memory is not None:
        head, *bars = memory_advice.lines(memory)
        parts += [(f"\n{head}\n", "bold"), "\n".join(bars), "\n"]
    if item.verdict.undecided:
        count = len(item.verdict.undecided)
        wait = "1 rule waits" if count == 1 else f"{count} rules wait"
        parts.append(f"\n{wait} for a fact:\n")
    parts += [
        Content.assemble((f"  ? [{rule.rule}] ", "bold"), rule.text, "\n")
        for rule in item.verdict.undecided
    ]
    return Content.assemble(*parts)


def _unsettled(item: Ranked) -> list[Item]:
    """One row a question, with the rules that wait for it."""
    waiting: dict[str, list[str]] = {}
    for rule in item.verdict.undecided:
        for fact in rule.facts:
            waiting.setdefault(fact, []).append(rule.rule)
    return [
        Item(
            fact,
            Content.assemble(
                ("? ", "bold $accent"),
                (fact, "bold"),
                f"  {questions.BY_ID[fact].text if fact in questions.BY_ID else ''}",
                (f"  [{', '.join(rules)}]", "$foreground-muted"),
            ),
            enabled=fact in questions.BY_ID,
        )
        for fact, rules in waiting.items()
    ]
