"""Training rows as tokens: rendered once, checked, and some of them held back.

A fault of the template or the tokenizer concerns every row and stops the run. A fault of single
rows (nothing of it would be learned) leaves these out, with a warning that counts them.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rules.errors import DataError
from runners import _render
from runners._references import asked
from runners._render import Rendered
from runners._render_guards import Code, RenderError
from runners.base import Plan, Progress, Report, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_OF_A_ROW: frozenset[Code] = frozenset({"all_masked", "all_cut", "template_refused"})
_SHARE, _LEAST, _MOST = 0.1, 8, 200
"""Share of the questions that is held back, and how many of them at least and at most."""


class Slices(NamedTuple):
    """What is learned from, and what is looked at to stop in time."""

    train: list[Any]
    """``Rendered`` rows, or others that were held back in the same way."""
    held_back: list[Any]
    rows: list[Row]
    rows_held_back: list[Row]


def prepare(
    plan: Plan,
    rows: Sequence[Row],
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int,
    report: Report,
) -> Slices:
    """Render all rows, say what is wrong with them, and hold some questions back.

    Raises:
        RenderError: A fault that concerns every row.
        DataError: No row is left.
    """
    rendered: list[Rendered] = []
    kept: list[Row] = []
    bad: list[RenderError] = []
    for row in rows:
        try:
            found = _render.render(row, tokenizer, max_tokens=max_tokens).require_sound()
        except RenderError as error:
            if error.code not in _OF_A_ROW:
                raise
            bad.append(error)
            continue
        rendered.append(found)
        kept.append(row)
    if bad and not kept:
        raise bad[0]
    if not kept:
        raise DataError("no rows to learn from", where="training rows", fix="add rows")
    codes: Counter[Code] = Counter(error.code for error in bad)
    _tell(rendered, codes, len(rows), max_tokens, report)
    return slices(plan, kept, rendered)


def _tell(
    rendered: Sequence[Rendered],
    bad: "Counter[Code]",
    count: int,
    max_tokens: int,
    report: Report,
) -> None:
    for code, times in bad.items():
        text = f"{code}: {times:,} of {count:,} rows are left out, nothing of them can be learned"
        report(Progress(message=text, warning=True))
    cut = sum(row.cut > 0 for row in rendered)
    if cut:
        text = f"end_cut: {cut:,} of {count:,} rows are longer than {max_tokens:,} tokens and cut"
        report(Progress(message=text, warning=True))
    tokens, learned = sum(len(row.ids) for row in rendered), sum(sum(r.learned) for r in rendered)
    report(Progress(message=f"{tokens:,} tokens, {learned:,} of them are learned"))


def slices(plan: Plan, rows: list[Row], rendered: list[Any]) -> Slices:
    """Whole questions are held back: another answer to one that was learned proves nothing."""
    questions = asked(rows)
    wanted = min(_MOST, round(len(questions) * _SHARE))
    if wanted < _LEAST:
        return Slices(rendered, [], rows, [])

    def order(place: int) -> str:
        text = f"{plan.seed} {rows[questions[place].places[0]].id}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    chosen = sorted(range(len(questions)), key=order)[:wanted]
    held = sorted(place for n in chosen for place in questions[n].places)
    out = set(held)
    left = [place for place in range(len(rows)) if place not in out]
    return Slices(
        [rendered[n] for n in left],
        [rendered[n] for n in held],
        [rows[n] for n in left],
        [rows[n] for n in held],
    )
