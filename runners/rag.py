"""Retrieval-augmented generation: passages of an index are found, and the answer is made of them.

Nothing is trained: an index that ``whichtune index`` made is searched for each question (Lewis et
al. 2020, arXiv 2005.11401). A causal model then reads question and passages and writes the answer,
or, without such a model, the sentence that speaks most to the question is quoted.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from rules.errors import SettingError
from runners import _causal_lm, _choosing, _generation
from runners.base import Plan, Predictor, Progress, Report, Row, settings_of
from runners.retrieval import labelling, opened, passages
from runners.retrieval.labelling import Labelling
from runners.retrieval.passages import Passages, PassageSettings
from runners.retrieval.readers import Quoting, Reading

TASKS = ("classification", "generation")
READS = True
"""The base model reads, for labels too: an encoder cannot."""
LIBRARIES = (*passages.LIBRARIES, "torch", "transformers")
API_LIBRARIES = (*passages.LIBRARIES, "openai")
API_SENDS = "the questions and the passages of your documents that are found for them"
_FILE = "rag.json"


class Settings(PassageSettings):
    """The knobs of this approach."""

    reader: Literal["model", "extract"] = "model"
    """Who answers: the base model, or the sentence that speaks most to the question, quoted."""
    instruction: str = passages.INSTRUCTION
    """What the base model is told; of labels it is another text unless given."""


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
    """Look that the index can be searched, and write down how.

    The rows say how long answers are, or which labels there are.

    Raises:
        DataError: Fewer than two labels.
        SettingError: A quoted sentence is to be a label.
        UserError: There is no index, or the base model writes no text.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    where = passages.place(settings.index)
    more: dict[str, Any] = {}
    with opened.open_index(where, settings.name) as index:
        if plan.task == "classification":
            more["choosing"] = _labels(plan, rows, settings)
            says = "the base model chooses a label with them"
        elif settings.reader == "model":
            _generation.prepare(plan, rows, settings.instruction)
            says = "the base model answers from them"
        else:
            says = "answers are sentences of them, word for word"
        text = f"{index.count():,} chunks of {len(index.documents()):,} documents; {says}"
        about = {**settings.model_dump(), "index": where, "revision": index.revision, **more}
    plan.artifact.mkdir(parents=True, exist_ok=True)
    (plan.artifact / _FILE).write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")
    report(Progress(message=text))


def _labels(plan: Plan, rows: Sequence[Row], settings: Settings) -> dict[str, Any]:
    if settings.reader == "extract":
        fix = "leave it out, or take few_shot, where the nearest of your rows vote"
        raise SettingError("a quoted sentence is no label", where="--setting reader", fix=fix)
    if not plan.endpoint:
        _causal_lm.require_causal(plan.base_model)
    given = "instruction" in plan.settings
    told = settings.instruction if given else labelling.INSTRUCTION
    return _choosing.written_down(plan, rows, told)


def load(folder: Path) -> Predictor:
    """Reopen the index, as it is now, and the model that reads."""
    about = json.loads((folder / _FILE).read_text("utf-8"))
    about.pop("revision")
    choosing = about.pop("choosing", None)
    settings = Settings.model_validate(about)
    found = Passages(settings)
    if choosing:
        return Labelling(found, _choosing.reopened(choosing, folder))
    if settings.reader == "extract":
        return Quoting(found)
    return Reading(found, _generation.load(folder))
