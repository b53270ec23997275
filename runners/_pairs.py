"""Judged rows as tokens: a prompt with a better and a worse answer, or with one and a thumb.

The tokens are those of ``_render``, so that an answer is preferred in the form in which it is
learned and measured. A row of which nothing can be learned is left out, with a warning that counts.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.errors import DataError
from runners import _preferences, _render, _sft_rows
from runners._render import Rendered
from runners._render_guards import RenderError
from runners._sft_rows import Slices
from runners.base import Plan, Progress, Report, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_OF_A_ROW = frozenset({"all_masked", "all_cut", "template_refused"})


@dataclass(frozen=True, slots=True)
class Judged:
    """One row as a trainer wants it."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    """The better one, or the only one."""
    worse: tuple[int, ...] | None
    liked: bool | None
    cut: bool

    @property
    def ids(self) -> tuple[int, ...]:
        """The longer of its texts: what a step has to make room for."""
        return self.prompt + max(self.answer, self.worse or (), key=len)

    def as_pair(self) -> dict[str, Any]:
        """For DPO."""
        return {
            "prompt_ids": list(self.prompt),
            "chosen_ids": list(self.answer),
            "rejected_ids": list(self.worse or ()),
        }

    def as_thumb(self) -> dict[str, Any]:
        """For KTO."""
        return {
            "prompt_ids": list(self.prompt),
            "completion_ids": list(self.answer),
            "label": bool(self.liked),
        }


def are_thumbs(rows: Sequence[Row]) -> bool:
    """Whether answers were judged one by one.

    Raises:
        DataError: Nobody judged anything, or all thumbs say the same.
    """
    thumbs = [row.liked for row in rows if row.liked is not None and row.rejected is None]
    if any(map(_preferences.is_pair, rows)):
        return False
    if not thumbs:
        fix = "name the columns: --target COLUMN --rejected COLUMN, or --liked COLUMN"
        what = "no row has a better and a worse answer, and none a thumb"
        raise DataError(what, where="training rows", fix=fix)
    if len(set(thumbs)) == 1:
        said = "liked" if thumbs[0] else "disliked"
        fix = "add rows of the other kind"
        raise DataError(f"all {len(thumbs):,} answers are {said}", where="training rows", fix=fix)
    return True


def prepare(
    plan: Plan,
    rows: Sequence[Row],
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int,
    report: Report,
) -> Slices:
    """Render all rows that can be learned from, and hold some questions back.

    Raises:
        RenderError: A fault that concerns every row.
        DataError: No row is left.
    """
    able: Callable[[Row], bool] = (
        (lambda row: row.liked is not None) if are_thumbs(rows) else _preferences.is_pair
    )
    kept: list[Row] = []
    found: list[Judged] = []
    bad: Counter[str] = Counter()
    for row in rows:
        if not able(row):
            bad["missing_side"] += 1
            continue
        try:
            found.append(_judged(row, tokenizer, max_tokens))
        except RenderError as error:
            if error.code not in _OF_A_ROW:
                raise
            bad[error.code] += 1
            continue
        kept.append(row)
    for code, times in bad.items():
        text = f"{code}: {times:,} of {len(rows):,} rows are left out, nothing of them is learned"
        report(Progress(message=text, warning=True))
    if not kept:
        fix = "see why: whichtune xray --data …, or raise --setting max_tokens="
        raise DataError("no rows to learn from", where="training rows", fix=fix)
    if cut := sum(item.cut for item in found):
        text = f"end_cut: {cut:,} of {len(rows):,} rows are longer than {max_tokens:,} tokens"
        report(Progress(message=f"{text} and cut", warning=True))
    return _sft_rows.slices(plan, kept, found)


def _judged(row: Row, tokenizer: "PreTrainedTokenizerBase", max_tokens: int) -> Judged:
    better = _render.render(row, tokenizer, max_tokens=max_tokens).require_sound()
    sides = [better]
    if row.rejected:
        other = _render.render(_preferences.worse(row), tokenizer, max_tokens=max_tokens)
        sides.append(other.require_sound())
    answers = [_answer(side) for side in sides]
    if not all(answers) or (len(answers) == 2 and answers[0] == answers[1]):
        what = f"{max_tokens:,} tokens leave nothing of an answer in which the two differ"
        raise RenderError("all_cut", what, where=f"row {row.id}")
    return Judged(
        prompt=better.prompt_ids,
        answer=answers[0],
        worse=answers[1] if len(answers) == 2 else None,
        liked=row.liked,
        cut=any(side.cut > 0 for side in sides),
    )


def _answer(side: Rendered) -> tuple[int, ...]:
    """The last answer up to its end; what the template puts behind it is said by nobody."""
    learned = [place for place, is_learned in enumerate(side.learned) if is_learned]
    start = len(side.prompt_ids)
    return side.ids[start : learned[-1] + 1] if learned else ()
