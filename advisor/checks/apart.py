"""Training against evaluation: rows that stand in both, and labels that only one of them has."""

from collections import Counter
from collections.abc import Iterator

from advisor.check import Found, Remedy
from advisor.checks.labels import named, with_label
from advisor.examined import Examined, Side

SAYS = "rows and labels that training and evaluation share, or do not share"
LIBRARIES = ()
COST = 3.0
_LEFT_OUT = Remedy("left out: stands in the evaluation too")


def look(examined: Examined) -> Iterator[Found]:
    """Where there is an evaluation file."""
    train, held_out = examined.train, examined.evaluation
    if held_out is None:
        return
    yield from _leak(train, held_out)
    if train.labelled:
        yield from _labels(train, held_out)


def _leak(train: Side, held_out: Side) -> Iterator[Found]:
    known = set(held_out.keys)
    places = [place for place, key in enumerate(train.keys) if key in known]
    if places:
        text = f"training rows that stand in {held_out.table.path.name} too"
        fix = "nothing to do: they are left out of training when the data is split"
        all_of_them = len(places) == len(train)
        if all_of_them:
            fix = "give another file to measure on: --evaluation FILE"
        severity = "blocking" if all_of_them else "warning"
        yield Found("leak", text, places, severity, fix, _LEFT_OUT)


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
