"""How long rows are: in characters, words, and the tokens of the base model.

What a language model learns from is counted as it will be trained on, after the chat template
(``runners/_render.py``), because a limit cuts there and nowhere else. An encoder reads the text.
"""

from collections.abc import Iterable

from advisor.examined import LABELLED, Examined, Side, evenly
from runners.base import Frozen

LIMITS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
"""Tokens at which rows are usually cut."""
_ENCODED = 100_000
"""Texts whose tokens are counted at most; some 50,000 short ones a second."""
_BATCH = 1000


class Lengths(Frozen):
    """How long the texts are: median, 95th percentile and the longest."""

    p50: int
    p95: int
    max: int


class Cut(Frozen):
    """What a limit would do."""

    tokens: int
    share: float
    """Of the rows that are longer, between 0 and 1."""


class TokenLengths(Frozen):
    """Rows in the tokens of one base model."""

    base_model: str
    lengths: Lengths
    mean: float
    rows: int
    """How many were counted: all, or so many drawn evenly from the file."""
    cut: tuple[Cut, ...]
    """Limits at which some of these rows are cut, and not all."""


def of(sizes: Iterable[int]) -> Lengths:
    """Sum up sizes, of which there is one at least."""
    ordered = sorted(sizes)
    last = len(ordered) - 1
    return Lengths(p50=ordered[last // 2], p95=ordered[round(last * 0.95)], max=ordered[-1])


def in_tokens(examined: Examined) -> TokenLengths | None:
    """Count the tokens of some rows, as they are trained on.

    Returns:
        ``None`` without a base model, or when it cannot render a single one of them.

    Raises:
        UserError: There is no such model, or no library to open its tokenizer.
    """
    base = examined.base_model
    if base is None:
        return None
    if examined.train.kind in LABELLED:
        sizes = _encoded(examined.train, base)
    else:
        rendered = examined.rendered
        sizes = list(rendered.found.lengths) if rendered else []
    return _summed(base, sizes) if sizes else None


def _encoded(side: Side, base_model: str) -> list[int]:
    """Tokens of texts alone, with the marks that the tokenizer puts round them."""
    from runners._render_tokenizer import tokenizer_file

    tokenizer = tokenizer_file(base_model)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    wanted = set(evenly(len(side), _ENCODED))
    texts = [text for place, text in enumerate(side.questions()) if place in wanted]
    sizes: list[int] = []
    for start in range(0, len(texts), _BATCH):
        sizes += map(len, tokenizer.encode_batch_fast(texts[start : start + _BATCH]))
    return sizes


def _summed(base_model: str, sizes: list[int]) -> TokenLengths:
    shares = [(limit, sum(size > limit for size in sizes) / len(sizes)) for limit in LIMITS]
    return TokenLengths(
        base_model=base_model,
        lengths=of(sizes),
        mean=sum(sizes) / len(sizes),
        rows=len(sizes),
        cut=tuple(Cut(tokens=limit, share=share) for limit, share in shares if 0 < share < 1),
    )
