"""Answers being rated by people: what is asked in which order, what each of them said, and undo.

Raters see one prompt at a time and its answers blind: which stands left is drawn anew for each
rater and prompt, and no name of a run or model is shown. The order of the prompts is drawn once,
so that raters who stop early have rated the same ones. Whatever is said is a line of a log that
only grows (``rating_log.py``); the screen, the prompt of a terminal and a file of answers all
drive the same object.
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from advisor import rating_log
from rules.errors import DataError
from runners.base import Frozen

FORM: Literal["whichtune.candidates/1"] = "whichtune.candidates/1"
Mode = Literal["pairs", "thumbs"]
Verdict = Literal["first", "second", "tie", "both_bad", "up", "down", "skip"]
Said = Literal["left", "right", "tie", "both_bad", "up", "down", "skip"]
"""What a rater says: of the sides as they stand on the screen."""
SAID: dict[Mode, tuple[Said, ...]] = {
    "pairs": ("left", "right", "tie", "both_bad", "skip"),
    "thumbs": ("up", "down", "skip"),
}


class Origin(Frozen):
    """Where an answer comes from."""

    run: str = ""
    model: str = ""
    plan_sha256: str = ""
    """Of the run's ``plan.yaml``."""
    file: str = ""
    """Where it was read from, when no run was asked."""
    file_sha256: str = ""
    column: str = ""
    temperature: float | None = None
    """Of answers that were drawn; nothing where the likeliest token was taken each time."""
    seed: int | None = None

    @property
    def name(self) -> str:
        """As it is called once the answers are no longer blind."""
        drawn = "" if self.seed is None else f" (seed {self.seed})"
        return f"{self.run or self.column or self.file}{drawn}"


class Item(Frozen):
    """One prompt with the answers to rate: two, or one of which is liked or not."""

    id: str
    input: str = ""
    messages: tuple[dict[str, str], ...] = ()
    """The prompt where it is a conversation."""
    answers: tuple[str, ...]
    origins: tuple[int, ...]
    """Of each answer, in the list of the candidates."""


class Candidates(Frozen):
    """Everything there is to rate: written once, before the first question."""

    form: Literal["whichtune.candidates/1"] = FORM
    mode: Mode
    seed: int
    """Decides the order of the prompts and the side of each answer."""
    origins: tuple[Origin, ...]
    items: tuple[Item, ...]
    """In the order in which they are asked."""
    left_out: dict[str, tuple[str, ...]] = {}
    """Names of the rows that are not asked, by the reason."""
    notes: tuple[str, ...] = ()


class Line(Frozen):
    """One line of the log: something was said, noted or taken back."""

    form: Literal["whichtune.rating/1"] = "whichtune.rating/1"
    at: str
    """In UTC."""
    rater: str
    id: str
    """Of the item."""
    act: Literal["rated", "undone", "noted"]
    verdict: Verdict | None = None
    note: str = ""
    shown: tuple[int, ...]
    """Places of the answers as they stood on the screen, from the left."""
    seconds: float | None = None
    """Between the question and the answer."""
    origins: tuple[Origin, ...]
    """Of the answers, first and second."""
    candidates_sha256: str
    seed: int


class Ratings:
    """What one rater is asked, and what all of them said."""

    def __init__(self, out: Path, candidates: Candidates, digest: str, rater: str) -> None:
        """Go on where this rater stopped.

        Args:
            out: The log.
            candidates: What there is to rate.
            digest: Of the file they stand in.
            rater: Who is asked.

        Raises:
            DataError: The log belongs to other candidates, or cannot be read.
        """
        self.out, self.candidates, self.rater = out, candidates, rater
        self._digest = digest
        self.lines: list[Line] = []
        self.unread: tuple[str, ...] = ()
        """Places of lines that cannot be read: what stood there is asked again."""
        self.reload()
        self._items = {item.id: item for item in candidates.items}
        self._begun = time.monotonic()

    def reload(self) -> None:
        """Read what others have said meanwhile.

        Raises:
            DataError: The log cannot be read.
        """
        read = rating_log.read(self.out, self._digest)
        self.lines, self.unread = list(read.lines), read.unread

    @property
    def mode(self) -> Mode:
        """Whether two answers are compared, or one is liked."""
        return self.candidates.mode

    @property
    def raters(self) -> tuple[str, ...]:
        """Everyone who said something, in the order of their first word."""
        return tuple(dict.fromkeys(line.rater for line in self.lines if line.act == "rated"))

    def said(self, rater: str | None = None) -> dict[str, Verdict]:
        """What a rater says of each item now, in the order in which it was said."""
        found: dict[str, Verdict] = {}
        for line in self.lines:
            if line.rater == (rater or self.rater) and line.act != "noted":
                found.pop(line.id, None)
                if line.act == "rated" and line.verdict:
                    found[line.id] = line.verdict
        return found

    def notes(self, item: str) -> list[tuple[str, str]]:
        """Who noted what about an item."""
        return [(x.rater, x.note) for x in self.lines if x.act == "noted" and x.id == item]

    @property
    def current(self) -> Item | None:
        """What this rater is to be asked next; ``None``: all is said."""
        said = self.said()
        return next((item for item in self.candidates.items if item.id not in said), None)

    @property
    def place(self) -> int:
        """The number of the item that is asked, from 1 on."""
        return len(self.said()) + 1

    def order(self, item: Item) -> tuple[int, ...]:
        """Places of the answers from the left, for this rater: drawn, and the same each time."""
        places = list(range(len(item.answers)))
        random.Random(f"{self.candidates.seed}/{self.rater}/{item.id}").shuffle(places)
        return tuple(places)

    def asked(self) -> None:
        """The question stands on the screen from this moment on."""
        self._begun = time.monotonic()

    def say(self, said: Said) -> None:
        """Take a rating of the current item; it is on the disk when this returns.

        Raises:
            DataError: It cannot be written.
        """
        item = self.current
        assert item is not None
        assert said in SAID[self.mode]
        verdict: Verdict
        if said in ("left", "right"):
            place = self.order(item)[0 if said == "left" else 1]
            verdict = "second" if place else "first"
        else:
            verdict = said
        self._write(item, "rated", verdict=verdict, seconds=time.monotonic() - self._begun)

    def note(self, text: str) -> None:
        """Keep a remark about the current item.

        Raises:
            DataError: It cannot be written.
        """
        if (item := self.current) is not None and text.strip():
            self._write(item, "noted", note=text.strip())

    def undo(self) -> bool:
        """Take back the last rating of this rater; that item is asked again at once.

        Raises:
            DataError: It cannot be written.
        """
        said = list(self.said())
        if not said:
            return False
        self._write(self._items[said[-1]], "undone")
        return True

    def _write(
        self,
        item: Item,
        act: Literal["rated", "undone", "noted"],
        verdict: Verdict | None = None,
        note: str = "",
        seconds: float | None = None,
    ) -> None:
        line = Line(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            rater=self.rater,
            id=item.id,
            act=act,
            verdict=verdict,
            note=note,
            shown=self.order(item),
            seconds=None if seconds is None else round(seconds, 1),
            origins=tuple(self.candidates.origins[place] for place in item.origins),
            candidates_sha256=self._digest,
            seed=self.candidates.seed,
        )
        rating_log.append(self.out, line)
        self.lines.append(line)


def begin(out: Path, candidates: Candidates, rater: str) -> Ratings:
    """Write down what there is to rate, and begin.

    Raises:
        DataError: There is nothing to rate, or it cannot be written.
    """
    if not candidates.items:
        raise nothing(candidates.left_out, str(out))
    return Ratings(out, candidates, rating_log.write_candidates(out, candidates), rater)


def resume(out: Path, rater: str) -> Ratings | None:
    """The ratings that were begun under this name; ``None``: there are none.

    Raises:
        DataError: What is there is not ours, or cannot be read.
    """
    found = rating_log.read_candidates(out)
    return Ratings(out, found[0], found[1], rater) if found else None


def nothing(left_out: dict[str, tuple[str, ...]], where: str) -> DataError:
    """Why not one row can be rated."""
    listed = "; ".join(f"{reason} ({len(names):,})" for reason, names in left_out.items())
    fix = "give two runs whose answers differ, or a file with a prompt and two answers in each row"
    return DataError(f"nothing to rate: {listed or 'no rows'}", where=where, fix=fix)


def ordered(items: Sequence[Item], seed: int, wanted: int | None = None) -> tuple[Item, ...]:
    """The order in which they are asked: drawn once, the same for every rater."""
    found = list(items)
    random.Random(seed).shuffle(found)
    return tuple(found[:wanted])
