"""What is measured on must not be learned from or shown: whole rows, groups, and the corpus.

* Training rows that stand in the evaluation too are left out of training by the split: a warning,
  and blocking only when nothing is left to learn from.
* Rows of one conversation, document or user in both files stay there, for a published split is
  respected: a warning, and no more, for two files may both count their groups from 1.
* Examples with answers that repeat an evaluation row block: the model is handed the answer, and no
  later step takes it out. Documents that hold an evaluation question word for word warn: to find
  them is what retrieval is for.
"""

from collections.abc import Iterator

from advisor.check import Found, Remedy, Severity
from advisor.contained import contained
from advisor.examined import Examined, Side

SAYS = "rows and groups that training, evaluation and corpus share"
LIBRARIES = ()
COST = 1.0
_LEFT_OUT = Remedy("left out: stands in the evaluation too")
_GROUPS = ("group", "user")


def look(examined: Examined) -> Iterator[Found]:
    """Where there is an evaluation file, or a corpus."""
    train, held_out = examined.train, examined.evaluation
    if held_out:
        yield from _leak(train, held_out)
        for role in _GROUPS:
            yield from _grouped(train, held_out, role)
    yield from _shown(examined)


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


def _grouped(train: Side, held_out: Side, role: str) -> Iterator[Found]:
    """The same conversation, document or user in both files."""
    column = train.table.mapping.roles.get(role)
    if column is None or held_out.table.mapping.roles.get(role) is None:
        return
    there = {name for name in held_out.table.rows.column(role) if name}
    here = train.table.rows.column(role)
    places = [place for place, name in enumerate(here) if name in there]
    shared = there.intersection(train.table.rows.column(role))
    if not places:
        return
    file = held_out.table.path.name
    text = f"training rows whose `{column}` is in {file} too: {len(shared):,} of {len(there):,} "
    text += "there, so that a score tells little about new ones"
    fix = f"give one file and no --evaluation, to split it by `{column}`; nothing to do where both "
    fix += "files count anew, or the same ones will come again"
    yield Found(f"{role}_leak", text, places, fix=fix)


def _shown(examined: Examined) -> Iterator[Found]:
    """Rows to measure on that the model is shown: as a row of the corpus, or inside one."""
    corpus = examined.corpus
    if corpus is None:
        return
    side, what = measured_on(examined)
    known = set(corpus.keys)
    places = [place for place, key in enumerate(side.keys) if key in known]
    file = corpus.table.path.name
    if places:
        text = f"{what} that stand in {file} too, which the model is shown"
        yield _found(examined, "shown", text, places, shown_severity(examined))
    apart = ((place, text) for place, text in side.distinct() if side.keys[place] not in known)
    inside = contained(apart, corpus.questions())
    if inside:
        first = corpus.ids([next(iter(inside.values()))])[0]
        text = f"{what} that stand word for word inside a text of {file}, first in {first}"
        yield _found(examined, "shown_inside", text, list(inside), "warning")


def _found(
    examined: Examined, code: str, text: str, places: list[int], severity: Severity
) -> Found:
    side, _ = measured_on(examined)
    corpus = examined.corpus
    file = corpus.table.path.name if corpus else ""
    fix = f"take them out of {file}, or measure on other rows: --evaluation FILE"
    if side is examined.train:
        return Found(code, text, places, severity, fix)
    return Found(code, text, severity=severity, fix=fix, where=side.ids(places))


def measured_on(examined: Examined) -> tuple[Side, str]:
    """The rows that the corpus must not hold, and what to call them."""
    if examined.evaluation:
        return examined.evaluation, f"rows of {examined.evaluation.table.path.name}"
    return examined.train, "rows, of which some will be set aside to measure on,"


def shown_severity(examined: Examined) -> Severity:
    """Blocking where answers are shown with the rows that are measured on."""
    corpus = examined.corpus
    answered = corpus is not None and corpus.kind != "raw_text"
    return "blocking" if answered and examined.evaluation else "warning"
