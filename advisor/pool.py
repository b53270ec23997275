"""Rows that could be labelled: the texts of a file, whether or not they have an answer already."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from advisor import data
from advisor.columns import ColumnMapping, Columns
from advisor.converting import all_labels
from advisor.data import Table
from advisor.detection import detect
from advisor.examined import key_of
from advisor.opening import open_any
from advisor.turns import as_text
from rules.errors import DataError
from runners.base import Row

Mode = Literal["label", "labels", "answer"]
_SAMPLE = 2000
_ANSWERED = (
    *("prompt_completion", "instruction", "question_context", "question_documents"),
    *("text_to_sql", "slots", "chat"),
)


@dataclass(frozen=True)
class Pool:
    """All rows that can be asked, repeats left out."""

    table: Table
    mode: Mode
    kind: str
    input: str
    """What to call the column of the text, so that both files are read alike."""
    target: str
    documents: str
    places: Sequence[int]
    """Of the rows in the table, counted from 0."""
    texts: Sequence[str]
    """What the user reads of each."""
    known: Sequence[str]
    """The label or answer each has already; empty where it has none."""
    labels: Sequence[str]
    """All that some row has, sorted."""
    repeats: int

    def cells(self, number: int, answer: str | Sequence[str]) -> dict[str, object]:
        """A row with its answer, as it is written."""
        row = self.table.rows[self.places[number]]
        beside = {name: value for name in ("user", "group") if (value := getattr(row, name))}
        said: object = answer if isinstance(answer, str) else list(answer)
        if row.messages:
            turns = [*_before(row), {"role": "assistant", "content": said}]
            return {"id": row.id, "messages": turns, **beside}
        passages = {self.documents: list(row.documents)} if row.documents else {}
        return {"id": row.id, self.input: row.input, **passages, self.target: said, **beside}

    def id(self, number: int) -> str:
        """The name of a row."""
        return self.table.rows[self.places[number]].id


def read(path: Path, columns: Columns, *, free: bool = False) -> Pool:
    """Read what there is to label.

    Args:
        path: Any file, folder or id that can be read.
        columns: What the user said about it.
        free: Texts without labels are to get an answer in words.

    Raises:
        DataError: It cannot be read, or its rows are of a kind that is not labelled by hand.
    """
    mapping = _mapping(path, columns)
    kind = mapping.kind
    if kind in _ANSWERED:
        return _pool(data.read(path, columns), mapping, None, "answer")
    if kind not in ("classification", "multi_label", "raw_text"):
        fix = (
            "give texts, questions or conversations; such rows come from people who compare answers"
        )
        raise DataError(f"rows of the kind {kind} are not labelled here", where=str(path), fix=fix)
    plain = Columns(
        input=mapping.input, id=mapping.id, kind="raw_text",
        encoding=columns.encoding, part=columns.part,
    )  # fmt: skip
    texts = data.read(path, plain)
    labelled = None if kind == "raw_text" else _labelled(path, columns)
    mode = "labels" if kind == "multi_label" else "answer" if free else "label"
    return _pool(texts, mapping, labelled, mode)


def _mapping(path: Path, columns: Columns) -> ColumnMapping:
    """What the rows are; texts without a label are texts all the same."""
    records = open_any(path, columns).records
    whole = [r.cells for r in islice(records.items, _SAMPLE) if not r.broken]
    values = {name: [cells.get(name) for cells in whole] for name in records.columns}
    try:
        return detect(values, columns, str(path))
    except DataError:
        only = columns.input or (records.columns[0] if len(records.columns) == 1 else None)
        if columns.kind or only is None or columns.target:
            raise
        return detect(
            values, columns.model_copy(update={"kind": "raw_text", "input": only}), str(path)
        )


def _labelled(path: Path, columns: Columns) -> Table | None:
    """The rows that have a label."""
    try:
        return data.read(path, columns)
    except DataError:  # no row has one
        return None


def _pool(table: Table, mapping: ColumnMapping, labelled: Table | None, mode: Mode) -> Pool:
    known = _by_line(labelled) if labelled else {}
    answered, seen = mapping.kind in _ANSWERED, set[bytes]()
    places: list[int] = []
    texts: list[str] = []
    labels: list[str] = []
    for place, (line, row) in enumerate(zip(table.rows.lines(), table.rows, strict=True)):
        text = _shown(row)
        if (key := key_of(text)) not in seen:
            seen.add(key)
            places.append(place)
            texts.append(text)
            labels.append(_answered(row) if answered else known.get(line, ""))
    usual = {"answer": "completion", "labels": "labels", "label": "label"}[mode]
    sentences = "sentences" in mapping.roles
    return Pool(
        table=table,
        mode=mode,
        kind=mapping.kind,
        input="question" if sentences else mapping.input,
        target=mapping.target or usual,
        documents=mapping.roles.get("documents", "context"),
        places=places,
        texts=texts,
        known=labels,
        labels=all_labels(labelled) if labelled else (),
        repeats=len(table.rows) - len(places),
    )


def _by_line(table: Table) -> dict[int, str]:
    columns = (table.rows.column(name) for name in ("target", "labels"))
    said = (target or ", ".join(labels) for target, labels in zip(*columns, strict=True))
    return dict(zip(table.rows.lines(), said, strict=True))


def _shown(row: Row) -> str:
    before = _before(row)
    return as_text(before) if before else "\n\n".join((*row.documents, row.input))


def _answered(row: Row) -> str:
    return row.messages[-1]["content"] if len(_before(row)) < len(row.messages) else row.target


def _before(row: Row) -> tuple[dict[str, str], ...]:
    """The turns up to the answer."""
    ended = bool(row.messages) and row.messages[-1]["role"] == "assistant"
    return row.messages[:-1] if ended else row.messages
