"""Training against evaluation: labels that only one of them has."""

from collections import Counter
from collections.abc import Iterator

from advisor.check import Found
from advisor.checks.labels import named, with_label
from advisor.examined import Examined, Side

SAYS = "labels that only training or only the evaluation has"
LIBRARIES = ()
COST = 0.5


def look(examined: Examined) -> Iterator[Found]:
    """Where there is an evaluation file."""
    train, held_out = examined.train, examined.evaluation
    if held_out is None:
        return
    if train.labelled:
        yield from _labels(train, held_out)


def _labels(train: Side, held_out: Side) -> Iterator[Found]:
    file = held_out.table.path.name
    here, there = Counter(train.targets()), Counter(held_out.targets())
    unseen = sorted(there.keys() - here.keys())
    if unseen:
        text = f"rows of {file} that can only be wrong: training lacks {named(unseen)}"
        fix = "add training rows for these labels, or take them out of the evaluation"
        where = held_out.ids(with_label(held_out, unseen))
        yield Found("unseen_label", text, where=where, fix=fix)
    unmeasured = sorted(here.keys() - there.keys())
    if unmeasured:
        text = f"rows whose label {file} lacks, so that nothing measures it: {named(unmeasured)}"
        fix = "add evaluation rows for these labels"
        yield Found("unmeasured_label", text, with_label(train, unmeasured), "info", fix)
