"""A search over prompts, in words: what will be asked, and what came out."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor import console
from advisor.outputs_prompt import PromptSearchOutput
from advisor.prompt_search import Ready, tried
from runners._prompt_trials import Searched, Trial
from runners.base import Interval95

_FEW = 100


def before(made: Ready) -> Iterator[str]:
    """What will be tried, and in how many calls."""
    shown, held = made.sides
    asked = made.rounds[-1].rows
    yield (
        f"{made.training_rows:,} rows to learn from: {len(held):,} set aside, of which {asked:,} "
        f"to choose by; examples come from the other {len(shown):,}; no row to measure on is asked"
    )
    shots = sorted({item.shots for item in made.candidates})
    yield (
        f"{len(made.candidates)} candidates: {len(tried(made))} prompts, each with "
        f"{', '.join(map(str, shots))} examples"
    )
    if any("+" in item.name for item in tried(made)):
        yield from (f"  rules add where it lacks {k}: {text}" for k, text in made.rules.items())
    for number, step in enumerate(made.rounds, 1):
        yield (
            f"round {number}: {step.candidates} candidates on {step.rows:,} rows each, "
            f"{step.calls:,} calls at most"
        )
    yield f"{sum(step.calls for step in made.rounds):,} calls at most in all"


def searched(output: PromptSearchOutput) -> Iterator[RenderableType]:
    """The table, what is picked and why, how far to trust it, and the command to go on with."""
    found = output.searched
    picked, last = found.picked, found.rounds[-1]
    yield _table(found)
    yield Text(f"\nPicked: {_named(picked)}. ", style="bold") + Text(_why(found))
    yield Text(_against_own(found))
    yield Text(
        f"The best of {last.candidates} on {last.rows:,} rows looks better than it is, here by "
        f"about {_size(found, max(0.0, found.optimism))}"
        f"{', and more for those that were dropped' * (len(found.rounds) > 1)}. "
        "What it is worth, only rows that were not chosen by can tell."
    )
    if len(found.rows) < _FEW:
        yield Text(f"! {len(found.rows):,} rows: only large differences show")
    if found.usage:
        cost = "" if found.usage.dollars is None else f", ${found.usage.dollars:,.4f}"
        yield Text(
            f"{found.usage.calls:,} calls, {found.usage.cached:,} answers kept from before{cost}"
        )
    wrote = f"Wrote {output.file} (version {picked.version})" if output.file else ""
    yield Group(
        Text(f"\n{wrote or 'No instruction is picked: nothing to write'}"),
        Text("Next, on the rows to measure on:"),
        console.command(output.command, indent=2),
    )


def _table(found: Searched) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    score = "accuracy, 95 %" if found.metric == "accuracy" else "chrF, 95 %"
    for name in ("prompt", "version", "shots", "rows", score, "tokens"):
        right = name in ("shots", "rows", "tokens")
        long = name == "prompt"
        table.add_column(
            name,
            justify="right" if right else "left",
            no_wrap=not long,
            overflow="fold" if long else "ellipsis",
        )
    for trial in found.trials:
        mark = "<-" if trial == found.picked else "=" if trial.ties else ""
        table.add_row(
            trial.prompt,
            trial.version,
            str(trial.shots),
            f"{trial.rows:,}",
            f"{_short(found, trial.score)} {mark}",
            f"{trial.tokens:,.0f}",
            style="bold" if trial == found.picked else "",
        )
    return table


def _short(found: Searched, score: Interval95) -> str:
    if found.metric == "accuracy":
        return f"{score.value:.3f} {score.low:.3f}-{score.high:.3f}"
    return f"{score.value:.1f} {score.low:.1f}-{score.high:.1f}"


def _size(found: Searched, difference: float) -> str:
    if found.metric == "accuracy":
        return f"{100 * difference:.1f} points"
    return f"{difference:.1f} chrF"


def _named(trial: Trial) -> str:
    return f"{trial.prompt}, {trial.shots} examples"


def _why(found: Searched) -> str:
    picked, best = found.picked, found.best
    if picked == best:
        return f"It is the best ({_short(found, picked.score)})."
    return (
        f"The best is {_named(best)} ({_short(found, best.score)}); this one is within a standard "
        f"error of it (=) and takes {picked.tokens:,.0f} tokens a row, not {best.tokens:,.0f}: "
        "ties go to the cheaper."
    )


def _against_own(found: Searched) -> str:
    own, gain = found.own, found.gain
    if found.picked == own:
        return (
            "That is what the approach does by itself: nothing that was tried is worth its tokens."
        )
    low, high = sorted((gain.low, gain.high))
    told = f"{_size(found, low)} to {_size(found, high)}"
    sure = "" if low > 0 or high < 0 else ": not told apart"
    return f"Against {_named(own)}: {_size(found, gain.value)} more, 95 % {told}{sure}."
