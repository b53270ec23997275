"""Text encoders: open one by name, and turn texts into embeddings through the cache."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rules.errors import UserError
from runners import _embedding_cache, _models
from runners.base import Progress, Report

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

BATCH = 64
"""Texts per forward pass. 32 to 128 are equally fast on two cores; memory grows with it."""


def open_encoder(base_model: str) -> "SentenceTransformer":
    """Open an encoder; one that is no sentence-transformers model gets mean pooling.

    Raises:
        UserError: The model is not there, is no encoder, or its files are broken or incomplete.
        MissingExtraError: sentence-transformers is not installed.
    """
    _models.require("torch", "sentence_transformers", approach=f"encoder {base_model}")
    path = _models.locate(base_model)
    kind = _models.kind(base_model)
    if kind != "encoder":
        fix = f"use an encoder, such as {_models.DEFAULT_ENCODER}"
        said = "a causal model" if kind == "causal" else "an encoder-decoder"
        raise UserError(f"this is {said}, not an encoder", where=base_model, fix=fix)
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    try:
        encoder = SentenceTransformer(str(path), trust_remote_code=False)
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        fix = f"use an encoder that transformers can open, such as {_models.DEFAULT_ENCODER}"
        raise UserError(reason, where=base_model, fix=fix) from error
    _models.require_words(encoder.tokenizer, base_model)
    return encoder


def embed(
    base_model: str,
    texts: Sequence[str],
    report: Report,
    open_model: "Callable[[], SentenceTransformer] | None" = None,
) -> "np.ndarray":
    """Embeddings of the texts: ``(n, d)`` float32, unit length. The model is opened only if needed.

    Args:
        base_model: The encoder.
        texts: Any texts.
        report: Is told how far it is.
        open_model: Gives the encoder, where somebody may have it open already.

    Raises:
        UserError: The model is not there, or the cache cannot be written.
    """
    _models.require("numpy", approach=f"encoder {base_model}")
    opened: list[SentenceTransformer] = []

    def run(missing: list[str]) -> "np.ndarray":
        if not opened:
            opened.append(open_model() if open_model else open_encoder(base_model))
        return encode(opened[0], missing)

    def done(step: int, steps: int) -> None:
        text = (
            f"embedding {steps:,} texts" if steps else f"{len(texts):,} embeddings from the cache"
        )
        report(Progress(message=text, step=step, steps=steps or None))

    return _embedding_cache.embeddings(_models.fingerprint(base_model), texts, run, done)


def encode(encoder: "SentenceTransformer", texts: Sequence[str]) -> "np.ndarray":
    """Encode without the cache, for encoders that were tuned: ``(n, d)`` float32, unit length."""
    import numpy as np

    vectors = encoder.encode(
        list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
    )
    return np.asarray(vectors, dtype=np.float32)
