"""A head on frozen embeddings: the cheapest approach that learns from labels.

The encoder never changes, so each text is embedded once, whatever is learnt from it: several label
columns of the same texts share one set of embeddings. Seconds on a laptop. Random is only the order
of the cross-validation folds, drawn from the seed. Also known as a linear probe: Alain and Bengio
2016, arXiv 1610.01644.

A label's own name is added as one more training row of it: at 10 rows per label of Banking77 that
gave 0.4 points on average over five draws (docs/log.md), and it costs nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Gt, Interval

from runners import _choose, _data, _encoder, _head, _models, _wording
from runners.base import Frozen, Plan, Prediction, Progress, Report, Row, settings_of, silent

if TYPE_CHECKING:
    import numpy as np

_WORDING = "wording.safetensors"
TASKS = ("classification",)
LIBRARIES = ("sentence_transformers", "sklearn", "scipy", "safetensors")


class Settings(Frozen):
    """The knobs of this approach."""

    classifier: Literal["auto", "logistic", "svm", "ridge", "neighbours"] = "auto"
    """``auto`` takes the best by cross-validation."""
    strength: Annotated[float, Gt(0)] | None = None
    """C of logistic and svm, alpha of ridge, number of neighbours; chosen unless given."""
    wording: bool = True
    """Whether character n-grams stand beside the embedding; see ``runners/_wording.py``."""
    label_names: bool = True
    """Whether the name of a label counts as one more row of it."""
    abstain_below: Annotated[float, Interval(ge=0, le=1)] = 0.0
    """Answers with less confidence are marked for a person to look at."""


def computed(rows: int) -> dict[str, tuple[Any, str]]:
    """Nothing follows from the number of rows."""
    del rows
    return {}


def fit(plan: Plan, rows: Sequence[Row], report: Report) -> None:
    """Embed, choose a classifier, fit it on all rows, calibrate, save.

    Raises:
        DataError: Fewer than two labels.
    """
    from safetensors.numpy import save_file

    settings = settings_of(Settings, plan.settings, plan.approach)
    labels = _data.labels_of(rows)
    texts, targets = [row.input for row in rows], [row.target for row in rows]
    if settings.label_names:
        texts, targets = texts + [_data.words(label) for label in labels], targets + labels
    features = _encoder.embed(plan.base_model, texts, report)
    rarities = _wording.rarity(texts) if settings.wording else None
    features = _with_wording(features, texts, rarities)
    choice = _choose.choose(features, targets, _candidates(settings), plan.seed, report)
    head = _head.fit(choice.family, choice.strength, features, targets)
    _head.save(replace(head, temperature=choice.temperature), plan.artifact)
    if rarities is not None:
        save_file({"rarities": rarities}, plan.artifact / _WORDING)
    about = {
        "base_model": plan.base_model,
        "fingerprint": _models.fingerprint(plan.base_model),
        "wording": settings.wording,
        "abstain_below": settings.abstain_below,
        "cross_validation": choice.accuracies,
        "thresholds": choice.thresholds,
    }
    (plan.artifact / "heads.json").write_text(json.dumps(about, indent=1), "utf-8")
    chosen = f"{choice.family} {choice.strength:g}"
    report(Progress(message=f"{chosen}: {choice.accuracies[chosen]:.3f} in cross-validation"))


def _with_wording(
    features: "np.ndarray", texts: Sequence[str], rarities: "np.ndarray | None"
) -> "np.ndarray":
    """Embeddings ``(n, d)``, with the wording beside them if wanted: ``(n, d + WIDTH)``."""
    import numpy as np

    if rarities is None:
        return features
    return np.hstack([features, _wording.features(texts, rarities)])


def _candidates(settings: Settings) -> list[tuple[_head.Family, float]]:
    families: tuple[_head.Family, ...] = tuple(_choose.CANDIDATES)
    if settings.classifier != "auto":
        families = (settings.classifier,)
    if settings.strength is not None:
        return [(family, settings.strength) for family in families]
    return [(family, strength) for family in families for strength in _choose.CANDIDATES[family]]


def load(folder: Path) -> "Heads":
    """Reopen a head and name its encoder."""
    return Heads(folder)


class Heads:
    """A fitted head with the encoder it was fitted on."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file

        about = json.loads((folder / "heads.json").read_text("utf-8"))
        self.base_model: str = about["base_model"]
        _models.require_same(self.base_model, about["fingerprint"], folder)
        self.abstain_below: float = about["abstain_below"]
        self.head = _head.load(folder)
        # Not by whether the file is there: it may be left from an earlier fit in the same folder.
        self.rarities = load_file(folder / _WORDING)["rarities"] if about["wording"] else None

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """The most probable label of each row, with its calibrated probability."""
        texts = [row.input for row in rows]
        features = _encoder.embed(self.base_model, texts, silent)
        features = _with_wording(features, texts, self.rarities)
        return _head.predictions(self.head, features, rows, self.abstain_below)
