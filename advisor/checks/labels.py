"""Labels: one only, spelt in several ways, like an empty cell, or with a single text."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from advisor.check import Found, Remedy
from advisor.examined import Examined, Side

SAYS = "labels that are spelt in several ways, look like empty cells, or have one text"
LIBRARIES = ()
COST = 1.0

_NULLS = frozenset(("null", "none", "nan", "n/a", "na", "#n/a", "nil", "-", "?"))
_RARE = 10
"""Times that the rarest label goes into the most frequent one, from which on it is said."""


def look(examined: Examined) -> Iterator[Found]:
    """Rows with one label each; other kinds have none to look at."""
    side = examined.train
    if not side.labelled:
        return
    counts = Counter(side.targets())
    if len(counts) == 1:
        fix = "add rows with a second label, or name another column: --target COLUMN"
        text = f"rows, and one label only: {next(iter(counts))!r}"
        yield Found("one_label", text, range(len(side)), "blocking", fix)
    yield from _spellings(side, counts)
    nulls = [label for label in counts if label.casefold() in _NULLS]
    if nulls:
        fix = "delete these rows, or give the label a name if it is one"
        text = f"rows whose label looks like an empty cell: {named(nulls)}"
        yield Found("label_null", text, with_label(side, nulls), fix=fix)
    yield from _single(examined, counts)
    yield from _imbalance(side, counts)


def _spellings(side: Side, counts: Mapping[str, int]) -> Iterator[Found]:
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda label: -counts[label]):
        alike[re.sub(r"[\s_-]", "", label.casefold())].append(label)
    for usual, *others in alike.values():
        if others:
            text = f"rows whose label is {usual!r} but for case or spacing: {named(others)}"
            whole = dict.fromkeys(others, usual)
            does = f"label written as {usual!r}"
            remedy = Remedy(does, lambda label, whole=whole: whole.get(label, label), "target")
            fix = f"write all of them as {usual!r}"
            yield Found("label_spelling", text, with_label(side, others), fix=fix, remedy=remedy)


def _single(examined: Examined, counts: Mapping[str, int]) -> Iterator[Found]:
    side, measured = examined.train, examined.evaluation is not None
    distinct = distinct_labels(side)
    labels = sorted(label for label, rows in distinct.items() if rows == 1)
    if not labels:
        return
    text = f"rows of labels with one text, which nothing can measure: {named(labels)}"
    if measured:
        text = f"rows of labels with one text to learn from: {named(labels)}"
    fix = "add a second text for each of them, or merge them with another label"
    blocks = len(labels) == len(counts) and not measured
    severity = "blocking" if blocks else "warning"
    yield Found("single_text", text, with_label(side, labels), severity, fix)


def _imbalance(side: Side, counts: Mapping[str, int]) -> Iterator[Found]:
    usual, rare = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    times = counts[usual] / counts[rare]
    if times >= _RARE:
        text = f"rows of {usual!r}, {times:.0f} times as many as of {rare!r}: accuracy alone "
        text += "would hide that a rare label is never found"
        fix = "add rows of the rare labels, and compare by macro-F1: --metric macro_f1"
        yield Found("imbalance", text, with_label(side, [usual]), "info", fix)


def distinct_labels(side: Side) -> dict[str, int]:
    """Rows of each label without repeats, the most frequent first."""
    repeated = side.repeated
    counts = Counter(label for place, label in enumerate(side.targets()) if place not in repeated)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def with_label(side: Side, labels: Sequence[str]) -> list[int]:
    """Places of the rows with one of these labels."""
    wanted = set(labels)
    return [place for place, label in enumerate(side.targets()) if label in wanted]


def named(labels: Sequence[str]) -> str:
    """The first few, in quotes."""
    shown = ", ".join(repr(label) for label in labels[:5])
    return shown + (f" and {len(labels) - 5:,} more" if len(labels) > 5 else "")
