"""Long context: all documents stand before each question, as long as the model can read them.

Nothing is searched, so nothing is missed; every question pays for every document. Whole contexts
and retrieval answer about equally well where the documents fit (Li et al. 2024, arXiv 2407.16833),
and a prompt of any length costs its tokens each time: how many is measured and said.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from rules.errors import DataError, SettingError
from runners import _generation, _shots
from runners._references import question
from runners.base import (
    Bits,
    Frozen,
    Plan,
    Prediction,
    Progress,
    Report,
    Row,
    settings_of,
)
from runners.retrieval import documents, passages, readers
from runners.retrieval.filters import Sight

TASKS = ("generation",)
LIBRARIES = ("torch", "transformers", "pypdf")
API_LIBRARIES = ("openai", "pypdf")
API_SENDS = "the questions and all of your documents"
_FILE = "documents.json"
_CHUNK_TOKENS = 256
"""Of a chunk in an index, as usual: what a passage costs with retrieval."""


class Settings(Frozen):
    """The knobs of this approach."""

    documents: str = Field(default="docs", min_length=1)
    """The folder of documents, or one file; what is read of it is kept with the run."""
    instruction: str = passages.INSTRUCTION
    """What the model is told."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing follows from the number of rows."""
    del rows
    return {}


def require_ready(settings: Settings) -> None:
    """Refuse, before a run is made, to begin without documents.

    Raises:
        SettingError: There is no such folder or file.
    """
    if not Path(settings.documents).expanduser().exists():
        fix = "name the folder of your documents: --setting documents=DIR"
        raise SettingError("no such folder", where=settings.documents, fix=fix)


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Read the documents, look that the model can read them all, and keep them.

    Raises:
        DataError: There is no text in them.
        SettingError: They take more tokens than the model can read at once.
        UserError: The base model writes no text.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    kept = _read(Path(settings.documents).expanduser(), report)
    _generation.prepare(plan, rows, settings.instruction)
    (plan.artifact / _FILE).write_text(json.dumps(kept, ensure_ascii=False), "utf-8")
    reader = load(plan.artifact)
    taken = reader.tokens(max(rows, key=lambda row: len(_shots.text_of(row))))
    room = reader.writer.prompt_tokens
    if taken > room:
        what = f"{len(kept):,} documents take {taken:,} tokens, {plan.base_model} reads {room:,}"
        fix = "index them and use --approach rag, or name a model that reads more"
        raise SettingError(what, where="--setting documents", fix=fix)
    even = max(1, taken // _CHUNK_TOKENS)
    text = f"{len(kept):,} documents: {taken:,} tokens for each question"
    report(Progress(message=f"{text}, about as many as {even:,} passages of an index take"))


def _read(root: Path, report: Report) -> list[dict[str, Any]]:
    """What is kept of each document; what cannot be read is told."""
    kept: list[dict[str, Any]] = []
    for item in documents.read(root):
        if isinstance(item, documents.Document):
            kept.append(item.model_dump(include={"id", "title", "text", "metadata"}))
        else:
            report(Progress(message=f"left out: {item.path}: {item.reason}", warning=True))
    if not kept:
        fix = "name a folder with .txt, .md, .html, .pdf, .csv or .jsonl files"
        raise DataError("no document with text", where=str(root), fix=fix)
    return kept


def load(folder: Path) -> "Whole":
    """Reopen the documents and the model that reads them."""
    kept = json.loads((folder / _FILE).read_text("utf-8"))
    return Whole(kept, _generation.load(folder))


class Whole:
    """A causal model that reads all documents before it answers."""

    def __init__(self, kept: list[dict[str, Any]], writer: _generation.Writer) -> None:
        self.kept, self.writer = kept, writer

    def tokens(self, row: Row) -> int:
        """Tokens of the prompt with every document, whoever asks."""
        texts = [_passage(item) for item in self.kept]
        return readers.tokens(self.writer, row, texts)

    def shown(self, row: Row) -> tuple[Row, list[str]]:
        """The row with what its user may see before its question, and the ids of these."""
        sight = Sight(user=row.user)
        seen = [item for item in self.kept if sight.allows(item["metadata"])]
        pairs = [(str(item["id"]), _passage(item)) for item in seen]
        return readers.fitted(self.writer, row, pairs)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The answer to each row, with the documents that stood in its prompt."""
        shown = [self.shown(question(row)) for row in rows]
        said = self.writer.predict([row for row, _ in shown])
        return [
            answer.model_copy(update={"sources": tuple(ids), "abstained": readers.declined(answer)})
            for answer, (_, ids) in zip(said, shown, strict=True)
        ]

    def bits(self, rows: Sequence[Row]) -> list[Bits]:
        """Of each row's target, after the documents."""
        return self.writer.bits_after([self.shown(row)[0] for row in rows], [()] * len(rows))


def _passage(item: dict[str, Any]) -> str:
    return f"{item['title']}\n{item['text']}" if item["title"] else str(item["text"])
