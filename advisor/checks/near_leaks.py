"""Nearly the same text where it must not be: in training and evaluation, in evaluation and corpus.

A published split is kept as it is but for rows that stand on both sides letter for letter, so a
near leak is said and not mended by the split; ``--fix`` leaves its training rows out. It blocks
when half of the evaluation is leaked or more: such a score tells nothing about texts to come.
"""

from collections.abc import Iterator

from advisor import near
from advisor.check import Found, Remedy
from advisor.checks.leakage import measured_on, shown_severity
from advisor.examined import Examined

SAYS = "texts that training, evaluation and corpus nearly share"
LIBRARIES = ("numpy",)
COST = 2.0
_LEFT_OUT = Remedy("left out: nearly the same as a row of the evaluation")


def look(examined: Examined) -> Iterator[Found]:
    """Where there is an evaluation file, or a corpus."""
    yield from _training(examined)
    yield from _corpus(examined)


def _training(examined: Examined) -> Iterator[Found]:
    held_out, leaked = examined.evaluation, examined.near.leaked
    if held_out is None or not leaked:
        return
    rows = len(set(leaked.values()))
    share = rows / len(held_out)
    file = held_out.table.path.name
    text = f"training rows nearly the same as one of {file} ({near.SAYS}): {rows:,} rows there, "
    text += f"{share:.1%} of them, are easier than texts to come"
    first = next(iter(leaked))
    pair = f"{examined.train.ids((first,))[0]} and {held_out.ids((leaked[first],))[0]}"
    fix = f"see {pair}; leave them out of training: --fix OUT --only near_leak"
    severity = "blocking" if share >= 0.5 else "warning"
    yield Found("near_leak", text, list(leaked), severity, fix, _LEFT_OUT)


def _corpus(examined: Examined) -> Iterator[Found]:
    corpus, shown = examined.corpus, examined.near.shown
    if corpus is None or not shown:
        return
    side, what = measured_on(examined)
    file = corpus.table.path.name
    text = f"{what} nearly the same as one of {file}, which the model is shown ({near.SAYS})"
    first = next(iter(shown))
    fix = f"take {corpus.ids((shown[first],))[0]} and its like out of {file}"
    severity = shown_severity(examined)
    if side is examined.train:
        yield Found("near_shown", text, list(shown), severity, fix)
    else:
        yield Found("near_shown", text, severity=severity, fix=fix, where=side.ids(shown))
