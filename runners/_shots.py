"""Examples for a model that writes: earlier turns of the chat, the nearest one last.

Examples are questions that differ, each with its first answer: of rows that ask the same, one is
enough. The nearest are found by an encoder; random ones are drawn once, the same for all questions.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners import _encoder, _generation, _models
from runners._references import asked
from runners.base import Bits, Plan, Prediction, Report, Row, silent

if TYPE_CHECKING:
    import numpy as np

_FILE, _FEATURES = "few_shot.json", "features.safetensors"


def save(plan: Plan, rows: Sequence[Row], count: int, encoder: str | None, report: Report) -> None:
    """Write the examples down; without an encoder, as many as are shown, drawn at random."""
    questions = asked(rows)
    if encoder is None:
        questions = random.Random(plan.seed).sample(questions, min(count, len(questions)))
    inputs = [text_of(question.row) for question in questions]
    about = {
        "count": count,
        "encoder": encoder,
        "encoder_fingerprint": _models.fingerprint(encoder) if encoder else None,
        "ids": [question.row.id for question in questions],
        "inputs": inputs,
        "answers": [question.references[0] for question in questions],
    }
    (plan.artifact / _FILE).write_text(json.dumps(about, ensure_ascii=False), "utf-8")
    if encoder:
        from safetensors.numpy import save_file

        features = _encoder.embed(encoder, inputs, report)
        save_file({"features": features}, str(plan.artifact / _FEATURES))


def load(folder: Path) -> "Shown":
    """Reopen the examples on their model."""
    about = json.loads((folder / _FILE).read_text("utf-8"))
    if about["encoder"]:
        _models.require_same(about["encoder"], about["encoder_fingerprint"], folder)
    return Shown(about, _generation.load(folder), folder)


def text_of(row: Row) -> str:
    """What a row asks, as one text: its input, or the last turn of its user."""
    said = [turn["content"] for turn in row.messages if turn["role"] == "user"]
    return row.input or (said[-1] if said else "")


class Shown:
    """A model that is shown examples before each question."""

    def __init__(self, about: dict[str, Any], writer: _generation.Writer, folder: Path) -> None:
        self.writer = writer
        self.encoder: str | None = about["encoder"]
        self.count: int = about["count"]
        self.ids: list[str] = about["ids"]
        self.pairs = list(zip(about["inputs"], about["answers"], strict=True))
        self.features = _features(folder) if self.encoder else None

    def chosen(self, rows: Sequence[Row]) -> list[list[int]]:
        """Places of the examples for each row, the nearest last."""
        import numpy as np

        if self.encoder is None or self.features is None:
            return [list(range(len(self.ids)))] * len(rows)
        wanted = _encoder.embed(self.encoder, [text_of(row) for row in rows], silent)
        order = np.argsort(-(wanted @ self.features.T), axis=1, kind="stable")
        return [line[: self.count][::-1] for line in order.tolist()]

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The answers, each with the nearest examples as its sources."""
        found = self.chosen(rows)
        answers = self.writer.answer(rows, [[self.pairs[n] for n in places] for places in found])
        return [
            answer.model_copy(update={"sources": tuple(self.ids[n] for n in places[:-6:-1])})
            for answer, places in zip(answers, found, strict=True)
        ]

    def bits(self, rows: Sequence[Row]) -> list[Bits]:
        """Of each row's target, after its examples."""
        found = self.chosen(rows)
        return self.writer.bits_after(rows, [[self.pairs[n] for n in places] for places in found])


def _features(folder: Path) -> "np.ndarray":
    from safetensors.numpy import load_file

    return load_file(folder / _FEATURES)["features"]
