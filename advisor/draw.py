"""Rows drawn to be labelled: each has the same chance, and yet they are spread over all there is.

Rows are put in an order in which neighbours are alike (by label, then by place in the embedding
space, else by length), and every so many-th is taken from a random start. Such a systematic sample
is as fair as drawing lots, so that a score on it is one for all rows, and it can't miss a whole
region by bad luck. Choosing the strangest rows would be more varied and no longer fair. Random: the
start and the order in which rows are asked, both from the seed. Cost: that of the embeddings.
"""

import math
import random
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    import numpy as np

LARGEST = 1000
"""Texts that are embedded, or five times those wanted: of more, so many are drawn by lot first."""
_ALIKE = 0.95
"""Cosine from which on two texts are the same to a reader."""
_SAME_WORDS = 0.8
_TRIES = 20


class Drawn(NamedTuple):
    """Places of the rows, in the order in which they are to be asked."""

    places: list[int]
    how: str


def margin(rows: int, accuracy: float = 0.8) -> float:
    """Half the width of the 95 % interval of an accuracy measured on so many rows."""
    return 1.96 * math.sqrt(accuracy * (1 - accuracy) / max(rows, 1))


def draw(
    texts: Sequence[str],
    labels: Sequence[str],
    wanted: int,
    seed: int,
    vectors: "np.ndarray | None" = None,
) -> Drawn:
    """Choose rows to label.

    Args:
        texts: Of all rows that may be chosen, no two the same.
        labels: What is known or thought of each; empty where nothing is.
        wanted: How many; fewer are chosen where there are fewer that differ.
        seed: Decides which.
        vectors: ``(n, d)`` float32, unit length; ``None`` without an encoder.
    """
    lots = random.Random(seed)
    near = _regions(vectors, wanted, seed) if vectors is not None else list(map(len, texts))
    order = sorted(range(len(texts)), key=lambda place: (labels[place], near[place], place))
    step = len(order) / min(wanted, len(order))
    start = lots.random() * step
    taken = [int(start + n * step) for n in range(min(wanted, len(order)))]
    places = _unlike(order, taken, texts, vectors)
    lots.shuffle(places)
    by = "by its place among all texts" if vectors is not None else "by its length"
    first = "by its label, then " if any(labels) else ""
    return Drawn(places, f"every {step:.4g}th row, {first}{by}, from a random start (seed {seed})")


def _regions(vectors: "np.ndarray", wanted: int, seed: int) -> list[tuple[int, float]]:
    """For each text its region of the embedding space, in an order that keeps like by like."""
    import numpy as np

    cluster: Any = import_module("sklearn.cluster")
    count = max(1, min(wanted // 2, len(vectors) // 2))
    means = cluster.MiniBatchKMeans(count, random_state=seed, n_init=3).fit(vectors)
    centres: np.ndarray = means.cluster_centers_
    axis = np.linalg.svd(centres - vectors.mean(axis=0), full_matrices=False)[2][0]
    ranks = np.argsort(np.argsort(centres @ axis))
    along = vectors @ axis
    return [
        (int(ranks[region]), float(at)) for region, at in zip(means.labels_, along, strict=True)
    ]


def _unlike(
    order: Sequence[int], taken: Sequence[int], texts: Sequence[str], vectors: "np.ndarray | None"
) -> list[int]:
    """The rows at those places; for one that nearly repeats another, one that stands near it."""
    left = set(range(len(order))) - set(taken)
    places: list[int] = []
    for at in taken:
        beside = (n for n in range(at + 1, at + _TRIES) if n in left)
        for one in (at, *beside):
            if not any(_alike(order[one], place, texts, vectors) for place in places):
                places.append(order[one])
                left.discard(one)
                break
    return places


def _alike(one: int, other: int, texts: Sequence[str], vectors: "np.ndarray | None") -> bool:
    if vectors is not None:
        return float(vectors[one] @ vectors[other]) > _ALIKE
    words, others = set(texts[one].casefold().split()), set(texts[other].casefold().split())
    return len(words & others) > _SAME_WORDS * len(words | others)


def likely(vectors: "np.ndarray", labelled: "np.ndarray", labels: Sequence[str]) -> list[str]:
    """The label of the nearest labelled text, for each text: good enough to spread a draw."""
    nearest = cast("list[int]", (vectors @ labelled.T).argmax(axis=1).tolist())
    return [labels[place] for place in nearest]
