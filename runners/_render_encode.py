"""Text and its tokens, and which characters each token stands for, to the last byte.

Offsets are the only bridge between a template's marks, which are characters, and a loss mask, which
is tokens. Those of some tokenizers leave out spaces; here every character belongs to one token.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text and its tokens; each token reaches up to its place in ``reach``."""

    text: str
    ids: tuple[int, ...]
    reach: tuple[int, ...]


def encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> Encoded:
    """Tokens of a text that already holds all its special tokens."""
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    ids: tuple[int, ...] = tuple(found["input_ids"])
    reach = _reach_in_bytes(tokenizer, text, ids) if _trims(tokenizer) else None
    return Encoded(text, ids, reach or _reach(found["offset_mapping"]))


def _reach(offsets: "list[tuple[int, int]]") -> tuple[int, ...]:
    """Where each token ends; a space that the tokenizer left out belongs to the token after it."""
    return tuple(accumulate((end for _, end in offsets), max))


@lru_cache(maxsize=8)
def _trims(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether its offsets leave out the spaces of a token, as those of GPT-2 and Llama 3 do."""
    inner = getattr(tokenizer, "backend_tokenizer", None)
    after, decoder = getattr(inner, "post_processor", None), getattr(inner, "decoder", None)
    if after is None or decoder is None or b'"ByteLevel"' not in decoder.__getstate__():
        return False
    return b'"trim_offsets":true' in after.__getstate__()


def _reach_in_bytes(
    tokenizer: "PreTrainedTokenizerBase", text: str, ids: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Where each token of a byte-level tokenizer ends: a letter of its name is a byte of the text.

    ``None`` where the bytes do not add up, because a normalizer changed the text.
    """
    added = _added(tokenizer)
    names = tokenizer.convert_ids_to_tokens(list(ids))
    sizes = [
        len(name.encode()) if number in added else len(name)
        for number, name in zip(ids, names, strict=True)
    ]
    widths = [len(character.encode("utf-8", "surrogatepass")) for character in text]
    begins = list(accumulate(widths, initial=0))
    if sum(sizes) != begins.pop():
        return None
    return tuple(bisect_left(begins, end) for end in accumulate(sizes))


@lru_cache(maxsize=8)
def _added(tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    return frozenset(tokenizer.added_tokens_decoder)


def tokens_of(whole: Encoded, start: int, stop: int) -> tuple[int, int]:
    """The tokens that hold any of the characters from ``start`` to ``stop``."""
    reach = whole.reach
    if start >= stop:
        return 0, 0
    last = bisect_left(reach, stop)
    exact = last < len(reach) and reach[last] == stop
    return bisect_right(reach, start), bisect_right(reach, stop) if exact else last + 1
