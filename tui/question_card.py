"""One question with its reason and its answers; "I don't know" is always one of them."""

from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from advisor.facts import Known
from advisor.questions import Question
from rules.errors import UserError
from tui import words
from tui.error_note import ErrorNote
from tui.listing import Item, Listing
from tui.messages import Answered, AskRest, OpenRecommendation, Skipped

_SKIP = "?"
"""The key of the row that means "I don't know"; no fact has this value."""
_FINISH, _REST = "finish", "rest"
_FACTORS = "kKmMbB"


class NumberInput(Input):
    """Typing a number leaves the screen's letter keys alone, except a factor behind a digit."""

    async def _on_key(self, event: events.Key) -> None:
        if event.is_printable and not self._takes(event.character or ""):
            event.prevent_default()  # and let it bubble: it is a key of the screen

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Tell the footer which keys stay with the screen."""
        return super().check_consume_key(key, character) and self._takes(character or "")

    def _takes(self, character: str) -> bool:
        if character in _FACTORS:
            return self.value[-1:].isdigit()
        return not character.isalpha() and character != "?"


class QuestionCard(Vertical):
    """Draws a question and posts what the user picks or types."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.question: Question | None = None

    def compose(self) -> ComposeResult:
        """Both ways of answering are there; one of them is shown."""
        yield Static("", id="text")
        yield Static("", id="why")
        yield Static("", id="now")
        yield NumberInput(id="number", compact=True)
        yield Listing(id="choices")
        yield ErrorNote(id="error")

    def show(self, question: Question, known: Known | None, skipped: bool, now: str) -> None:
        """Draw a question, with what is known about it and why it is asked now."""
        box = self._begin(question, now)
        self.query_one("#text", Static).update(Content(question.text))
        standing = f"  Now: {words.value(known.value)} ({_origin(known)})" if known else ""
        self.query_one("#why", Static).update(
            Content.assemble(("Why we ask: ", "bold"), question.why, (standing, "$text-accent"))
        )
        box.placeholder = _placeholder(question, known)
        current = _SKIP if skipped else _key(known.value if known else None)
        self._show_choices(question, current)
        (box if box.display else self.query_one(Listing)).focus()

    def show_end(self, text: str, why: str, rest: int) -> None:
        """Say that the interview is over, and offer what can follow it."""
        self._begin(None, "")
        self.query_one("#text", Static).update(Content(text))
        self.query_one("#why", Static).update(Content(why))
        items = [Item(_FINISH, _keyed("v", "see the recommendation"))]
        if rest:
            others = "the other question" if rest == 1 else f"the other {rest} questions"
            items.append(Item(_REST, _keyed("a", f"answer {others} all the same")))
        self.query_one(Listing).fill(items, _FINISH)
        self.query_one(Listing).focus()

    def _begin(self, question: Question | None, now: str) -> NumberInput:
        self.question = question
        self.query_one(ErrorNote).clear()
        line = self.query_one("#now", Static)
        line.update(Content.assemble(("Why now: ", "bold"), now))
        line.display = bool(now)
        box = self.query_one(NumberInput)
        box.value = ""
        box.display = question is not None and question.kind == "number"
        return box

    @property
    def is_typing(self) -> bool:
        """Whether a number has been begun."""
        return bool(self.query_one(NumberInput).value)

    def refuse(self, error: UserError) -> None:
        """Show why an answer was not taken; what was typed stays."""
        self.query_one(ErrorNote).show(error)

    def pick(self, number: int) -> None:
        """Take the answer with this number, as if it had been opened."""
        if self.question is not None and 1 <= number <= len(self.question.choices):
            choice = self.question.choices[number - 1]
            self.post_message(Answered(self.question.id, choice.value))

    def _show_choices(self, question: Question, current: str | None) -> None:
        items = [
            Item(choice.value, _keyed(str(place), choice.label))
            for place, choice in enumerate(question.choices, start=1)
        ]
        items.append(
            Item(_SKIP, Content.assemble(("s ", "bold $accent"), ("I don't know", "italic")))
        )
        keys = [item.key for item in items]
        self.query_one(Listing).fill(items, current if current in keys else keys[0])

    @on(Input.Submitted)
    def take_number(self, event: Input.Submitted) -> None:
        """Enter on an empty box keeps what is known, or says "I don't know"."""
        event.stop()
        if self.question is None:
            return
        if event.value.strip():
            self.post_message(Answered(self.question.id, event.value))
        else:
            self.post_message(Answered(self.question.id, ""))

    @on(OptionList.OptionSelected, "#choices")
    def take_choice(self, event: OptionList.OptionSelected) -> None:
        """Enter on a row takes it."""
        event.stop()
        key = event.option.id
        if key == _FINISH:
            self.post_message(OpenRecommendation())
        elif key == _REST:
            self.post_message(AskRest())
        elif self.question is not None and key == _SKIP:
            self.post_message(Skipped(self.question.id))
        elif self.question is not None and key is not None:
            self.post_message(Answered(self.question.id, key))


def _keyed(key: str, text: str) -> Content:
    return Content.assemble((f"{key} ", "bold $accent"), text)


def _origin(known: Known) -> str:
    return known.origin if known.origin == "answer" else f"{known.origin}: {known.how}"


def _placeholder(question: Question, known: Known | None) -> str:
    kept = f", enter keeps {words.value(known.value)}" if known else ", such as 2,000 or 2k"
    return f"{question.unit}{kept}"


def _key(value: Any) -> str | None:  # noqa: ANN401 - the fact's own type
    return (
        words.value(value) if isinstance(value, bool) else value if isinstance(value, str) else None
    )
