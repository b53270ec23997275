"""What every screen has: where one is on top, the next step above the keys, help and a way back."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

MARKS = """\
Marks   ● first place   ○ possible   ✗ ruled out
Facts   ✓ you told   ▪ the data shows   ▫ this machine shows   ? not known
Runs    ▶ running   ◌ queued   ✓ done   ✗ failed   † died   ■ cancelled
Data    x put it right first   ! wrong   - good to know   ? not looked for
Lists   up and down move, enter opens, tab goes to the next part of the screen"""


class HelpScreen(ModalScreen[None]):
    """The keys of the screen below, and what the marks mean."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Close")]

    def __init__(self, title: str, about: str, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._about, self._keys = title, about, keys

    def compose(self) -> ComposeResult:
        """One box of text."""
        rows = [
            Content.assemble((f"{key:>12}", "bold $accent"), f"  {does}\n")
            for key, does in self._keys
        ]
        text = Content.assemble(
            (self._title, "bold"),
            "\n",
            (self._about, "$foreground-muted"),
            "\n\n",
            *rows,
            "\n",
            (MARKS, "$foreground-muted"),
        )
        with Vertical(classes="dialog"):
            yield Static(text, id="help")
            yield Static("Next: escape closes this", classes="next")


class Page(Screen[None]):
    """A screen of the app: subclasses give ``TITLE_TEXT``, ``ABOUT`` and ``body``."""

    TITLE_TEXT: ClassVar[str] = ""
    ABOUT: ClassVar[str] = ""
    SCROLLS: ClassVar[str] = ""
    """The part that page up and page down move, wherever the keyboard is."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "scroll(1)", "Scroll on", show=False, priority=True),
        Binding("pageup", "scroll(-1)", "Scroll back", show=False, priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [
        (0, "-narrow"),
        (78, "-normal"),
        (110, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-tall")]

    def compose(self) -> ComposeResult:
        """The frame around the body."""
        yield Static(self._heading(""), id="heading")
        yield Vertical(*self.body(), id="body")
        yield Static("", id="next", classes="next")
        yield Footer()

    def body(self) -> Iterable[Widget]:
        """The widgets between heading and next step."""
        raise NotImplementedError

    def head(self, right: str) -> None:
        """Show something short at the right end of the heading."""
        self.query_one("#heading", Static).update(self._heading(right))

    def next_step(self, text: str) -> None:
        """Say what to do next; every screen always does."""
        line = Content.assemble(("Next: ", "bold $accent"), text)
        self.query_one("#next", Static).update(line)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Scrolling is offered where there is something to scroll."""
        return bool(self.SCROLLS) if action == "scroll" else True

    def action_scroll(self, pages: int) -> None:
        """Move what does not fit by most of its height."""
        part = self.query_one(self.SCROLLS)
        part.scroll_relative(y=pages * max(1, part.size.height - 2), animate=False)

    def facts_changed(self) -> None:
        """The machine has been looked at; a screen that shows facts draws them again."""

    @property
    def shell(self) -> App[None]:
        """The app, with the type that Textual leaves open."""
        return self.app  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    def action_back(self) -> None:
        """Close this screen."""
        self.shell.pop_screen()

    def action_help(self) -> None:
        """Show the keys that work here."""
        ours = _declared(type(self)) | _declared(type(self.shell))
        shown = [
            (self.shell.get_key_display(active.binding), active.binding.description)
            for active in self.active_bindings.values()
            if active.binding.action in ours and active.enabled
        ]
        rows = list(dict.fromkeys(shown))
        self.shell.push_screen(HelpScreen(self.TITLE_TEXT, self.ABOUT, rows))

    def _heading(self, right: str) -> Content:
        return Content.assemble(
            (" whichtune ", "bold reverse"),
            f" {self.TITLE_TEXT}",
            ("   " + right if right else "", "$foreground-muted"),
        )


def _declared(screen: type[object]) -> set[str]:
    """The actions that keys lead to by our own doing; Textual's lists and boxes have more."""
    return {
        binding.action
        for kind in screen.__mro__
        if kind.__module__.startswith("tui.")
        for binding in kind.__dict__.get("BINDINGS", ())
        if isinstance(binding, Binding)
    }


class ConfirmScreen(ModalScreen[bool]):
    """A question that is answered with y or n; n is the safe one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        """The question and its two answers."""
        with Vertical(classes="dialog"):
            yield Static(Content(self._question), id="question")
            yield Static(Content(f"Next: y {self._yes}   n leave it as it is"), classes="next")

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
