"""Rows on their way into a split: repeats left out, and what belongs together joined in blocks."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

from advisor import near
from advisor.blocks import Blocks
from advisor.data import Table, answer, fingerprint, normalised, question
from runners.base import Frozen, Row

_FEW = 10
"""Near texts of a label that are kept together though they are more than half of it."""


class LeftOut(Frozen):
    """A row that is on neither side, and why."""

    id: str
    reason: str


class Item(NamedTuple):
    """A row on its way to a side."""

    key: str
    """Fingerprint of what it asks."""
    block: str
    """Rows of one block are on one side: the same text, or the same group, user or near text."""
    row: Row


class Sides:
    """The rows on their way to one side or neither."""

    def __init__(self) -> None:
        """Start with no row anywhere."""
        self.train: list[Item] = []
        self.evaluation: list[Row] = []
        self.left_out: list[LeftOut] = []
        self.notes: list[str] = []

    def leave_out(self, row: Row, reason: str) -> None:
        """Put a row on neither side."""
        self.left_out.append(LeftOut(id=row.id, reason=reason))


def without_repeats(table: Table, sides: Sides) -> list[tuple[str, Row]]:
    """The rows by what they ask; of the same text with the same answer, the first."""
    kept: dict[tuple[str, str], Row] = {}
    for row in table.rows:
        key = (fingerprint(question(row)), answer(row))
        if key in kept:
            sides.leave_out(row, f"repeats {kept[key].id}")
        else:
            kept[key] = row
    if sides.left_out:
        sides.notes.append(
            f"rows left out because they repeat another one: {len(sides.left_out):,}"
        )
    texts = Counter(key for key, _ in kept)
    mixed = sum(times > 1 for times in texts.values())
    if mixed and table.mapping.kind == "classification":
        sides.notes.append(f"texts with more than one label, all of whose rows are kept: {mixed:,}")
    return [(key, row) for (key, _), row in kept.items()]


def in_blocks(rows: Sequence[tuple[str, Row]], sides: Sides, *, labelled: bool) -> list[Item]:
    """Join what belongs together: one group, one user, nearly one text."""
    owned = sum(bool(row.group or row.user) for _, row in rows)
    if owned:
        sides.notes.append(f"rows kept on one side with their group or user: {owned:,}")
    blocks = _blocks(rows, ())
    groups = _near_texts(rows) if _can_compare(sides) else []
    kept = _divisible(rows, groups, labelled=labelled)
    joined = _blocks(rows, kept)
    if _largest(rows, blocks) <= len(rows) // 2 < _largest(rows, joined):
        # Through near texts of several users nearly all rows would become one block.
        kept, joined = [], blocks
    together, apart = (sum(map(len, some)) for some in (kept, groups))
    if together:
        sides.notes.append(f"texts kept on one side with one that is nearly the same: {together:,}")
    if apart > together:
        sides.notes.append(
            f"texts nearly the same that may be on both sides: {apart - together:,}; "
            "little would be left beside them"
        )
    return [Item(key, joined.of(key), row) for key, row in rows]


def _blocks(rows: Sequence[tuple[str, Row]], groups: Sequence[Sequence[str]]) -> Blocks:
    blocks = Blocks()
    for key, row in rows:
        for kind, name in (("group", row.group), ("user", row.user)):
            if name:
                # Before the fingerprints in the alphabet, so that it names the block.
                blocks.join(key, f" {kind} {name}")
    for first, *others in groups:
        for other in others:
            blocks.join(first, other)
    return blocks


def _largest(rows: Sequence[tuple[str, Row]], blocks: Blocks) -> int:
    return max(Counter(blocks.of(key) for key, _ in rows).values(), default=0)


def note_leaks(train: Sequence[Item], evaluation: Sequence[Row], sides: Sides) -> None:
    """Say what a published split shares beyond whole texts: it is respected, so all of it stays."""
    for owner in ("group", "user"):
        there = {getattr(row, owner) for row in evaluation} - {None, ""}
        shared = sum(getattr(item.row, owner) in there for item in train)
        if shared:
            sides.notes.append(
                f"training rows kept although their {owner} is in the evaluation too: {shared:,}"
            )
    if _can_compare(sides):
        held = near.prepared([normalised(question(row)) for row in evaluation])
        found = near.across(near.prepared([_text(item) for item in train]), held)
        if found:
            sides.notes.append(
                "training rows kept although nearly the same text is in the evaluation: "
                f"{len(found):,}"
            )


def _text(item: Item) -> str:
    return normalised(question(item.row))


def _can_compare(sides: Sides) -> bool:
    if find_spec("numpy"):
        return True
    sides.notes.append("nobody looked for texts that are nearly the same: numpy is not installed")
    return False


def _near_texts(rows: Sequence[tuple[str, Row]]) -> list[list[str]]:
    """Keys of texts that are nearly the same, in groups, whatever the order of the rows."""
    texts = {key: normalised(question(row)) for key, row in rows}
    keys = sorted(texts)
    return [[keys[n] for n in group] for group in near.near_groups([texts[key] for key in keys])]


def _divisible(
    rows: Sequence[tuple[str, Row]], groups: Sequence[list[str]], *, labelled: bool
) -> list[list[str]]:
    """Groups that can be kept together and leave something to split.

    Not those that hold every text of a label, or most of its texts and more than a few: rows made
    from one template would leave nothing to measure on, or nothing to learn from.
    """
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for key, row in rows:
        labels[key].add(row.target if labelled else "")
    whole = Counter(label for several in labels.values() for label in several)
    return [group for group in groups if not _too_much(group, labels, whole)]


def _too_much(
    group: Sequence[str], labels: Mapping[str, set[str]], whole: Mapping[str, int]
) -> bool:
    inside = Counter(label for key in group for label in labels[key])
    return any(
        count > max(whole[label] // 2, min(whole[label] - 1, _FEW))
        for label, count in inside.items()
    )
