"""The form of the data screen: which files, and what they hold if that has to be said."""

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Label

from advisor.columns import ColumnMapping
from rules.errors import DataError, UserError
from tui.column_boxes import ColumnBoxes
from tui.completing import Completing, first_of
from tui.looked import Wanted
from tui.notebook import Notebook
from tui.path_input import MAPPING, PathInput, continuations

_HINTS = {
    "train": "Rows to learn from: a table, JSON, Parquet, a workbook, a folder of documents.",
    "evaluation": "Rows to measure on, in a file of their own; else some are split off later.",
    "corpus": "Documents or examples that the model is shown at use: no evaluation row may stand "
    "in them.",
    "base": "Base model in whose tokens rows are counted: bundled, a folder, or a hub id; empty: "
    "the usual one for such rows.",
    "embed": "Embed every text to look for wrong labels: yes, no, or empty: up to 5,000 rows.",
    "mapping": "Kind and columns from a file that s or --save-mapping has written; a box below "
    "outweighs it.",
}
_FLAGS = {"--base": "#base", "--embed": "#embed"}
_EMBED: dict[bool | None, str] = {True: "yes", False: "no", None: ""}
_NAMES = 4
"""File names that are shown at once."""


class DataForm(VerticalScroll, can_focus=False):
    """Keeps what was typed, whatever comes of it."""

    def __init__(self, notebook: Notebook, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        looked = notebook.looked
        self._before = looked.wanted if looked else None
        self._train, self._evaluation = notebook.train, notebook.evaluation
        self._columns = notebook.columns

    def compose(self) -> ComposeResult:
        """Three files, a base model, a mapping, and the boxes for the columns."""
        before = self._before
        corpus, base = (before.corpus, before.base_model) if before else (None, None)
        yield _line("Rows", PathInput(_text(self._train), placeholder="tickets.csv", id="train"))
        yield _line(
            "Evaluation", PathInput(_text(self._evaluation), placeholder="none", id="evaluation")
        )
        yield _line("Shown at use", PathInput(_text(corpus), placeholder="none", id="corpus"))
        yield _line("Base model", PathInput(base or "", placeholder="the usual one", id="base"))
        said = _EMBED[before.embed] if before else ""
        box = Completing(first_of(lambda: ["yes", "no"]), said, placeholder="if few", id="embed")
        yield _line("Embed (--embed)", box)
        box = PathInput(placeholder="none", wanted=MAPPING, id="mapping")
        yield _line("Mapping file", box)
        yield ColumnBoxes(self._columns, whole=True)

    @property
    def wanted(self) -> Wanted:
        """What was typed.

        Raises:
            DataError: No file is named, or a role or a yes is written in another way.
        """
        train = self._box("train").path
        if train is None:
            fix = "type the path of a file; tab completes it"
            raise DataError("no file named", where="rows", fix=fix)
        return Wanted(
            train=train,
            evaluation=self._box("evaluation").path,
            corpus=self._box("corpus").path,
            columns=self.query_one(ColumnBoxes).columns,
            mapping=self._box("mapping").path,
            base_model=self._box("base").value.strip() or None,
            embed=self._embed(),
        )

    def _embed(self) -> bool | None:
        said = self.query_one("#embed", Input).value.strip().lower()
        if said not in ("", "yes", "no"):
            raise DataError(f"{said!r} is neither", where="--embed", fix="type yes, no or nothing")
        return said == "yes" if said else None

    def _box(self, name: str) -> PathInput:
        return self.query_one(f"#{name}", PathInput)

    def begin(self) -> None:
        """Put the cursor where something is missing."""
        self._box("train").focus()

    def know(self, names: tuple[str, ...], mapping: ColumnMapping) -> None:
        """Say in the boxes what was found."""
        self.query_one(ColumnBoxes).know(names, mapping)

    def answer(self, error: UserError) -> None:
        """Go to the box that an error is about, else to the file it names."""
        for name in ("train", "evaluation", "corpus", "mapping"):
            path = self._box(name).path
            if path is not None and error.where.startswith(str(path)):
                self._box(name).focus()
        if error.where in _FLAGS:
            self.query_one(_FLAGS[error.where]).focus()
        self.query_one(ColumnBoxes).answer(error)

    def hint(self, box: Input) -> str:
        """What can be typed there, and the names that continue what is typed already."""
        told = _HINTS.get(box.id or "") or self.query_one(ColumnBoxes).hint(box.id)
        names = continuations(box.value, box.wanted) if isinstance(box, PathInput) else []
        names = [name for name in names if name != box.value]
        if not names:
            return told
        shown = "  ".join(name.rstrip("/").rpartition("/")[2] for name in names[:_NAMES])
        more = f"  and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
        return f"tab completes: {shown}{more}"


def _text(path: object) -> str:
    return "" if path is None else str(path)


def _line(label: str, box: Input) -> Horizontal:
    return Horizontal(Label(label), box, classes="line")
