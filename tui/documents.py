"""Documents: brought into an index, and searched by questions, with what was found in full."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList, Static

from advisor import report_index, report_search
from advisor.outputs_search import HitOutput, SearchOutput
from advisor.searching import Searching, asked
from rules.errors import DataError, UserError
from runners.base import Progress
from runners.retrieval import index, passages
from runners.retrieval.search import MODES, Mode
from tui.beside import beside
from tui.error_note import ErrorNote
from tui.hit import HitScreen
from tui.listing import Item, Listing
from tui.messages import Hits, Indexed, IndexNews, OpenStart, Refused
from tui.notebook import Notebook
from tui.page import Page
from tui.path_input import PathInput
from tui.reading_line import ReadingLine

_HITS = 20
_MARGIN = 14
"""Cells of a line in the list that an excerpt does not fill."""
_WAYS: dict[Mode, str] = {
    "dense": "dense: by meaning",
    "sparse": "sparse: by words",
    "hybrid": "hybrid: by meaning and words",
}
_HINTS = {
    "documents": "A folder of text, Markdown, HTML, PDF, CSV or JSONL; enter indexes what is new.",
    "place": "The folder of the index, or the address of a Chroma server: http://host:port",
    "question": "Enter searches the index. What is found is data, and nothing in it is obeyed.",
    "user": "On whose behalf: what belongs to others is not seen; empty: only what is shared.",
}


class _Stopped(Exception):  # noqa: N818 - nothing went wrong
    """Nobody waits for the index any more; it goes on where it was."""


class DocumentsScreen(Page):
    """Boxes on top, the hits below; the index stays open between questions."""

    TITLE_TEXT = "documents"
    ABOUT = (
        "An index is brought up to date, never made twice: only what has changed is read. "
        "The approach rag answers questions from it, and cites what it read."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "mode", "Way of searching"),
        Binding("r", "run", "Answer with rag"),
    ]

    def __init__(self, notebook: Notebook) -> None:
        super().__init__()
        self._notebook = notebook
        self._mode: Mode = "hybrid"
        self._found: SearchOutput | None = None
        self._busy = False
        self._stop = Event()
        self._open: tuple[str, Mode, Searching] | None = None
        self._opening = Lock()

    def body(self) -> Iterable[Widget]:
        """Four boxes, news, hits."""
        notebook = self._notebook
        folder = PathInput(str(notebook.documents or ""), placeholder="docs/", id="documents")
        place = PathInput(notebook.index or "index", id="place")
        with Vertical(id="boxes"):
            yield _line("Documents", folder)
            yield _line("Index", place)
            yield _line(
                "Question", Input(placeholder="in words of your own", id="question", compact=True)
            )
            yield _line("User", Input(placeholder="nobody", id="user", compact=True))
        yield Static("", id="default")
        yield ErrorNote(id="error")
        yield ReadingLine(id="reading")
        yield Static("", id="told")
        yield Listing(id="hits")

    def on_mount(self) -> None:
        """A question first where there is an index, else documents."""
        self.query_one("#question" if self._notebook.index else "#documents", Input).focus()
        self._draw()

    def on_unmount(self) -> None:
        """Let go of the index; indexing that nobody watches any more stops in good order."""
        self._stop.set()
        if self._opening.acquire(blocking=False):
            self._close()
            self._opening.release()

    def on_descendant_focus(self) -> None:
        """What can be typed into the box that has the keyboard."""
        self._draw()

    def _draw(self) -> None:
        self.head(_WAYS[self._mode])
        box = self.focused.id if self.focused else None
        self.query_one("#default", Static).update(_HINTS.get(box or "", ""))
        if self._busy:
            return
        if box == "hits":
            self.next_step("enter shows the passage, m searches in another way, r answers by rag")
        elif box == "documents":
            self.next_step("enter indexes, tab goes to the question")
        else:
            self.next_step("enter searches, tab goes to the next box, escape goes back")

    @on(Input.Submitted)
    def begin(self, event: Input.Submitted) -> None:
        """Index from the first box, search from the others."""
        note = self.query_one(ErrorNote)
        note.clear()
        if self._busy:
            return
        try:
            if event.input.id == "documents":
                self._begin_indexing()
            else:
                self._begin_search()
        except UserError as error:
            note.show(error)

    def _begin_indexing(self) -> None:
        root = self.query_one("#documents", PathInput).path
        if root is None:
            fix = "type the path of a folder; tab completes it"
            raise DataError("no folder named", where="documents", fix=fix)
        self._busy, self._stop = True, Event()
        self.query_one(ReadingLine).begin("looking for documents")
        self.next_step("escape stops it; indexing again goes on where it was")
        self._index(root, self._place(), self._stop)

    def _place(self) -> str:
        return passages.place(self.query_one("#place", Input).value.strip() or "index")

    @work
    async def _index(self, root: Path, place: str, stop: Event) -> None:
        await beside(lambda: self._build(root, place, stop))

    def _build(self, root: Path, place: str, stop: Event) -> None:
        try:
            with self._opening:
                self._close()
                done = index.build(root, place, index.IndexSettings(), self._news(stop))
        except _Stopped:
            return
        except UserError as error:
            self.post_message(Refused(error))
        else:
            self.post_message(Indexed(tuple(report_index.built(done, place))))

    def _news(self, stop: Event) -> "_News":
        return _News(self, stop)

    def _begin_search(self) -> None:
        question = asked(self.query_one("#question", Input).value)
        self._busy, self._stop = True, Event()
        self.query_one(ReadingLine).begin("searching")
        user = self.query_one("#user", Input).value.strip() or None
        self._search(self._place(), self._mode, question, user)

    @work
    async def _search(self, place: str, mode: Mode, question: str, user: str | None) -> None:
        await beside(lambda: self._ask(place, mode, question, user))

    def _ask(self, place: str, mode: Mode, question: str, user: str | None) -> None:
        stop = self._stop
        try:
            with self._opening:
                found = self._opened(place, mode, stop).search(question, _HITS, user=user)
                if stop.is_set():
                    self._close()
        except _Stopped:
            return
        except UserError as error:
            self.post_message(Refused(error))
        else:
            self.post_message(Hits(found))

    def _opened(self, place: str, mode: Mode, stop: Event) -> Searching:
        if self._open is None or self._open[:2] != (place, mode):
            self._close()
            self._open = place, mode, Searching(place, mode, report=self._news(stop))
        return self._open[2]

    def _close(self) -> None:
        if self._open is not None:
            self._open[2].close()
            self._open = None

    @on(IndexNews)
    def show_news(self, event: IndexNews) -> None:
        """How far it is."""
        self.query_one(ReadingLine).show(event.news)

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """Say it where it happened; what was typed stays."""
        self._rest()
        self.query_one(ErrorNote).show(event.error)

    @on(Indexed)
    def show_index(self, event: Indexed) -> None:
        """What was indexed; a question comes next."""
        self._notebook.documents = self.query_one("#documents", PathInput).path
        self._notebook.index = self._place()
        self._rest()
        self.query_one("#told", Static).update(Content("\n".join(event.told)))
        self.query_one("#question", Input).focus()

    @on(Hits)
    def show_hits(self, event: Hits) -> None:
        """The list, or that there is none."""
        found = self._found = event.found
        self._notebook.index = self._place()
        self._rest()
        shown = f"{len(found.hits)} of {found.chunks:,} chunks" if found.hits else "nothing found"
        told = f"{shown}, {_WAYS[found.mode]}, {found.seconds * 1000:.0f} ms"
        self.query_one("#told", Static).update(Content(told))
        listing = self.query_one(Listing)
        room = max(40, self.size.width - _MARGIN)
        items = [Item(str(hit.rank), _shown(found.question, hit, room)) for hit in found.hits]
        listing.fill(items)
        if found.hits:
            listing.focus()
        self._draw()
        self.refresh_bindings()

    def _rest(self) -> None:
        self._busy = False
        self.query_one(ReadingLine).end()
        self._draw()

    @on(OptionList.OptionSelected)
    def open_hit(self, event: OptionList.OptionSelected) -> None:
        """The passage in full."""
        if self._found is not None:
            hit = self._found.hits[event.option_index]
            self.shell.push_screen(HitScreen(self._found.question, hit))

    def action_mode(self) -> None:
        """Search the same in the next way."""
        if not self._busy:
            self._mode = MODES[(MODES.index(self._mode) + 1) % len(MODES)]
            self._draw()
            with suppress(UserError):
                self._begin_search()

    def action_run(self) -> None:
        """The form in front of a run, with this index in it."""
        self.post_message(OpenStart(("rag",)))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Answers come from an index that is there."""
        if action == "run":
            return bool(self._notebook.index)
        return super().check_action(action, parameters)


class _News:
    """Hands news of a thread to the screen, and stops the work once nobody waits for it."""

    def __init__(self, screen: DocumentsScreen, stop: Event) -> None:
        self._screen, self._stop = screen, stop

    def __call__(self, progress: Progress) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._screen.post_message(IndexNews(progress))


def _line(label: str, box: Input) -> Horizontal:
    return Horizontal(Label(label), box, classes="line")


def _shown(question: str, hit: HitOutput, room: int) -> Content:
    head = Content.from_rich_text(report_search.head(hit))
    text = Content.from_rich_text(report_search.excerpt(question, hit.text, room))
    return Content("\n      ").join([head, text])
