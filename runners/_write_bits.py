"""How many bits a causal model needs to say what it should have said.

The last answer of a row is counted, without its end of sequence: how a template ends a turn is no
part of the text, and without it models of different templates can be compared. A row that is longer
than the model can read is read in windows that overlap by half.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runners._render import Rendered

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_CELLS = 64_000_000
"""Scores in a batch: tokens times vocabulary."""


class _Piece(NamedTuple):
    """A window of a row, and the places in it whose tokens are counted."""

    row: int
    ids: tuple[int, ...]
    places: tuple[int, ...]


def bits(model: "PreTrainedModel", rows: Sequence[Rendered], window: int) -> list[float]:
    """Bits of the last answer of each row."""
    pieces = [piece for n, row in enumerate(rows) for piece in _pieces(n, row, window)]
    pieces.sort(key=lambda piece: -len(piece.ids))
    found = [0.0] * len(rows)
    vocabulary = model.config.get_text_config().vocab_size
    while pieces:
        size = max(1, _CELLS // (vocabulary * len(pieces[0].ids)))
        batch, pieces = pieces[:size], pieces[size:]
        for piece, nats in zip(batch, _nats(model, batch), strict=True):
            found[piece.row] += nats / math.log(2)
    return found


def _pieces(number: int, row: Rendered, window: int) -> list[_Piece]:
    ends = set(row.ends)
    counted = [
        place
        for place in range(len(row.prompt_ids), len(row.ids))
        if row.learned[place] and place not in ends
    ]
    found: list[_Piece] = []
    begin, done = 0, 0
    while done < len(counted):
        stop = begin + window
        places = tuple(place - begin for place in counted[done:] if place < stop)
        if places:
            found.append(_Piece(number, row.ids[begin:stop], places))
        done += len(places)
        begin += window // 2
    return found


def _nats(model: "PreTrainedModel", batch: Sequence[_Piece]) -> list[float]:
    import torch

    longest = len(batch[0].ids)
    ids = [list(piece.ids) + [0] * (longest - len(piece.ids)) for piece in batch]
    mask = [[1] * len(piece.ids) + [0] * (longest - len(piece.ids)) for piece in batch]
    causal: Any = model
    with torch.inference_mode():
        tokens = torch.tensor(ids, device=causal.device)
        seen = torch.tensor(mask, device=causal.device)
        logits = causal(input_ids=tokens, attention_mask=seen, use_cache=False).logits
    return [
        _one(logits[n], tokens[n], piece.places) if piece.places else 0.0
        for n, piece in enumerate(batch)
    ]


def _one(logits: "torch.Tensor", ids: "torch.Tensor", places: tuple[int, ...]) -> float:
    import torch

    where = torch.tensor(places, device=logits.device)
    chances = torch.log_softmax(logits[where - 1].float(), dim=-1)
    return -float(chances.gather(1, ids[where, None]).double().sum())
