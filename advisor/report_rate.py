"""Answers to be rated, and what the ratings come to, as rich renderables."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from advisor import ask_rating
from advisor.agreement import Agreement
from advisor.rating import Item, Ratings
from advisor.rating_pairs import Tally
from advisor.report_xray import visible

_IN = (0, 0, 0, 2)
_LONGEST = 20_000
_PLACES = 5
_OUTCOMES = {
    "tie": "ties",
    "both_bad": "both bad",
    "even": "raters even",
    "up": "liked",
    "down": "disliked",
}


def readable(text: str) -> str:
    """Lines as they are, with a sign for every character that a terminal would hide or obey."""
    shown = "\n".join(visible(line) for line in text[:_LONGEST].split("\n"))
    more = f"\n… and {len(text) - _LONGEST:,} characters more" if len(text) > _LONGEST else ""
    return shown + more


def prompt(item: Item) -> str:
    """What the answers answer, as one text."""
    turns = (f"{turn['role']}: {turn['content']}" for turn in item.messages)
    return "\n".join((*turns, *([item.input] if item.input else [])))


def question(ratings: Ratings, item: Item) -> RenderableType:
    """The prompt, its answers side by side, and the keys."""
    order = ratings.order(item)
    parts: list[RenderableType] = [
        Rule(Text(f"{ratings.place} of {len(ratings.candidates.items)}"), align="left"),
        Text(readable(prompt(item)), style="bold"),
    ]
    if ratings.mode == "thumbs":
        parts.append(Panel(Text(readable(item.answers[0]))))
    else:
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        left, right = (Text(readable(item.answers[place])) for place in order)
        grid.add_row(Panel(left, title="1", height=None), Panel(right, title="2"))
        parts.append(grid)
    mine = (note for rater, note in ratings.notes(item.id) if rater == ratings.rater)
    parts += [Text(f"your note: {note}") for note in mine]
    parts += [Text(ask_rating.KEYS[ratings.mode]), Text(ask_rating.MORE, style="dim")]
    return Group(*parts)


def summary(
    ratings: Ratings, found: Tally, written: Path | None, *, blind: bool = False
) -> RenderableType:
    """How far it has come, what it comes to, and how far the raters agree.

    ``blind``: not yet which run's answers are the better ones, since there are more to rate.
    """
    head = f"{ratings.out}: {found.rated:,} of {found.items:,} rated"
    lines = _lines(found, written, blind=blind)
    return Group(Text(head, style="bold"), *(Padding(Text(x), _IN) for x in lines))


def _lines(found: Tally, written: Path | None, *, blind: bool) -> Iterator[str]:
    if written:
        kind = "pairs" if found.mode == "pairs" else "answers with a thumb"
        yield f"written  {written}: {found.rows:,} {kind}"
    elif found.rated:
        yield f"! written  nothing: no row to learn from among {found.rated:,} rated"
    yield from _outcomes(found, blind=blind)
    yield from _raters(found)
    for reason, count in found.left_out.items():
        yield f"! not asked  {count:,}: {reason}"
    if found.notes:
        yield f"notes  {found.notes:,}, in the log and in the rows"


def _outcomes(found: Tally, *, blind: bool) -> Iterator[str]:
    counted = " · ".join(
        f"{word} {found.outcomes[name]:,}"
        for name, word in _OUTCOMES.items()
        if found.outcomes.get(name)
    )
    if counted and found.mode == "pairs":
        yield f"no pair  {counted}: counted, not written; they teach no order"
    elif counted:
        yield f"thumbs  {counted}"
    if found.skipped:
        yield f"skipped  {found.skipped:,}"
    if found.rows and not blind:
        verb = "liked" if found.mode == "thumbs" else "better"
        yield f"{verb}  " + " · ".join(f"{side.name} {side.better:,}" for side in found.sides)
    if found.left and found.left[1] >= _PLACES:
        yield f"sides  the left one won {found.left[0]:,} of {found.left[1]:,} times"


def _raters(found: Tally) -> Iterator[str]:
    if not found.by_rater:
        return
    yield "raters  " + " · ".join(f"{name} {count:,}" for name, count in found.by_rater.items())
    agreed = found.agreement
    if agreed is None:
        yield (
            "! one rater  nobody knows whether another one would say the same: have a second rate "
            "some of them (the same command with --rater NAME)"
        )
        return
    yield f"agreement  {agreement(agreed)}"
    if agreed.advice:
        yield f"! agreement  {agreed.advice}"
    if agreed.apart:
        more = ", …" if len(agreed.apart) > _PLACES else ""
        yield f"apart  {len(agreed.apart):,}: {', '.join(agreed.apart[:_PLACES])}{more}"
    yield "where raters differ, what most said counts; an even number on two sides is a tie"


def agreement(found: Agreement) -> str:
    """The measure with its interval, in words."""
    if not found.items:
        return "not known"
    raw = f"the same {found.same:.0%} of the time on {found.items:,} items"
    if found.value is None:
        return f"{raw}; all were given the same verdict, so that {found.measure} says nothing"
    around = "" if found.low is None else f" (95 % {found.low:.2f} to {found.high:.2f})"
    few = "" if found.low is not None else " (too few items for an interval)"
    return f"{found.measure} {found.value:.2f}{around}{few}: {raw}"
