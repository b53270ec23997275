"""Replay: pieces of general text among those of the domain, so that less is forgotten.

A model that reads on in one field loses some of what it knew. A few per cent of text like that of
its pretraining, mixed in, prevents most of it (Ibrahim et al. 2024, arXiv 2403.08763).
"""

import lzma
import random
from pathlib import Path
from typing import TYPE_CHECKING

from rules.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedTokenizerBase

_LETTERS = 8
"""Characters that are taken for each token wanted; prose needs about four."""
_TRIES = 20
"""Places looked at for each piece, before the text is called too short."""


def pieces(
    path: Path, tokenizer: "PreTrainedTokenizerBase", size: int, count: int, seed: int
) -> "np.ndarray":
    """Pieces ``(count, size)`` of a text file, each from a random place of it, begun at a word.

    Raises:
        DataError: The file cannot be read, or is shorter than one piece.
    """
    import numpy as np

    text = _text(path)
    choose = random.Random(seed)
    found: list[list[int]] = []
    for _ in range(count * _TRIES):
        if len(found) == count:
            break
        place = choose.randrange(max(1, len(text) - _LETTERS * size // 2))
        place = text.find(" ", place) + 1 if place else 0
        part = text[place : place + _LETTERS * size]
        ids = tokenizer(part, add_special_tokens=False, verbose=False)["input_ids"]
        if len(ids) >= size:
            found.append(ids[:size])
    if len(found) < count:
        what = f"{len(text):,} characters of general text; a piece takes {size:,} tokens"
        raise DataError(what, where=str(path), fix="name a longer text, or leave replay out")
    return np.array(found, np.int32).reshape(count, size)


def _text(path: Path) -> str:
    fix = "name a file of plain text in UTF-8, packed with xz or not: --setting replay_file=FILE"
    try:
        content = path.expanduser().read_bytes()
        return (lzma.decompress(content) if path.suffix == ".xz" else content).decode("utf-8-sig")
    except OSError as error:
        raise DataError(error.strerror or "cannot be read", where=str(path), fix=fix) from error
    except (lzma.LZMAError, UnicodeDecodeError) as error:
        raise DataError(f"not a text: {error}", where=str(path), fix=fix) from error
