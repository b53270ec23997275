"""What is typed about two answers: a key for one of them, a note, undo, or the end.

A key of a terminal and a line of a file mean the same; a line may also be a word, and hold a note.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from advisor import console
from advisor.rating import Mode, Ratings, Said
from rules.errors import DataError

Next = Callable[[], str | None]
"""Gives the next key or line; ``None`` at the end."""
Heard = Literal["rated", "noted", "undone", "quit"]

_PAIRS: Mapping[str, Said] = {
    **dict.fromkeys(("1", "left", "\x1b[D", "\x1bOD"), "left"),
    **dict.fromkeys(("2", "right", "\x1b[C", "\x1bOC"), "right"),
    **dict.fromkeys(("t", "tie"), "tie"),
    **dict.fromkeys(("b", "both bad", "both_bad"), "both_bad"),
}
_THUMBS: Mapping[str, Said] = {
    **dict.fromkeys(("+", "=", "up", "yes"), "up"),
    **dict.fromkeys(("-", "_", "down", "no"), "down"),
}
KEYS: Mapping[Mode, str] = {
    "pairs": "1 or ← left is better   2 or → right is better   t tie   b both bad",
    "thumbs": "+ good   - bad",
}
MORE = "s skip   n note   u undo   q quit"


class Unclear(Exception):  # noqa: N818 -- a statement about what was typed
    """Why it cannot be taken, and what can."""


def heard(ratings: Ratings, typed: str) -> Heard:
    """Do what was typed.

    Raises:
        Unclear: It means nothing here.
        DataError: It cannot be written.
    """
    said = typed.strip() if typed.strip() else typed
    if said in ("q", "quit"):
        return "quit"
    if said in ("u", "undo"):
        if not ratings.undo():
            raise Unclear("there is nothing to take back")
        return "undone"
    if said == "n" or said.startswith("n "):
        text = said[2:].strip()
        if not text:
            raise Unclear("an empty note")
        ratings.note(text)
        return "noted"
    if said in ("s", "skip"):
        ratings.say("skip")
        return "rated"
    known = _PAIRS if ratings.mode == "pairs" else _THUMBS
    if said not in known:
        raise Unclear(f"{said!r} is none of: {KEYS[ratings.mode]}   {MORE}")
    ratings.say(known[said])
    return "rated"


def ask(ratings: Ratings, typed: Next) -> None:
    """Ask for one item after the other; each rating is on the disk before the next question.

    Raises:
        DataError: Something cannot be written.
    """
    from advisor import report_rate

    shown = None
    while (item := ratings.current) is not None:
        if shown != item.id:
            console.talk_rich(report_rate.question(ratings, item))
            ratings.asked()
            shown = item.id
        key = typed()
        if key is None:
            break
        try:
            did = heard(ratings, key)
        except Unclear as reason:
            console.talk(f"  ? {reason}")
            continue
        if did == "quit":
            break
        console.talk(f"  {_DONE[did]}")


_DONE: Mapping[Heard, str] = {
    "rated": "kept",
    "noted": "noted; now rate it",
    "undone": "taken back; asked again",
    "quit": "",
}


def take(ratings: Ratings, lines: Next) -> None:
    """Take ratings from a file: nothing is shown, and a line that is unclear ends it.

    Raises:
        DataError: A line cannot be taken; what came before is kept.
    """
    number = 0
    while ratings.current is not None:
        line, number = lines(), number + 1
        if line is None:
            break
        try:
            if line.strip() and heard(ratings, line.rstrip("\r\n")) == "quit":
                break
        except Unclear as reason:
            fix = f"write one of these on each line: {KEYS[ratings.mode]}   {MORE}"
            raise DataError(str(reason), where=f"--answers:{number}", fix=fix) from reason


def from_file(path: Path) -> Next:
    """The lines of a file, or of stdin where it is called ``-``.

    Raises:
        DataError: It cannot be read.
    """
    import sys

    if str(path) == "-":
        return lambda: sys.stdin.readline() or None
    try:
        lines = iter(path.read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        fix = "name a text file with one rating a line"
        raise DataError(f"cannot read the ratings: {error}", where=str(path), fix=fix) from error
    return lambda: next(lines, None)
