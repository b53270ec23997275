"""The one way a row becomes tokens: training, evaluation, export and the X-ray all come here.

A model is only as good as the tokens it was trained on, and most silent failures are a difference
between two places that each render a row in their own way. Here is one place. It says of every
token whether it is learned, and keeps what the model is given at use beside it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from runners import _render_text as layouts
from runners._render_encode import Encoded
from runners._render_guards import Check, Fault, RenderError, Spans, faults_of
from runners._render_text import How, Layout
from runners._render_tokenizer import end_ids
from runners.base import Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Kind = Literal["masked", "learned", "special"]
IGNORED = -100
"""The label of a token that is not learned, as torch's cross entropy has it."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One row as a model sees it."""

    row: str
    """Its id."""
    text: str
    """All of it, before cutting; the pieces of the kept tokens put together begin it."""
    ids: tuple[int, ...]
    pieces: tuple[str, ...]
    """The text of each token; empty where a character takes several tokens, save the first."""
    learned: tuple[bool, ...]
    kinds: tuple[Kind, ...]
    """A special token may be learned or masked: ``learned`` tells."""
    ends: tuple[int, ...]
    """Places of the learned end-of-sequence tokens, one an answer."""
    cut: int
    """Tokens that ``max_tokens`` cut off."""
    prompt_text: str
    """What the model is given at use, before its last answer."""
    prompt_ids: tuple[int, ...]
    how: How
    faults: tuple[Fault, ...]

    @property
    def end(self) -> int | None:
        """Place of the last learned end-of-sequence token."""
        return self.ends[-1] if self.ends else None

    @property
    def labels(self) -> list[int]:
        """The ids, with ``IGNORED`` for what is not learned."""
        return [
            id_ if learned else IGNORED for id_, learned in zip(self.ids, self.learned, strict=True)
        ]

    def require_sound(self) -> "Rendered":
        """Itself.

        Raises:
            RenderError: A fault forbids to train on this row.
        """
        for fault in self.faults:
            if fault.blocking:
                raise RenderError(fault.code, fault.what, where=f"row {self.row}")
        return self


def render(
    row: Row,
    tokenizer: "PreTrainedTokenizerBase",
    *,
    template: str | None = None,
    max_tokens: int | None = None,
) -> Rendered:
    """Render a row for training; what is wrong with it stands in ``faults``.

    Raises:
        RenderError: There are no tokens to look at: the template refuses the row, or nobody can
            tell which of its tokens are the answer.
    """
    layout = layouts.lay_out(row, tokenizer, template)
    whole, ends = layout.whole, end_ids(tokenizer)
    kept = len(whole.ids) if max_tokens is None else min(max_tokens, len(whole.ids))
    pieces = _pieces(whole)
    spans = Spans(tuple(_trimmed(run, whole, pieces, ends) for run in layout.learned), ends, kept)
    learned = [False] * len(whole.ids)
    for start, stop in spans.learned:
        learned[start:stop] = [True] * (stop - start)
    closed = [stop for _, stop in spans.learned if whole.ids[stop - 1] in ends]
    special = special_ids(tokenizer)
    kinds: tuple[Kind, ...] = tuple(
        "special" if id_ in special else "learned" if is_learned else "masked"
        for id_, is_learned in zip(whole.ids[:kept], learned, strict=False)
    )
    return Rendered(
        row=row.id,
        text=whole.text,
        ids=whole.ids[:kept],
        pieces=pieces[:kept],
        learned=tuple(learned[:kept]),
        kinds=kinds,
        ends=tuple(stop - 1 for stop in closed if stop <= kept),
        cut=len(whole.ids) - kept,
        prompt_text=layout.prompt.text,
        prompt_ids=layout.prompt.ids,
        how=layout.how,
        faults=tuple(_faults(row, tokenizer, layout, spans)),
    )


def prompt(
    row: Row, tokenizer: "PreTrainedTokenizerBase", *, template: str | None = None
) -> tuple[str, tuple[int, ...]]:
    """What the model is given at use for a row, as text and as ids.

    Raises:
        RenderError: The row does not fit the template.
    """
    found = layouts.given(row, tokenizer, template)
    return found.text, found.ids


def check(
    rows: Iterable[Row],
    tokenizer: "PreTrainedTokenizerBase",
    *,
    template: str | None = None,
    max_tokens: int | None = None,
) -> Check:
    """Render many rows and count what is wrong with them, code by code."""
    found = Check()
    for row in rows:
        found.rows += 1
        try:
            rendered = render(row, tokenizer, template=template, max_tokens=max_tokens)
        except RenderError as error:
            found.add(row.id, [Fault(error.code, error.reason)])
            continue
        found.lengths.append(len(rendered.ids) + rendered.cut)
        found.add(row.id, rendered.faults)
    return found


def _faults(
    row: Row, tokenizer: "PreTrainedTokenizerBase", layout: Layout, spans: Spans
) -> Iterable[Fault]:
    yield from faults_of(layout.whole.ids, spans, _why_empty(row, layout.how))
    given = layout.prompt
    if spans.learned and layout.how != "raw" and not _continues(layout, spans):
        start = spans.learned[-1][0]
        what = (
            f"at use the model is given {len(given.ids):,} tokens that end in "
            f"{given.text[-20:]!r}; in training {start:,} tokens stand before the answer, "
            f"which end in {_before(layout.whole, start)[-20:]!r}"
        )
        yield Fault("template_mismatch", what)
    written = [turn["content"] for turn in layouts.turns(row)]
    yield from _lost(layouts.turns(row), layout.whole.text)
    marks = _special_words(tokenizer)
    hits = sorted({hit for text in written for hit in marks.findall(text)}) if marks else []
    if hits:
        yield Fault("special_in_text", f"the row itself says {', '.join(map(repr, hits[:3]))}")


def _lost(turns: list[dict[str, str]], text: str) -> Iterable[Fault]:
    """Turns that the template leaves out, as one for pictures does with plain text."""
    for number, turn in enumerate(turns, 1):
        # Thoughts before an answer are left out on purpose by templates of reasoning models.
        said = turn["content"].rpartition("</think>")[2].strip()
        if said not in text:
            shown = said if len(said) <= 30 else f"{said[:29]}…"
            what = f"the template leaves out turn {number}, of the {turn['role']}: {shown!r}"
            yield Fault("text_lost", what)
            return


def _continues(layout: Layout, spans: Spans) -> bool:
    """Whether what is learned goes on exactly where the prompt ends."""
    size = len(layout.prompt.ids)
    same = layout.whole.ids[:size] == layout.prompt.ids
    return not size or (same and any(start == size for start, _ in spans.learned))


def _why_empty(row: Row, how: How) -> str:
    if how == "raw":
        return "its text is empty"
    answers = [turn["content"] for turn in layouts.turns(row) if turn["role"] == "assistant"]
    if not answers:
        return "it has no assistant turn and no target"
    return (
        "the template's marks hold nothing of its answer" if any(answers) else "its answer is empty"
    )


def _before(whole: Encoded, start: int) -> str:
    return whole.text[: whole.reach[start - 1]] if start else ""


def _pieces(whole: Encoded) -> tuple[str, ...]:
    starts = (0, *whole.reach[:-1])
    return tuple(whole.text[a:b] for a, b in zip(starts, whole.reach, strict=False))


def _trimmed(
    run: tuple[int, int], whole: Encoded, pieces: tuple[str, ...], ends: frozenset[int]
) -> tuple[int, int]:
    """The run up to its end of sequence: a line break after it is layout that no model produces."""
    start, stop = run
    last = next((n for n in range(stop - 1, start - 1, -1) if whole.ids[n] in ends), None)
    if last is None or any(not piece.isspace() for piece in pieces[last + 1 : stop]):
        return run
    return start, last + 1


@lru_cache(maxsize=8)
def special_ids(tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Ids of tokens that are marks, not words."""
    added = tokenizer.added_tokens_decoder
    return frozenset(tokenizer.all_special_ids) | {n for n, t in added.items() if t.special}


@lru_cache(maxsize=8)
def _special_words(tokenizer: "PreTrainedTokenizerBase") -> "re.Pattern[str] | None":
    words = tokenizer.convert_ids_to_tokens(sorted(special_ids(tokenizer)))
    return re.compile("|".join(re.escape(word) for word in words)) if words else None
