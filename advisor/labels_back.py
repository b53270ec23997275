"""Instruction rows as texts with labels again: the way back of ``advisor/instruct.py``."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from advisor.answers import Labels, spellings
from advisor.data import Table
from advisor.instruct import Unfit, single
from advisor.recognise import Recognised, recognise
from rules.errors import DataError
from runners.base import Row

_KINDS = ("classification", "multi_label", "instruction", "prompt_completion", "chat")
_FEW = 20
"""Answers up to which it cannot be judged whether they repeat, as labels do."""


@dataclass(frozen=True)
class Back:
    """How the answers of a table are read as labels."""

    labels: Labels
    several: bool
    """Whether an answer may name any number of them."""
    notes: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, named: Sequence[str] = ()) -> "Back":
        """Find out what the answers of a table may mean.

        Args:
            table: Rows of any kind that has an answer or labels.
            named: The labels, where the user says them.

        Raises:
            DataError: The answers are no labels, or rows of this kind have none.
        """
        kind = table.mapping.kind
        if kind not in _KINDS:
            fix = f"rows of these kinds can be: {', '.join(_KINDS)}"
            where = str(table.path)
            raise DataError(
                f"rows of the kind {kind} are no texts with labels", where=where, fix=fix
            )
        seen = _Seen()
        for row in table.rows:
            seen.see(row)
        several = kind == "multi_label" or seen.several > seen.asked / 2
        if named or seen.listed:
            return cls(Labels(named or seen.listed), several, tuple(seen.notes(table, spelt=False)))
        if kind in _KINDS[:2]:
            return cls(Labels(seen.parts), kind == "multi_label", ())
        known = spellings(seen.parts.elements())
        if len(known.all) > max(_FEW, seen.parts.total() / 2):
            what = f"{len(known.all):,} different answers in {seen.parts.total():,} rows: no labels"
            fix = "say which labels there are: --labels spam,ham or a file of labelled rows"
            raise DataError(what, where=str(table.path), fix=fix)
        return cls(known, several, tuple(seen.notes(table, spelt=True)))

    def labelled(self, row: Row) -> dict[str, object] | Unfit:
        """The text of a row with its label or labels, or why it has none."""
        told = _told(row)
        if isinstance(told, Unfit):
            return told
        text = told.asked.text if told.asked else told.prompt
        if self.several:
            parted = told.whole or told.asked
            several = _all(told.parts, self.labels) if parted else self.labels.several(told.answer)
            known = None if several is None else list(several)
            return {"text": text, "labels": known} if known is not None else _meaningless()
        label = self.labels.one(told.answer)
        return {"text": text, "label": label} if label is not None else _meaningless()


def _meaningless() -> Unfit:
    return Unfit("the answer is none of the labels")


def _all(parts: Sequence[str], labels: Labels) -> tuple[str, ...] | None:
    found = [labels.one(part) for part in parts]
    return None if None in found else tuple(label for label in found if label is not None)


@dataclass(frozen=True)
class _Told:
    prompt: str
    answer: str
    asked: Recognised | None
    """The prompt taken apart, where it was made with one of our templates."""
    parts: tuple[str, ...]
    """What the answer names."""
    whole: bool = False
    """These are labels that nobody has to take apart."""


def _told(row: Row) -> _Told | Unfit:
    if row.labels or not (row.target or row.messages):
        return _Told(row.input, "", None, row.labels, whole=True)
    prompt, answer = row.input, row.target
    if row.messages:
        found = single(row)
        if isinstance(found, Unfit):
            return found
        prompt, answer = found.prompt, found.output
    asked = recognise(prompt)
    if asked and asked.kind == "multi_label":
        nothing = answer.strip() == asked.nothing
        parts = (
            ()
            if nothing
            else tuple(part.strip() for part in answer.split(asked.between.strip() or "\n"))
        )
        return _Told(prompt, answer, asked, parts)
    return _Told(prompt, answer, asked, (answer.strip(),))


@dataclass
class _Seen:
    """What the rows say of their labels."""

    asked: int = 0
    unknown: int = 0
    """Prompts that were made with none of our templates."""
    several: int = 0
    listed: set[str] = field(default_factory=set[str])
    parts: Counter[str] = field(default_factory=Counter[str])

    def see(self, row: Row) -> None:
        told = _told(row)
        if isinstance(told, Unfit):
            return
        self.asked += 1
        self.several += told.whole or bool(told.asked and told.asked.kind == "multi_label")
        self.unknown += not told.whole and told.asked is None
        self.listed.update(told.asked.labels if told.asked else ())
        self.parts.update(told.parts)

    def notes(self, table: Table, *, spelt: bool) -> list[str]:
        """What was assumed."""
        made = table.mapping.kind != "classification"
        notes: list[str] = []
        if made and self.unknown:
            notes.append(f"prompts in words of their own, kept whole as the text: {self.unknown:,}")
        if made and spelt and self.unknown:
            notes.append("labels are the answers as most rows spell them; or say which: --labels")
        return notes
