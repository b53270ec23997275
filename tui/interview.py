"""The interview: one question after the other, beside the verdict that follows every answer."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList

from advisor import questions
from rules.errors import UserError
from tui import words
from tui.listing import Item, Listing
from tui.messages import Answered, AskRest, OpenData, OpenRecommendation, Skipped
from tui.notebook import Notebook
from tui.page import Page
from tui.question_card import QuestionCard
from tui.verdict_panel import VerdictPanel

_STANDING_MARKS = {"answer": "✓", "data": "▪", "machine": "▫", "skipped": "?", "open": " "}
_ORIGINS = {"answer": "you", "data": "data", "machine": "here"}


class InterviewScreen(Page):
    """Asks what decides most, until nothing does; every answer can be seen and changed."""

    TITLE_TEXT = "interview"
    ABOUT = "Answer what you know. An unknown fact stays unknown: it is never read as a no."
    SCROLLS = "#verdict"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "previous", "Back one"),
        Binding("s", "skip", "Don't know"),
        Binding("d", "data", "Data"),
        Binding("v", "verdict", "Recommendation"),
        Binding("a", "rest", "Ask the rest"),
        *[
            Binding(str(n), f"pick({n})", "Answer", show=False, key_display="1-9")
            for n in range(1, 10)
        ],
    ]

    def __init__(self, notebook: Notebook, fact: str | None = None) -> None:
        super().__init__()
        self._notebook = notebook
        self._current = fact
        self._why_now: dict[str, str] = {}
        self._asks_rest = False
        self._data = notebook.data
        """What the files showed when last looked at."""

    def body(self) -> Iterable[Widget]:
        """Question and answers so far to the left, the verdict to the right or below."""
        so_far = Listing(id="so-far")
        so_far.border_title = "Answers so far (tab, enter changes one)"
        left = Vertical(QuestionCard(id="card"), so_far, id="left")
        yield Horizontal(left, VerdictPanel(id="verdict"), id="columns")

    def on_mount(self) -> None:
        """Ask at once; the machine may still be looked at."""
        if self._current is None:
            self._choose()
        self._draw()

    def on_screen_resume(self) -> None:
        """Something may have been learnt on another screen."""
        if self._data is not self._notebook.data:
            self._take_data()
        else:
            self._draw_around()

    def facts_changed(self) -> None:
        """Fill in what the machine answers; the question on screen and what is typed stay."""
        if self._current in self._notebook.machine and not self.query_one(QuestionCard).is_typing:
            self._draw()
        elif self._current is None:
            self._go_on()
        self._draw_around(mark_moves=False)

    @on(Answered)
    def take_answer(self, event: Answered) -> None:
        """Note the answer and go on, or say why it cannot be one."""
        known = self._notebook.situation.known
        try:
            if event.text or event.fact not in known:
                self._notebook.answer(event.fact, event.text)
        except UserError as error:
            self.query_one(QuestionCard).refuse(error)
        else:
            self._go_on(event.fact)

    @on(Skipped)
    def take_skip(self, event: Skipped) -> None:
        """Note that the user does not know, and go on."""
        self._notebook.skip(event.fact)
        self._go_on(event.fact)

    @on(OptionList.OptionSelected, "#so-far")
    def revisit(self, event: OptionList.OptionSelected) -> None:
        """Ask a question again."""
        if event.option.id in questions.BY_ID:
            self._current = event.option.id
            self._draw()

    def action_pick(self, number: int) -> None:
        """Choose an answer by its number."""
        self.query_one(QuestionCard).pick(number)

    def action_skip(self) -> None:
        """The answer "I don't know" to the question on screen."""
        if self._current is not None:
            self.post_message(Skipped(self._current))

    def action_previous(self) -> None:
        """Go to the question above, answered or not."""
        self._current = self._notebook.before(self._current) or self._current
        self._draw()

    def action_verdict(self) -> None:
        """Show every approach with its reasons."""
        self.post_message(OpenRecommendation())

    def action_data(self) -> None:
        """Read data files instead of asking about them."""
        self.post_message(OpenData(from_questions=True))

    def _take_data(self) -> None:
        """Pass over a question that the files have answered meanwhile."""
        self._data = self._notebook.data
        if self._current and self._notebook.standing(self._current) != "open":
            self._choose(after=self._current)
        self._draw()

    @on(AskRest)
    def action_rest(self) -> None:
        """Go on with what is not likely to change the verdict."""
        self._asks_rest = True
        self._go_on()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """At the end there is nothing to pass over, but there may be questions left."""
        if action in ("rest", "skip"):
            over = self._current is None
            return over and bool(self._notebook.still_open()) if action == "rest" else not over
        return super().check_action(action, parameters)

    def _go_on(self, fact: str | None = None) -> None:
        self._choose(after=fact)
        self._draw()

    def _choose(self, after: str | None = None) -> None:
        """The question that decides most; when nothing does, the next one only if it is wanted."""
        ask = self._notebook.next_ask()
        self._why_now = {ask.question.id: ask.why_now} if ask else {}
        if ask is not None:
            self._current = ask.question.id
        else:
            self._current = self._notebook.next_open(after) if self._asks_rest else None

    def _draw(self) -> None:
        fact, card = self._current, self.query_one(QuestionCard)
        if fact is None:
            card.show_end(*self._end(), len(self._notebook.still_open()))
        else:
            known = self._notebook.situation.known.get(fact)
            skipped = known is None and fact in self._notebook.skipped
            card.show(questions.BY_ID[fact], known, skipped, self._why_now.get(fact, ""))
        self.refresh_bindings()
        self._draw_around()

    def _end(self) -> tuple[str, str]:
        """Why nothing more is asked."""
        first = self._notebook.recommendation().top or "nothing"
        if not self._notebook.still_open():
            return "Nothing left to ask.", "Every answer can still be changed in the list below."
        if self._notebook.is_long:
            return f"That is enough: {first} is first.", "More could still change it a little."
        return (
            f"No further answer is likely to change first place: {first}.",
            "What is still open moves it in fewer than 1 of 20 plausible cases.",
        )

    def _draw_around(self, *, mark_moves: bool = True) -> None:
        notebook = self._notebook
        waiting = len(notebook.still_open())
        self.head(f"{len(notebook.told())} told, {waiting} open")
        self._draw_so_far()
        recommendation = notebook.recommendation()
        self.query_one(VerdictPanel).show(recommendation, mark_moves=mark_moves)
        first = recommendation.top or "nothing"
        if self._current is None:
            told = f"v shows why {first} is in first place, and starts a run"
        elif notebook.answers or notebook.data:
            told = f"go on, or press v: {first} is in first place so far"
        else:
            told = "answer with a number or enter, or press d to read your data file"
        summary = notebook.summary
        self.next_step(f"{told}\n{summary}" if summary else told)

    def _draw_so_far(self) -> None:
        known, width = self._notebook.situation.known, max(len(fact) for fact in questions.BY_ID)
        items: list[Item] = []
        for fact in self._notebook.told():
            standing = self._notebook.standing(fact)
            item = known.get(fact)
            text = Content.assemble(
                (f"{_STANDING_MARKS[standing]} ", "bold $accent"),
                fact.ljust(width + 1),
                (words.clip(words.value(item.value if item else None), 14).ljust(15), "bold"),
                (_ORIGINS.get(standing, ""), "$foreground-muted"),
            )
            items.append(Item(fact, text))
        self.query_one("#so-far", Listing).fill(items)
