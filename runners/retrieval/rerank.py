"""A second look at what was found: a cross-encoder reads each chunk together with the question.

It is slower than any search by far and orders better, since question and chunk see each other
(https://arxiv.org/abs/1901.04085). Only a model that was named is used.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rules.errors import UserError
from runners import _models

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_WHERE = "--rerank"
_FIX = "name a cross-encoder, such as cross-encoder/ms-marco-MiniLM-L6-v2"
BATCH = 32
"""Pairs per forward pass."""


class Reranker:
    """An open cross-encoder."""

    def __init__(self, name: str) -> None:
        """Open it.

        Raises:
            UserError: The model is not there, or gives no score for a pair of texts.
            MissingExtraError: sentence-transformers is not installed.
        """
        _models.require("torch", "sentence_transformers", approach=_WHERE)
        self._model = _open(name)

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question; higher is better, on the model's own scale."""
        pairs = [(question, text) for text in texts]
        found = self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False)
        return [float(score) for score in found]


def _open(name: str) -> "CrossEncoder":
    path = _models.locate(name)
    _require_scores(name)
    from safetensors import SafetensorError
    from sentence_transformers import CrossEncoder

    try:
        model = CrossEncoder(str(path), trust_remote_code=False)
    except (OSError, ValueError, SafetensorError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(reason, where=name, fix=_FIX) from error
    _models.require_words(model.tokenizer, name)
    if model.num_labels != 1:
        what = f"this model gives {model.num_labels} scores for a pair of texts, not one"
        raise UserError(what, where=name, fix=_FIX)
    return model


def _require_scores(name: str) -> None:
    """Refuse a model without a head for scores: transformers would make up a random one."""
    try:
        config = json.loads((_models.locate(name) / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"config.json cannot be read: {error}", where=name, fix=_FIX) from error
    heads = config.get("architectures") or []
    if not any(str(head).endswith("ForSequenceClassification") for head in heads):
        said = ", ".join(map(str, heads)) or "nothing of that kind"
        raise UserError(f"no cross-encoder: its files are of {said}", where=name, fix=_FIX)
