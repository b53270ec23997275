"""Zero-shot: the untouched model and nothing but the names of the labels.

With an encoder, a label's name (or the description given for it) is embedded, and a text gets the
label whose embedding is nearest. With a causal model, the label whose name the model finds most
likely after the text. Where the answer is a text, a causal model writes it. No row is learnt from,
so this is also the baseline of every other approach.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rules.errors import SettingError
from runners import _choosing, _data, _encoder, _generation, _head, _models, _seq2seq_writer
from runners.base import (
    Frozen,
    Plan,
    Prediction,
    Predictor,
    Progress,
    Report,
    Row,
    settings_of,
    silent,
)

TEMPERATURE = 0.05
"""Cosine similarities lie within a few tenths; uncalibrated by design, as nothing is learnt."""

TASKS = (
    "classification",
    "generation",
    "instruction_following",
    "domain_knowledge",
    "preference_alignment",
)
LIBRARIES = ("sentence_transformers", "transformers")
TEXT_LIBRARIES = ("torch", "transformers")
API_LIBRARIES = ("openai", "sklearn", "scipy")
API_SENDS = "the rows to measure on and the names of the labels"


class Settings(Frozen):
    """The knobs of this approach."""

    descriptions: dict[str, str] = {}
    """What a label means, in words; a label without one is described by its name."""
    instruction: str = "Choose the label that fits the text."
    """What a causal model is told; encoders do not read it. For texts nothing unless given."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing follows from the number of rows."""
    del rows
    return {}


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Write down the labels and their descriptions; the rows give the names only.

    Raises:
        DataError: Fewer than two labels.
        SettingError: A description of a label that does not occur.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    if plan.task != "classification":
        if _models.kind(plan.base_model) == "encoder_decoder":
            _seq2seq_writer.prepare(plan, rows)
            return
        told = settings.instruction if "instruction" in plan.settings else ""
        _generation.prepare(plan, rows, told)
        return
    labels = _data.labels_of(rows)
    if strange := sorted(set(settings.descriptions) - set(labels)):
        fix = f"the labels are: {', '.join(labels[:20])}"
        raise SettingError(f"no label {strange[0]!r}", where="--setting descriptions", fix=fix)
    about = _choosing.written_down(plan, rows, settings.instruction)
    about["labels"].update(settings.descriptions)
    plan.artifact.mkdir(parents=True, exist_ok=True)
    path = plan.artifact / "zero_shot.json"
    path.write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")
    report(Progress(message=f"{len(labels)} labels by name, nothing to learn"))


def load(folder: Path) -> Predictor:
    """Reopen the labels on their model, or the model that writes."""
    if _generation.writes(folder):
        kind = _models.kind(_generation.about(folder)["base_model"])
        known = _seq2seq_writer if kind == "encoder_decoder" else _generation
        return known.load(folder)
    about = json.loads((folder / "zero_shot.json").read_text("utf-8"))
    _models.require_same(about["base_model"], about["fingerprint"], folder)
    if _models.kind(about["base_model"]) in ("causal", "endpoint"):
        return _choosing.opened(about)
    return Prototypes(about["base_model"], about["labels"])


class Prototypes:
    """Nearest label by the embedding of its description."""

    def __init__(self, base_model: str, labels: dict[str, str]) -> None:
        self.base_model = base_model
        self.labels = list(labels)
        self.prototypes = _encoder.embed(base_model, list(labels.values()), silent)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The nearest label of each row."""
        features = _encoder.embed(self.base_model, [row.input for row in rows], silent)
        shares = _head.softmax(features @ self.prototypes.T / TEMPERATURE)
        best = shares.argmax(axis=1)
        return [
            Prediction(id=row.id, prediction=self.labels[code], score=float(score))
            for row, code, score in zip(rows, best, shares.max(axis=1), strict=True)
        ]
