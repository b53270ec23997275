"""Bits per byte: how many bits a causal model needs for a byte of text, whatever its tokenizer.

All nats of a text over ln 2 and over its UTF-8 bytes. The text is read in windows of fixed length
that overlap, and each token is counted once, in the first window that holds it: a token has at
least ``window - stride`` tokens before it, save at the beginning. The model's end token stands
before the first one, as between two documents; a model without such a token pays for the first
one as if it knew nothing.
"""

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_CELLS = 32_000_000
"""Scores in a batch: tokens times vocabulary."""
LONGEST = 2048
"""A window is no longer than this, however far the model can look back."""


class BitsPerByte(NamedTuple):
    """What some texts took."""

    bits: float
    bytes: int
    tokens: int

    @property
    def value(self) -> float:
        """Bits for each byte; nothing at all takes no bits."""
        return self.bits / self.bytes if self.bytes else 0.0


class _Window(NamedTuple):
    ids: list[int]
    first: int
    """The first place that is counted here; those before were counted in the window before."""


def bits_per_byte(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    texts: Iterable[str],
    window: int | None = None,
    stride: int | None = None,
) -> BitsPerByte:
    """Bits per byte of some texts, each read from its beginning.

    Args:
        model: A causal model.
        tokenizer: Its tokenizer.
        texts: Not shortened: all of each is counted.
        window: Tokens read at once; what the model can read, and no more than 2,048.
        stride: Tokens between the beginnings of two windows, fewer than a window has; half a window
            unless given.
    """
    import torch

    window = window or min(context_of(model), LONGEST)
    stride = min(stride or window // 2, window - 1)  # a window begins with a token that is known
    windows: list[_Window] = []
    unknown, size, tokens = 0, 0, 0
    start: Any = tokenizer.eos_token_id
    if tokenizer.bos_token_id is not None:
        start = tokenizer.bos_token_id
    for text in texts:
        ids: Any = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        size, tokens = size + len(text.encode()), tokens + len(ids)
        if start is None and ids:
            unknown += 1
        windows += _windows(ids if start is None else [start, *ids], window, stride)
    vocabulary = model.config.get_text_config().vocab_size
    together = max(1, _CELLS // (vocabulary * window))
    windows.sort(key=lambda one: -len(one.ids))  # those of like length together
    nats = unknown * math.log(vocabulary)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for begin in range(0, len(windows), together):
                nats += _nats(model, windows[begin : begin + together])
    finally:
        model.train(was_training)
    return BitsPerByte(nats / math.log(2), size, tokens)


def context_of(model: "PreTrainedModel") -> int:
    """How many tokens the model can read at once; many, where its configuration does not say."""
    config = model.config.get_text_config()
    return getattr(config, "max_position_embeddings", None) or LONGEST


def _windows(ids: list[int], window: int, stride: int) -> Iterator[_Window]:
    counted = 1  # what stands first is given, not said
    for begin in range(0, len(ids), stride):
        stop = min(begin + window, len(ids))
        if stop > counted:
            yield _Window(ids[begin:stop], counted - begin)
            counted = stop
        if stop == len(ids):
            return


def _nats(model: "PreTrainedModel", windows: list[_Window]) -> float:
    """Nats of the counted tokens; what is filled up at the right is seen by no token before it."""
    import torch
    from torch.nn.functional import cross_entropy

    causal: Any = model
    longest = max(len(one.ids) for one in windows)
    ids = torch.zeros(len(windows), longest, dtype=torch.long)
    labels = torch.full((len(windows), longest), -100)
    for place, one in enumerate(windows):
        found = torch.tensor(one.ids)
        ids[place, : len(found)] = found
        labels[place, one.first : len(found)] = found[one.first :]
    ids, labels = ids.to(causal.device), labels.to(causal.device)
    logits: Tensor = causal(input_ids=ids, use_cache=False).logits[:, :-1]
    flat = logits.reshape(-1, logits.shape[-1]).float()
    return float(cross_entropy(flat, labels[:, 1:].reshape(-1), reduction="none").double().sum())
