"""Answers to be rated that stand in a file: a prompt and two answers in each record, or one.

Texts, turns and lists of turns are read as everywhere else. A pair that was judged before may be
judged again: which side won is not shown.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple, cast

from advisor.candidates import Prompt, Reasons, Wanted, collected
from advisor.columns import ID_NAMES, Columns, named
from advisor.opening import open_any
from advisor.rating import Candidates, Origin
from advisor.schema import Cells, Sample, Unusable, is_blank, maybe_text, text
from advisor.schemas import preference, ranked_pairs
from advisor.schemas.chat import NAMES as CHAT
from advisor.tabular import Record
from advisor.turns import as_text, is_turn, turns
from rules.errors import DataError
from runners.base import Row

_SAMPLE = 2000
_PROMPT = ("prompt", "question", "instruction", "query", "input", *CHAT)
_PAIRS = (("a", "b"), ("left", "right"), ("first", "second"), ("model_a", "model_b"))
_ONE = ("completion", "response", "answer", "output")


class _Roles(NamedTuple):
    prompt: str | None
    """Nothing where the prompt is what both answers begin with."""
    context: str | None
    answers: tuple[str, ...]
    id: str | None


def read(path: Path, columns: Columns, wanted: Wanted) -> Candidates:
    """Read what there is to rate.

    Args:
        path: Any file that can be read.
        columns: What the user said: ``--input``, ``--id`` and the roles ``first`` and ``second``.
        wanted: How many, and in which order.

    Raises:
        DataError: It cannot be read, or has no such columns.
    """
    opened = open_any(path, columns)
    records = opened.records
    sample = list(islice(records.items, _SAMPLE))
    whole = [record.cells for record in sample if not record.broken]
    values = {name: [cells.get(name) for cells in whole] for name in records.columns}
    roles = _roles(Sample(values, _given(columns, values, path), str(path)), wanted)
    left_out: Reasons = {}
    found: list[Prompt] = []
    taken: set[str] = set()
    for record in (*sample, *records.items):
        try:
            prompt = _prompt(record, roles, f"{path.stem}:{record.line}")
        except Unusable as reason:
            left_out.setdefault(str(reason), []).append(f"{path}:{record.line}")
            continue
        if prompt.row.id in taken:  # ids that repeat name nothing
            row = prompt.row.model_copy(update={"id": f"{path.stem}:{record.line}"})
            prompt = prompt._replace(row=row)
        taken.add(prompt.row.id)
        found.append(prompt)
    origins = [
        Origin(file=path.name, file_sha256=opened.sha256, column=name) for name in roles.answers
    ]
    notes = [*opened.notes, *dict.fromkeys(records.notes)]
    return collected(found, origins, wanted, left_out, notes)


def _given(columns: Columns, values: Mapping[str, Sequence[object]], path: Path) -> dict[str, str]:
    known = {"input", "id", "first", "second", "context"}
    given = columns.given()
    if unknown := given.keys() - known:
        fix = f"the roles here are: {', '.join(sorted(known))}"
        raise DataError(f"no role {min(unknown)!r} in a rating", where="--role", fix=fix)
    return {role: named(name, values, "--role", str(path)) or name for role, name in given.items()}


def _roles(sample: Sample, wanted: Wanted) -> _Roles:
    answers = _answers(sample, wanted)
    prompt = sample.role("input", [name for name in _PROMPT if name not in answers])
    inside = bool(answers) and prompt is None and answers == _judged(sample)
    if (prompt is None and not inside) or not answers:
        what = "the prompt" if prompt is None else "the answers"
        fix = "name the columns: --input PROMPT --role first=COLUMN --role second=COLUMN"
        listed = ", ".join(map(repr, sample.values)) or "none"
        raise DataError(f"no column for {what} among {listed}", where=sample.where, fix=fix)
    context = sample.role("context", ["context", *(["input"] if prompt != "input" else [])])
    context = None if context in answers or inside else context
    return _Roles(prompt, context, answers, sample.role("id", ID_NAMES))


def _answers(sample: Sample, wanted: Wanted) -> tuple[str, ...]:
    """The columns of both answers; where they are only to be liked, one is enough."""
    one, two = sample.given.get("first"), sample.given.get("second")
    if one and (two or wanted.mode == "thumbs"):
        return (one, two) if two else (one,)
    if found := ranked_pairs.answers(sample):
        return found
    names = set(sample.values)
    if pair := next((pair for pair in _PAIRS if names.issuperset(pair)), None):
        return pair
    if judged := _judged(sample):
        return judged
    only = sample.role("target", _ONE) if wanted.mode == "thumbs" else None
    return (only,) if only else ()


def _judged(sample: Sample) -> tuple[str, ...]:
    """The columns of a better and a worse answer."""
    found = (sample.role("target", preference.BETTER), sample.role("rejected", preference.WORSE))
    return (found[0], found[1]) if found[0] and found[1] else ()


def _prompt(record: Record, roles: _Roles, name: str) -> Prompt:
    if record.broken:
        raise Unusable(record.broken)
    cells = record.cells
    key = cells.get(roles.id) if roles.id else None
    name = name if is_blank(key) else str(key)
    if roles.prompt is None:
        better, worse = roles.answers
        (pair,) = preference.drafts(cells, {"target": better, "rejected": worse})
        row = Row(id=name, input=pair.input, messages=pair.messages)
        return Prompt(row, (pair.target, pair.rejected or ""))
    said = cells.get(roles.prompt)
    if isinstance(said, list | dict):
        row = Row(id=name, messages=turns(cast("object", said), "prompt"))
    else:
        whole = text(cells, roles.prompt, "prompt")
        context = maybe_text(cells, roles.context, "context")
        row = Row(id=name, input=f"{whole}\n\n{context}" if context else whole)
    return Prompt(row, tuple(_answer(cells, column) for column in roles.answers))


def _answer(cells: Cells, column: str) -> str:
    """The answer as text, whether it is one or is written as turns."""
    value = cells.get(column)
    if is_turn(value) or isinstance(value, list):
        return as_text(turns(cast("object", value), f"answer `{column}`"))
    return maybe_text(cells, column, f"answer `{column}`")
