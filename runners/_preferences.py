"""Whether a model finds what people preferred the likelier answer: margins of pairs and of thumbs.

A margin is a difference of log-likelihoods, each over the bytes of its answer: without that, the
shorter answer would win most pairs, and per byte models of different tokenizers can be compared.
The implied reward is that of DPO (Rafailov et al. 2023, arXiv 2305.18290): beta times the logarithm
of how much likelier than under the reference an answer is; here nothing is divided by the length.
"""

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from runners.base import Bits, Prediction, Progress, Report, Row, TextPredictor

_NATS = math.log(2)
"""In a bit."""
RIGHT_OR_WRONG = ("preference_accuracy", "liked_accuracy", "reward_accuracy")
METRICS = (*RIGHT_OR_WRONG, "likelihood_margin", "reward_margin")
"""What is measured of judged rows, and of rewards."""


@runtime_checkable
class AgainstReference(TextPredictor, Protocol):
    """A predictor that was trained on preferences, and knows what it started from."""

    beta: float
    """How dear it was to leave the reference."""

    def reference_bits(self, rows: Sequence[Row]) -> list[Bits]:
        """Of each row's target, under the model that training started from."""
        ...


def is_judged(row: Row) -> bool:
    """Whether somebody said what they preferred: of two answers, or with a thumb."""
    return row.rejected is not None or row.liked is not None


def is_pair(row: Row) -> bool:
    """Whether there are two answers that can be held against each other."""
    return bool(row.rejected and row.target)


def to_imitate(rows: Sequence[Row], report: Report) -> Sequence[Row]:
    """Rows whose answers are worth learning by heart: nobody disliked them."""
    kept = [row for row in rows if row.liked is not False]
    if len(kept) < len(rows):
        text = f"{len(rows) - len(kept):,} of {len(rows):,} answers were disliked and are left out"
        report(Progress(message=text))
    return kept


def worse(row: Row) -> Row:
    """The row with the worse answer in the place of the better one."""
    return row.model_copy(update={"target": row.rejected or "", "rejected": None})


def with_margins(
    predictor: TextPredictor, rows: Sequence[Row], predictions: Sequence[Prediction]
) -> list[Prediction]:
    """The predictions, whose bits are known, with the margins of the rows that were judged."""
    places = [n for n, row in enumerate(rows) if is_pair(row) or row.liked is not None]
    if not places:
        return list(predictions)
    pairs = [n for n in places if is_pair(rows[n])]
    others = [worse(rows[n]) for n in pairs]
    said = dict(zip(pairs, predictor.bits(others), strict=True))
    own = {n: _bits_of(predictions[n]) for n in places}
    found = {n: _each(own[n]) - (_each(said[n]) if n in said else 0.0) for n in places}
    rewards: dict[int, float] = {}
    if isinstance(predictor, AgainstReference):
        before = dict(zip(places, predictor.reference_bits([rows[n] for n in places]), strict=True))
        before_worse = dict(zip(pairs, predictor.reference_bits(others), strict=True))
        for n in places:
            gained = before[n].bits - own[n].bits
            if n in said:
                gained -= before_worse[n].bits - said[n].bits
            rewards[n] = round(predictor.beta * gained * _NATS, 6)
    return [
        item.model_copy(update={"margin": round(found[n], 6), "reward_margin": rewards.get(n)})
        if n in found
        else item
        for n, item in enumerate(predictions)
    ]


def _bits_of(prediction: Prediction) -> Bits:
    return Bits(prediction.target_bits or 0.0, prediction.target_bytes or 0)


def _each(said: Bits) -> float:
    """Log-likelihood in nats a byte."""
    return -said.bits * _NATS / max(said.bytes, 1)


def longer(rows: Sequence[Row]) -> list[Prediction]:
    """What takes the longer answer for the better one, without any model: a bias of many judges."""

    def size(text: str | None) -> int:
        return len((text or "").encode())

    return [
        Prediction(
            id=row.id,
            prediction="",
            margin=float(size(row.target) - size(row.rejected)) if _counts(row) else None,
        )
        for row in rows
    ]


def _counts(row: Row) -> bool:
    return is_pair(row) or row.liked is not None


def right(rows: Sequence[Row], margins: Sequence[float | None]) -> list[bool]:
    """Which rows a margin puts on the side where people put them; a tie is on neither.

    Of a pair, the better answer has to be the one ahead. Of answers with a thumb, as many are taken
    for liked as are liked, those with the highest margins.
    """
    thumbs = [n for n, row in enumerate(rows) if row.liked is not None and row.rejected is None]
    count = sum(bool(rows[n].liked) for n in thumbs)
    best = set(sorted(thumbs, key=lambda n: -(margins[n] or 0.0))[:count])
    among = set(thumbs)
    return [
        (n in best) == rows[n].liked if n in among else (margin or 0.0) > 0
        for n, margin in enumerate(margins)
        if margin is not None
    ]


def has(name: str, rows: Sequence[Row], predictions: Sequence[Prediction]) -> bool:
    """Whether there is what it takes to know a metric of preferences or rewards."""
    if name in ("reward_margin", "reward_accuracy"):
        return any(item.reward_margin is not None for item in predictions)
    if any(map(is_pair, rows)) == (name == "liked_accuracy"):
        return False
    measured = any(item.target_bits is not None for item in predictions)
    known = any(item.margin is not None for item in predictions)
    return known and (measured or name != "likelihood_margin")


def values(name: str, rows: Sequence[Row], predictions: Sequence[Prediction]) -> list[float]:
    """One of the metrics, on every row that has it."""
    if name in RIGHT_OR_WRONG:
        kept = "reward_margin" if name == "reward_accuracy" else "margin"
        return [float(one) for one in right(rows, [getattr(item, kept) for item in predictions])]
    kept = "margin" if name == "likelihood_margin" else name
    found = [getattr(item, kept) for item in predictions]
    return [value for value in found if value is not None]
