"""The split: which rows are learned from, which are measured on, frozen so that runs can compare.

A published split is respected: what stands in it letter for letter is not trained on, what is near
or of the same group is said. Otherwise a share of the *texts* of each label is set aside: rows
whose text is the same once normalised, nearly the same, or of one group or user are on the same
side. Who goes where follows from a hash of the seed and the text alone, so it is the same on every
machine and Python, in whatever order the rows come; a text keeps its side when rows are added that
are not near it, and ten rows per label are a part of thirty.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from advisor import split_files, split_items
from advisor.data import Table, fingerprint, question
from advisor.split_items import Item, LeftOut, Sides
from rules.errors import DataError
from runners.base import DataFile, Frozen, Row

TRAIN, EVALUATION, RECORD = "train.jsonl", "evaluation.jsonl", "split.json"


class SplitRequest(Frozen):
    """What to split, and how."""

    train: Table
    evaluation: Table | None = None
    root: Path
    """The runs folder; the split goes into ``data`` below it."""
    seed: int = 0
    evaluation_share: Annotated[float, Gt(0), Lt(1)] = 0.2
    """Of the texts of each label, and at least one; not looked at with a file of its own."""
    rows_per_label: Annotated[int, Ge(1)] | None = None
    """Train on this many rows of each label at most, to see what fewer would have given."""


class Split(Frozen):
    """Two frozen files, and what was decided on the way."""

    folder: Path
    train: DataFile
    evaluation: DataFile
    labels: tuple[str, ...]
    """Those of the training rows, sorted."""
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def freeze(request: SplitRequest) -> Split:
    """Split the rows and write both sides into a folder named after their content.

    Raises:
        DataError: Too little is left to train or to measure on, or the folder was changed by hand.
    """
    sides = Sides()
    labelled = request.train.mapping.kind == "classification"
    rows = split_items.without_repeats(request.train, sides)
    if request.evaluation is None:
        items = split_items.in_blocks(rows, sides, labelled=labelled)
        share, seed = request.evaluation_share, request.seed
        _set_aside(items, share, seed, sides, labelled=labelled)
    else:
        items = [Item(key, key, row) for key, row in rows]
        _respect(items, request.evaluation, sides, labelled=labelled)
    if request.rows_per_label is not None:
        _subsample(request.rows_per_label, request.seed, sides, labelled=labelled)
    labels = tuple(sorted({item.row.target for item in sides.train})) if labelled else ()
    _check(request, sides, labels)
    try:
        return _write(request, sides, labels)
    except OSError as error:
        fix = "make room there, or name another folder: --runs FOLDER"
        what = f"cannot be written: {error.strerror}"
        raise DataError(what, where=str(request.root), fix=fix) from error


def _order(seed: int, key: str) -> str:
    """A place in a shuffled order that depends on nothing but the seed and the text."""
    return hashlib.blake2b(f"{seed} {key}".encode(), digest_size=16).hexdigest()


def part(
    rows: Sequence[Row], share: float, seed: int, *, labelled: bool
) -> tuple[list[Row], list[Row]]:
    """Rows of one side, parted once more by the same rules: to go on with, and a share set aside.

    The share is of the texts of each label; a label with one text stays whole on the first side.
    """
    sides = Sides()
    keyed = [(fingerprint(question(row)), row) for row in rows]
    items = split_items.in_blocks(keyed, sides, labelled=labelled)
    _set_aside(items, share, seed, sides, labelled=labelled)
    return [item.row for item in sides.train], sides.evaluation


def _set_aside(
    items: Sequence[Item], share: float, seed: int, sides: Sides, *, labelled: bool
) -> None:
    """Take the share of each label's blocks; those with several labels are a group of their own."""
    labels_of: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        labels_of[item.block].add(item.row.target if labelled else "")
    groups: defaultdict[str | None, list[str]] = defaultdict(list)
    for block, labels in labels_of.items():
        groups[next(iter(labels)) if len(labels) == 1 else None].append(block)
    chosen: set[str] = set()
    for label, blocks in groups.items():
        wanted = round(share * len(blocks))
        if label is not None:
            wanted = min(max(wanted, 1), len(blocks) - 1)
        chosen.update(sorted(blocks, key=lambda block: _order(seed, block))[:wanted])
    single = [label for label, blocks in groups.items() if label and len(blocks) == 1]
    if single:
        shown = ", ".join(map(repr, sorted(single)[:5])) + ", …" * (len(single) > 5)
        sides.notes.append(f"labels with one text are trained on and not measured: {shown}")
    for item in items:
        if item.block in chosen:
            sides.evaluation.append(item.row)
        else:
            sides.train.append(item)


def _respect(items: Sequence[Item], evaluation: Table, sides: Sides, *, labelled: bool) -> None:
    """Keep the published evaluation rows as they are; train on nothing that stands there."""
    held_out = {fingerprint(question(row)): row.id for row in reversed(evaluation.rows)}
    sides.evaluation.extend(evaluation.rows)
    leaked = 0
    for item in items:
        if item.key in held_out:
            leaked += 1
            sides.leave_out(item.row, f"stands in the evaluation as {held_out[item.key]}")
        else:
            sides.train.append(item)
    if leaked:
        sides.notes.append(
            f"training rows left out because they stand in the evaluation: {leaked:,}"
        )
    split_items.note_leaks(sides.train, evaluation.rows, sides)
    known = {item.row.target for item in sides.train}
    unseen = sum(row.target not in known for row in evaluation.rows)
    if unseen and labelled:
        sides.notes.append(f"evaluation rows with a label that training lacks: {unseen:,}")


def _subsample(rows_per_label: int, seed: int, sides: Sides, *, labelled: bool) -> None:
    by_label: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, _, row in sides.train:
        by_label[row.target if labelled else ""].append((_order(seed, key), row.id))
    kept = {place for places in by_label.values() for place in sorted(places)[:rows_per_label]}
    reason = f"beyond {rows_per_label} rows" + " per label" * labelled
    train, sides.train = sides.train, []
    for item in train:
        if (_order(seed, item.key), item.row.id) in kept:
            sides.train.append(item)
        else:
            sides.leave_out(item.row, reason)
    if len(sides.train) < len(train):
        sides.notes.append(f"trained on {len(sides.train):,} of {len(train):,} rows: {reason}")


def _check(request: SplitRequest, sides: Sides, labels: Sequence[str]) -> None:
    where = str(request.train.path)
    if not sides.evaluation:
        what = "no label has two different texts, so none can be set aside to measure on"
        if request.train.mapping.kind != "classification":
            what = "one text only, so none can be set aside to measure on"
        fix = "add rows, or give a file to measure on: --evaluation FILE"
        raise DataError(what, where=where, fix=fix)
    if not sides.train:
        what = f"no row of {request.train.path.name} is left to train on: all stand here too"
        fix = "give another --evaluation FILE, or none: a share of the rows is then set aside"
        evaluation = request.evaluation or request.train
        raise DataError(what, where=str(evaluation.path), fix=fix)
    if len(labels) == 1:
        fix = "add rows with a second label, or name another column: --target COLUMN"
        raise DataError(f"one label only: {labels[0]!r}", where=where, fix=fix)
    if labels and len(sides.evaluation) < 100:
        half = 1.96 * (0.8 * 0.2 / len(sides.evaluation)) ** 0.5
        sides.notes.append(
            f"{len(sides.evaluation)} evaluation rows: an accuracy of 0.80 is known to "
            f"within {half:.2f} only"
        )


def _write(request: SplitRequest, sides: Sides, labels: tuple[str, ...]) -> Split:
    """Write beside the final place and rename: a reader sees all of it or nothing."""
    data = request.root.absolute() / "data"
    data.mkdir(parents=True, exist_ok=True)
    draft = data / f".{os.getpid()}-{secrets.token_hex(4)}"
    draft.mkdir()
    try:
        train = split_files.write_rows(draft / TRAIN, (item.row for item in sides.train))
        evaluation = split_files.write_rows(draft / EVALUATION, sides.evaluation)
        both = hashlib.sha256(f"{train.sha256} {evaluation.sha256}".encode()).hexdigest()
        folder = data / both[:12]
        record = _record(request, sides, (train, evaluation))
        split_files.write_bytes(
            draft / RECORD, json.dumps(record, indent=1, ensure_ascii=False).encode()
        )
        split_files.sync_folder(draft)
        try:
            draft.rename(folder)
            split_files.sync_folder(data)
        except OSError:
            if not folder.is_dir():
                raise
            split_files.verify(
                folder, train, evaluation
            )  # another run, or another process, froze the same
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Split(
        folder=folder,
        train=train.model_copy(update={"path": folder / TRAIN}),
        evaluation=evaluation.model_copy(update={"path": folder / EVALUATION}),
        labels=labels,
        left_out=tuple(sides.left_out),
        notes=tuple(sides.notes),
    )


def _record(
    request: SplitRequest, sides: Sides, files: tuple[DataFile, DataFile]
) -> dict[str, object]:
    tables = {"train": request.train, "evaluation": request.evaluation}
    return {
        "sources": {side: _source(table) for side, table in tables.items() if table},
        "seed": request.seed,
        "evaluation_share": None if request.evaluation else request.evaluation_share,
        "rows_per_label": request.rows_per_label,
        "files": {file.path.name: {"sha256": file.sha256, "rows": file.rows} for file in files},
        "train": [item.row.id for item in sides.train],
        "evaluation": [row.id for row in sides.evaluation],
        "left_out": [entry.model_dump() for entry in sides.left_out],
        "notes": sides.notes,
    }


def _source(table: Table) -> dict[str, object]:
    return {
        "path": str(table.path.absolute()),
        "sha256": table.sha256,
        "mapping": table.mapping.told(),
        "excluded": [record.model_dump() for record in table.excluded],
        "notes": table.notes,
    }
