"""Retrieved few-shot: for each text, the labelled rows most like it.

With an encoder, the nearest rows vote, each with its similarity; how many vote is chosen by leaving
one row out at a time. With a causal model, the nearest rows stand in the prompt as examples, and
the likeliest label follows, or the answer that it writes. Nothing is trained, so new rows count at
once. Retrieved and random examples differ by 48 points on Banking77 (Bertsch et al. 2024, arXiv
2405.00200).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Interval

from rules.errors import SettingError
from runners import _choose, _choosing, _encoder, _generation, _head, _models, _shots
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

if TYPE_CHECKING:
    import numpy as np

SHOTS = (1, 3, 5, 10, 20)
"""How many may vote; the best is taken by leave-one-out."""
_BLOCK = 1024

TASKS = ("classification", "generation", "instruction_following")
LIBRARIES = ("sentence_transformers", "transformers", "sklearn", "scipy", "safetensors")
API_LIBRARIES = ("openai", "sentence_transformers", "sklearn", "scipy", "safetensors")
API_SENDS = "the rows to measure on and, as examples, the rows to learn from"


class Settings(Frozen):
    """The knobs of this approach."""

    shots: Annotated[int, Ge(1)] | None = None
    """Examples for each text; chosen by leave-one-out for an encoder, 8 for a causal model."""
    encoder: str = _models.DEFAULT_ENCODER
    """Finds the examples when the base model is a causal one."""
    choose: Literal["nearest", "random"] = "nearest"
    """For answers that are texts: the rows most like the question, or the same ones for all."""
    instruction: str = "Choose the label that fits the text."
    """What a causal model is told; for texts nothing unless given."""
    abstain_below: Annotated[float, Interval(ge=0, le=1)] = 0.0
    """Answers with less confidence are marked for a person to look at."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing follows from the number of rows."""
    del rows
    return {}


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Embed the examples, choose how many to show, calibrate, save.

    Raises:
        DataError: Fewer than two labels.
        SettingError: Random examples for labels.
    """
    settings = settings_of(Settings, plan.settings, plan.approach)
    if plan.task != "classification":
        _fit_texts(plan, rows, settings, report)
        return
    if settings.choose == "random":
        fix = "leave it out; random examples are for answers that are texts"
        raise SettingError(
            "labels are voted by the nearest rows", where="--setting choose", fix=fix
        )
    chosen = _choosing.written_down(plan, rows, settings.instruction)
    causal = _models.kind(plan.base_model) in ("causal", "endpoint")
    if plan.endpoint and settings.abstain_below:
        fix = "leave it out: a model behind an address does not say how sure it is"
        what = "there is no confidence to be below"
        raise SettingError(what, where="--setting abstain_below", fix=fix)
    encoder = settings.encoder if causal else plan.base_model
    features = _encoder.embed(encoder, [row.input for row in rows], report)
    head = _head.fit("neighbours", settings.shots or 8, features, [row.target for row in rows])
    if not causal:
        head = _calibrated(head, settings.shots, report)
    _head.save(head, plan.artifact)
    about = {
        **chosen,
        "encoder": encoder,
        "encoder_fingerprint": _models.fingerprint(encoder),
        "abstain_below": settings.abstain_below,
        "ids": [row.id for row in rows],
        "inputs": [row.input for row in rows] if causal else [],
    }
    path = plan.artifact / "few_shot.json"
    path.write_text(json.dumps(about, ensure_ascii=False), "utf-8")


def _fit_texts(plan: Plan, rows: Sequence[Row], settings: Settings, report: Report) -> None:
    told = settings.instruction if "instruction" in plan.settings else ""
    _generation.prepare(plan, rows, told)
    encoder = settings.encoder if settings.choose == "nearest" else None
    _shots.save(plan, rows, settings.shots or 8, encoder, report)


def _calibrated(head: _head.Head, shots: int | None, report: Report) -> _head.Head:
    """Choose the number of voters and the temperature by leaving each row out once."""
    codes = head.arrays["codes"]
    choices = (shots,) if shots else tuple(k for k in SHOTS if k < len(codes))
    found = {
        count: _leave_one_out(head.arrays["features"], codes, len(head.labels), count)
        for count in choices or (1,)
    }
    right = {count: float((s.argmax(axis=1) == codes).mean()) for count, s in found.items()}
    best = max(right, key=lambda count: (right[count], -count))
    text = f"{best} nearest rows vote: {right[best]:.3f} by leave-one-out"
    report(Progress(message=text))
    temperature = _choose.fit_temperature(found[best], codes)
    return _head.Head("neighbours", best, head.labels, head.arrays, temperature)


def _leave_one_out(
    features: "np.ndarray", codes: "np.ndarray", labels: int, count: int
) -> "np.ndarray":
    """Scores ``(n, k)`` of each row by all the others, in blocks so that memory stays flat."""
    import numpy as np

    parts: list[np.ndarray] = []
    for start in range(0, len(features), _BLOCK):
        block = slice(start, start + _BLOCK)
        similar = features[block] @ features.T
        similar[np.arange(len(similar)), np.arange(start, start + len(similar))] = -np.inf
        parts.append(_head.vote(similar, codes, labels, count))
    return np.concatenate(parts)


def load(folder: Path) -> Predictor:
    """Reopen the examples on their model."""
    if _generation.writes(folder):
        return _shots.load(folder)
    about = json.loads((folder / "few_shot.json").read_text("utf-8"))
    _models.require_same(about["base_model"], about["fingerprint"], folder)
    _models.require_same(about["encoder"], about["encoder_fingerprint"], folder)
    examples = Examples(about, _head.load(folder))
    if about["inputs"]:
        return Prompted(about, examples)
    return examples


class Examples:
    """Labelled rows that are searched by similarity, and that vote."""

    def __init__(self, about: dict[str, Any], head: _head.Head) -> None:
        self.encoder: str = about["encoder"]
        self.ids: list[str] = about["ids"]
        self.abstain_below: float = about["abstain_below"]
        self.head = head

    def nearest(self, features: "np.ndarray") -> "np.ndarray":
        """Indices of the nearest examples, features ``(n, d)`` -> ``(n, shots)``, best first."""
        import numpy as np

        shots = min(round(self.head.strength), len(self.ids))
        similar = features @ self.head.arrays["features"].T
        return np.argsort(-similar, axis=1, kind="stable")[:, :shots]

    def embed(self, rows: Sequence[Row]) -> "np.ndarray":
        """Embeddings ``(n, d)`` of the rows."""
        return _encoder.embed(self.encoder, [row.input for row in rows], silent)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The vote of the nearest examples, which are named as sources."""
        features = self.embed(rows)
        answers = _head.predictions(self.head, features, rows, self.abstain_below)
        return [
            answer.model_copy(update={"sources": tuple(self.ids[index] for index in found[:5])})
            for answer, found in zip(answers, self.nearest(features), strict=True)
        ]


class Prompted:
    """The nearest examples in the prompt of a causal model."""

    def __init__(self, about: dict[str, Any], examples: Examples) -> None:
        self.examples = examples
        self.inputs: list[str] = about["inputs"]
        self.model = _choosing.opened(about)

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The likeliest label after the examples, the nearest of which comes last."""
        head = self.examples.head
        nearest = self.examples.nearest(self.examples.embed(rows))
        shots = [
            [
                (self.inputs[index], head.labels[head.arrays["codes"][index]])
                for index in reversed(found)
            ]
            for found in nearest
        ]
        said = self.model.answers(rows, shots)
        return [self._with_sources(*pair) for pair in zip(said, nearest, strict=True)]

    def _with_sources(self, answer: Prediction, found: "np.ndarray") -> Prediction:
        sources = tuple(self.examples.ids[index] for index in found[:5])
        unsure = (answer.score or 0.0) < self.examples.abstain_below
        return answer.model_copy(update={"sources": sources, "abstained": unsure})
