"""What the ratings come to: pairs of a better and a worse answer, or answers with a thumb.

Where several people rated one item, what most of them said decides; where two verdicts have the
same number of votes, it is a tie. Ties, and pairs of which both are bad, are counted and not
written: they teach no order. The file is what TRL's trainers read (``prompt``, ``chosen``,
``rejected``; ``prompt``, ``completion``, ``label``), with the provenance of each row beside it.
"""

import contextlib
import json
import os
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from advisor import agreement, rating_start, writing
from advisor.agreement import Agreement
from advisor.rating import Item, Ratings, Verdict
from rules.errors import DataError, UserError
from runners.base import Frozen

Outcome = Literal["first", "second", "tie", "both_bad", "up", "down", "even"]
"""``even``: two verdicts had the same number of votes."""
_WRITTEN = ("first", "second", "up", "down")


class Side(Frozen):
    """How often the answers from one place were the better ones, or liked."""

    name: str
    better: int


class Tally(Frozen):
    """What was said so far, by everyone."""

    mode: Literal["pairs", "thumbs"]
    items: int
    rated: int
    """Items that somebody rated."""
    outcomes: dict[str, int]
    skipped: int
    """Items that everybody who was asked passed over."""
    rows: int
    """That can be learned from."""
    by_rater: dict[str, int]
    sides: tuple[Side, ...]
    left: tuple[int, int] | None
    """Ratings for the answer at the left, of all ratings for either: a habit of the hand."""
    agreement: Agreement | None
    left_out: dict[str, int]
    notes: int


class Told(NamedTuple):
    """One item with what it comes to."""

    item: Item
    votes: Counter[str]
    outcome: Outcome


def told(ratings: Ratings) -> list[Told]:
    """Every item that somebody rated, in the order in which they are asked."""
    said = _said(ratings)
    found: list[Told] = []
    for item in ratings.candidates.items:
        votes = Counter(of[item.id] for of in said.values() if item.id in of)
        if votes:
            found.append(Told(item, votes, decided(votes)))
    return found


def decided(votes: Mapping[str, int]) -> Outcome:
    """What most said; ``even`` where two verdicts have as many votes."""
    (verdict, most), *others = Counter(dict(votes)).most_common()
    if others and others[0][1] == most:
        return "even"
    return verdict  # pyright: ignore[reportReturnType] -- a verdict that is no skip


def _said(ratings: Ratings) -> dict[str, dict[str, Verdict]]:
    """What each rater said of each item, without what was skipped."""
    return {
        rater: {name: v for name, v in ratings.said(rater).items() if v != "skip"}
        for rater in ratings.raters
    }


def tally(ratings: Ratings) -> Tally:
    """Count everything, with how far raters agree."""
    found, said = told(ratings), _said(ratings)
    outcomes = Counter(str(one.outcome) for one in found)
    asked = {name for rater in ratings.raters for name in ratings.said(rater)}
    return Tally(
        mode=ratings.mode,
        items=len(ratings.candidates.items),
        rated=len(found),
        outcomes=dict(outcomes),
        skipped=len(asked - {one.item.id for one in found}),
        rows=sum(outcomes[name] for name in _WRITTEN),
        by_rater={rater: len(items) for rater, items in said.items()},
        sides=_sides(ratings, found),
        left=_left(ratings) if ratings.mode == "pairs" else None,
        agreement=agreement.agreement(said),
        left_out={reason: len(names) for reason, names in ratings.candidates.left_out.items()},
        notes=sum(line.act == "noted" for line in ratings.lines),
    )


def _sides(ratings: Ratings, found: list[Told]) -> tuple[Side, ...]:
    better: Counter[int] = Counter()
    for one in found:
        if one.outcome in ("first", "up"):
            better[one.item.origins[0]] += 1
        elif one.outcome == "second":
            better[one.item.origins[1]] += 1
    origins = ratings.candidates.origins
    return tuple(Side(name=origin.name, better=better[n]) for n, origin in enumerate(origins))


def _left(ratings: Ratings) -> tuple[int, int]:
    now = {rater: ratings.said(rater) for rater in ratings.raters}
    last = {(x.rater, x.id): x.shown for x in ratings.lines if x.act == "rated"}
    sides = [
        shown[0] == ("first", "second").index(now[rater][name])
        for (rater, name), shown in last.items()
        if now[rater].get(name) in ("first", "second")
    ]
    return sum(sides), len(sides)


def default(ratings: Ratings) -> Path:
    """Where the rows go unless told: beside the log."""
    return ratings.out.with_name(f"{ratings.out.stem}.{ratings.mode}.jsonl")


def write(ratings: Ratings, path: Path) -> int:
    """Write all rows that can be learned from; an earlier file of this log is replaced.

    Raises:
        DataError: There is not one such row, the file is another's, or it cannot be written.
    """
    check(path)
    said = _said(ratings)
    rows = [_row(ratings, one, said) for one in told(ratings) if one.outcome in _WRITTEN]
    if not rows:
        raise DataError(_nothing(tally(ratings)), where=str(ratings.out), fix=_more(ratings))
    held = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with held.open("wb") as file:
            file.writelines(map(writing.line, rows))
            file.flush()
            os.fsync(file.fileno())
        held.replace(path)
    except OSError as error:
        held.unlink(missing_ok=True)
        fix = "name a file in a folder with room that can be written to: --export FILE"
        raise DataError(f"cannot be written: {error.strerror}", where=str(path), fix=fix) from error
    return len(rows)


def check(path: Path) -> None:
    """Refuse a name that is no JSON Lines, and a file that is not an earlier one of ours.

    Raises:
        DataError: It is one of these.
    """
    if path.suffix.lower() != ".jsonl":
        fix = f"end its name in .jsonl: {path.with_suffix('.jsonl')}"
        raise DataError(f"pairs are JSON Lines, not {path.name!r}", where="--export", fix=fix)
    if not path.parent.is_dir():
        fix = f"make it first: mkdir -p '{path.parent}'"
        raise DataError(f"no such folder: {str(path.parent)!r}", where="--export", fix=fix)
    if path.exists() and not _ours(path):
        fix = f"name another file, or delete it first: rm '{path}'"
        raise DataError("this file exists already", where=str(path), fix=fix)


def _ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return json.loads(file.readline())["provenance"]["form"] == "whichtune.rated/1"
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _nothing(found: Tally) -> str:
    listed = ", ".join(f"{count:,} {_WORDS[name]}" for name, count in found.outcomes.items())
    return f"no row to learn from: {listed or 'nothing was rated yet'}"


_WORDS = {
    "tie": "ties",
    "both_bad": "where both are bad",
    "even": "on which raters are even",
    "first": "won",
    "second": "won",
    "up": "liked",
    "down": "disliked",
}


def _more(ratings: Ratings) -> str:
    if ratings.current is not None:
        return f"rate more: {_again(ratings)}"
    return "rate answers that differ more: two other runs, or one with a higher --temperature"


def _row(ratings: Ratings, one: Told, said: Mapping[str, Mapping[str, str]]) -> writing.Cells:
    item, origins = one.item, ratings.candidates.origins
    raters = [rater for rater, items in said.items() if item.id in items]
    about: dict[str, object] = {
        "form": "whichtune.rated/1",
        "raters": raters,
        "votes": dict(one.votes),
        "notes": [{"rater": rater, "note": note} for rater, note in ratings.notes(item.id)],
        "rated": max(x.at for x in ratings.lines if x.id == item.id and x.act == "rated"),
        "log": ratings.out.name,
        "seed": ratings.candidates.seed,
    }
    places = [origins[n].model_dump(exclude_defaults=True) for n in item.origins]
    if one.outcome in ("up", "down"):
        about["completion"] = places[0]
        told = {**_liked(item), "label": one.outcome == "up"}
    else:
        better = int(one.outcome == "second")
        about |= {"chosen": places[better], "rejected": places[1 - better]}
        told = _pair(item, item.answers[better], item.answers[1 - better])
    return {"id": item.id, **told, "raters": len(raters), "provenance": about}


def _pair(item: Item, chosen: str, rejected: str) -> dict[str, object]:
    if not item.messages:
        return {"prompt": item.input, "chosen": chosen, "rejected": rejected}
    sides = {"chosen": [_turn(chosen)], "rejected": [_turn(rejected)]}
    return {"prompt": list(item.messages), **sides}


def _liked(item: Item) -> dict[str, object]:
    (answer,) = item.answers
    if item.messages:
        return {"messages": [*item.messages, _turn(answer)]}
    return {"prompt": item.input, "completion": answer}


def _turn(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def unfinished(ratings: Ratings) -> str:
    """What to type to go on; empty where this rater has rated everything."""
    return "" if ratings.current is None else _again(ratings)


def _again(ratings: Ratings) -> str:
    with contextlib.suppress(UserError):
        if rating_start.rater_named(None) == ratings.rater:
            return f"whichtune rate --out {shlex.quote(str(ratings.out))}"
    said = shlex.join(("--out", str(ratings.out), "--rater", ratings.rater))
    return f"whichtune rate {said}"
