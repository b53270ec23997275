"""What is typed about a row: a number, a label, an answer in words, or a command."""

import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from advisor import console, labelling
from advisor.answers import Labels
from advisor.labelling import Session
from advisor.pool import Pool
from rules.errors import DataError

Next = Callable[[], str | None]
"""Gives the next line that was typed; ``None`` at the end."""
_LISTED = 20
"""Labels up to which all are shown with every row."""


class Unclear(Exception):  # noqa: N818 -- a statement about what was typed
    """Why it cannot be taken, and what can."""


def ask(session: Session, pool: Pool, out: Path, typed: Next) -> Session:
    """Ask for one row after the other, and save after every answer.

    Args:
        session: Where to go on.
        pool: The rows.
        out: Where the labelled rows go.
        typed: Gives what the user types.

    Raises:
        DataError: Something cannot be written.
    """
    while (place := session.next) is not None:
        console.talk(_shown(session, pool, place))
        line = typed()
        if line is None or line.strip() == "q":
            break
        try:
            session = heard(session, place, line.rstrip("\r\n"))
        except Unclear as reason:
            console.talk(f"  ? {reason}")
        else:
            labelling.save(session, pool, out)
    return session


def take(session: Session, pool: Pool, out: Path, lines: Next) -> Session:
    """Take the answers from a file: rows are not shown, and a line that is unclear ends it.

    Raises:
        DataError: A line cannot be taken, or something cannot be written. What came before is kept.
    """
    number = 0
    try:
        while (place := session.next) is not None:
            line, number = lines(), number + 1
            if line is None or line.strip() == "q":
                break
            session = heard(session, place, line)
    except Unclear as reason:
        what, _, fix = str(reason).partition("; ")
        raise DataError(what, where=f"--answers:{number}", fix=fix) from reason
    finally:
        labelling.save(session, pool, out)
    return session


def heard(session: Session, place: int, line: str) -> Session:
    """The session after one line was typed.

    Raises:
        Unclear: It is neither a command nor an answer.
    """
    said = line.strip()
    if said == "u":
        return session.untold()
    if said == "s":
        return session.told(place, None)
    if session.mode == "answer":
        return session.told(place, _words(said, session.items[place].known))
    if said == "?":
        raise Unclear(f"the labels are: {_choices(session) or 'none yet'}")
    session, parts = _with_new(session, said.removeprefix("=").strip())
    found = [_label(part, session.labels) for part in parts]
    if session.mode == "labels":
        return session.told(place, tuple(dict.fromkeys(found)))
    if len(found) != 1:
        raise Unclear("one label is needed; type its number or its name, or s to pass the row over")
    return session.told(place, found[0])


def _words(said: str, known: str) -> str:
    """The answer as it was typed, or the one that the row has already."""
    answer = said.removeprefix("=").strip() or known
    if not answer:
        raise Unclear("no answer; type one, or s to pass the row over")
    return answer


def _with_new(session: Session, said: str) -> tuple[Session, list[str]]:
    """The labels in a line; one after a plus sign joins those that are known."""
    parts = [part.strip() for part in (said.split(",") if session.mode == "labels" else [said])]
    parts = [part for part in parts if part and (session.mode != "labels" or part not in "-0")]
    new = [part[1:].strip() for part in parts if part.startswith("+") and part[1:].strip()]
    labels = tuple(dict.fromkeys((*session.labels, *new)))
    plain = [part[1:].strip() if part.startswith("+") else part for part in parts]
    return session.model_copy(update={"labels": labels}), plain


def _label(said: str, labels: Sequence[str]) -> str:
    """The label that is meant, by its name or by its number.

    Raises:
        Unclear: There is none.
    """
    found = Labels(labels).one(said)
    if found is None and said.isdigit() and 1 <= int(said) <= len(labels):
        return labels[int(said) - 1]
    if found is None:
        near = get_close_matches(said, labels, n=1)
        hint = f"did you mean {near[0]!r}? else " if near else ""
        raise Unclear(f"no label {said!r}; {hint}type +{said} to make it a label")
    return found


def _choices(session: Session) -> str:
    return "  ".join(f"{n} {label}" for n, label in enumerate(session.labels, 1))


def _shown(session: Session, pool: Pool, place: int) -> str:
    from advisor.report_xray import visible

    item = session.items[place]
    lines = [f"\n[{place + 1}/{len(session.items)}] {item.id}", visible(pool.texts[item.number])]
    if session.mode == "answer":
        kept = f" (Enter keeps: {visible(item.known)[:300]})" if item.known else ""
        return "\n".join((*lines, f"answer{kept}, s skip, u undo, q quit:"))
    choices = _choices(session) if len(session.labels) <= _LISTED else "? lists the labels"
    several = "numbers or names with commas between, - for none" if session.mode == "labels" else ""
    how = several or "number or name"
    asked = f"{how}, +name for a new label, s skip, u undo, q quit:"
    return "\n".join((*lines, *([choices] if choices else []), asked))


def from_file(path: Path, session: Session) -> Next:
    """Lines as they would be typed; or ``{"id": …, "answer": …}`` a line, in any order.

    Raises:
        DataError: It cannot be read.
    """
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        fix = "name a text file with one answer a line"
        raise DataError(f"cannot read the answers: {error}", where=str(path), fix=fix) from error
    if path.suffix.lower() == ".jsonl":
        return _by_id(path, text, session)
    lines = iter(text.splitlines())
    return lambda: next(lines, None)


def _by_id(path: Path, text: str, session: Session) -> Next:
    import json

    known: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            row = json.loads(line) if line.strip() else {"id": "", "answer": ""}
            answer = cast("str | list[object]", row["answer"])
            said = ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)
            known[str(row["id"])] = said
        except (ValueError, KeyError, TypeError) as error:
            fix = 'write {"id": "row", "answer": "label"} on each line'
            raise DataError("no id with an answer", where=f"{path}:{number}", fix=fix) from error
    open_items = iter([item for item in session.items if item.open])

    def typed() -> str | None:
        item = next(open_items, None)
        return None if item is None else f"={known[item.id]}" if item.id in known else "s"

    return typed
