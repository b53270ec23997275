"""Retrieval-augmented generation: passages of an index are found, and the answer is made of them.

Nothing is trained: an index that ``whichtune index`` made is searched for each question (Lewis et
al. 2020, arXiv 2005.11401). A causal model then reads question and passages and writes the answer,
or, without such a model, the sentence that speaks most to the question is quoted.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from runners import _generation
from runners.base import Plan, Predictor, Progress, Report, Row, settings_of
from runners.retrieval import opened, passages
from runners.retrieval.passages import Passages, PassageSettings
from runners.retrieval.readers import Quoting, Reading

TASKS = ("generation",)
LIBRARIES = (*passages.LIBRARIES, "torch", "transformers")
API_LIBRARIES = (*passages.LIBRARIES, "openai")
API_SENDS = "the questions and the passages of your documents that are found for them"
_FILE = "rag.json"


class Settings(PassageSettings):
    """The knobs of this approach."""

    reader: Literal["model", "extract"] = "model"
    """Who answers: the base model, or the sentence that speaks most to the question, quoted."""
    instruction: str = passages.INSTRUCTION
    """What the base model is told; a quoted answer needs none."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing follows from the number of rows."""
    del rows
    return {}


def require_ready(settings: Settings) -> None:
    """Refuse, before a run is made, to begin without an index.

    Raises:
        UserError: There is none in this place.
    """
    opened.require(passages.place(settings.index))


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Look that the index can be searched, and write down how; the rows say how long answers are.

    Raises:
        UserError: There is no index, or the base model writes no text.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    where = passages.place(settings.index)
    with opened.open_index(where, settings.name) as index:
        if settings.reader == "model":
            _generation.prepare(plan, rows, settings.instruction)
            says = "the base model answers from them"
        else:
            says = "answers are sentences of them, word for word"
        text = f"{index.count():,} chunks of {len(index.documents()):,} documents; {says}"
        about = {**settings.model_dump(), "index": where, "revision": index.revision}
    plan.artifact.mkdir(parents=True, exist_ok=True)
    (plan.artifact / _FILE).write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")
    report(Progress(message=text))


def load(folder: Path) -> Predictor:
    """Reopen the index, as it is now, and the model that reads."""
    about = json.loads((folder / _FILE).read_text("utf-8"))
    about.pop("revision")
    settings = Settings.model_validate(about)
    found = Passages(settings)
    if settings.reader == "extract":
        return Quoting(found)
    return Reading(found, _generation.load(folder))
