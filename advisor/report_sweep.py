"""What a sweep found, in words."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor import console
from advisor.outputs_sweep import SweepOutput
from runners.base import Interval95
from runners.retrieval.sweep import Trial

_FEW = 100


def swept(output: SweepOutput) -> Iterator[RenderableType]:
    """The table, what is picked and why, and the commands to go on with."""
    found = output.swept
    yield Text(
        f"{found.questions:,} of {output.training_rows:,} rows to learn from, "
        f"{found.documents:,} documents; no row to measure on was read"
    )
    yield from map(Text, _judged(output))
    yield _table(output)
    picked, best = found.picked, found.best
    yield Text(f"\nPicked: {_named(picked)}. ", style="bold") + Text(_why(picked, best))
    # A group, since texts printed one after the other become one, which would be wrapped.
    yield Group(Text("\nNext:"), *(console.command(text, indent=2) for text in output.commands))


def _judged(output: SweepOutput) -> Iterator[str]:
    found = output.swept
    if found.by_documents:
        yield f"  {found.by_documents:,} judged by the documents their rows name"
    if found.by_answers:
        yield f"  {found.by_answers:,} judged by whether a passage holds the answer"
    if found.not_judged:
        yield (
            f"! {found.not_judged:,} left out: no document that is there is named, "
            "and the answer has no word of its own"
        )
    if found.sizes_left_out:
        sizes = " and ".join(map(str, found.sizes_left_out))
        yield f"! no chunks of {sizes} tokens: more than {found.encoder} reads"
    if found.never_found:
        yield f"! {found.never_found:,} answered by no setting: is it in the documents?"
    if found.questions < _FEW:
        yield f"! {found.questions:,} questions: only large differences show"


def _table(output: SweepOutput) -> Table:
    """A line for each mode and size, a column for each k."""
    found = output.swept
    ks = sorted({trial.top_k for trial in found.trials})
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    for name in ("mode", "tokens", "chunks", *(f"found, k={k}" for k in ks), f"MRR@{ks[-1]}"):
        justify = "right" if name in ("tokens", "chunks") else "left"
        table.add_column(name, justify=justify, no_wrap=True)
    by_line: dict[tuple[str, int], list[Trial]] = {}
    for trial in found.trials:  # these come by k
        by_line.setdefault((trial.mode, trial.tokens), []).append(trial)
    for (mode, tokens), trials in by_line.items():
        cells = [_cell(trial, found.picked) for trial in trials]
        ranks = f"{trials[-1].mrr.value:.3f}"
        table.add_row(mode, str(tokens), f"{trials[0].chunks:,}", *cells, ranks)
    return table


def _cell(trial: Trial, picked: Trial) -> Text:
    mark = "<-" if trial == picked else "=" if trial.ties else ""
    return Text(f"{_short(trial.found)} {mark}", style="bold" if trial == picked else "")


def _short(share: Interval95) -> str:
    value, low, high = (f"{100 * part:.0f}" for part in (share.value, share.low, share.high))
    return f"{value}% {low}-{high}"


def _named(trial: Trial) -> str:
    return f"{trial.mode}, top_k {trial.top_k}, chunks of {trial.tokens} tokens"


def _why(picked: Trial, best: Trial) -> str:
    if picked == best:
        return f"It finds the most ({_short(picked.found)})."
    return (
        f"It finds {_short(picked.found)}; the most is {_short(best.found)} ({_named(best)}). "
        "That is within a standard error (=), and this is the cheapest of those."
    )
