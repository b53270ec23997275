"""Rows as instructions: labelled rows through templates, so that a model learns to be asked.

Supervised data is put into instruction templates, several per task, so that a model learns the task
and not one wording (FLAN, arXiv:2109.01652; Super-NaturalInstructions, arXiv:2204.07705). The
templates are the files in ``advisor/templates``; the way back is ``advisor/answers.py``. Templates
are dealt like cards, a deck for each label: every label meets every template equally often, so that
no wording gives a label away. Nothing here is random but the order of a deck, which has a seed.
"""

import random
import string
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from advisor.answers import SPOKEN, between, nothing, said_of
from rules.errors import DataError
from runners.base import Frozen, Row

FOLDER = Path(__file__).parent / "templates"
_LISTED = 25
"""Labels up to which an instruction lists them."""
_LISTED_CHARACTERS = 500
_PLACES = frozenset(("text", "labels", "between", "none", "documents"))


class Template(Frozen):
    """One wording of a task; ``{text}`` and its like are filled in from the row."""

    instruction: str
    input: str
    unlisted: str = ""
    """The instruction where the labels are too many to be listed; empty: the same."""


class Templates(Frozen):
    """The templates for one kind of rows."""

    kind: str
    labels_among: tuple[str, ...] = ()
    """They are for rows all of whose labels are among these words; empty: for any."""
    templates: dict[str, Template]


class Instruction(NamedTuple):
    """One row to be learned: what is asked, what it is asked of, and the answer."""

    instruction: str
    input: str
    output: str
    template: str
    system: str = ""

    @property
    def prompt(self) -> str:
        """All that is asked, as one text."""
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction


class Unfit(Exception):  # noqa: N818 -- a statement about a row, not a fault of the program
    """Why a row cannot be an instruction."""


@cache
def files() -> dict[str, Templates]:
    """All of them, by the name of their file.

    Raises:
        DataError: A file names a place that no row fills, or lacks a key.
    """
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.yaml"))}


def _read(path: Path) -> Templates:
    try:
        found = Templates(**yaml.safe_load(path.read_text("utf-8")))
    except (yaml.YAMLError, ValidationError, TypeError, OSError) as error:
        fix = "see the other files of this folder for the form"
        raise DataError(f"no file of templates: {error}", where=str(path), fix=fix) from error
    for name, template in found.templates.items():
        texts = (template.instruction, template.unlisted, template.input)
        named = {place for text in texts for _, place, _, _ in string.Formatter().parse(text)}
        if unknown := named - _PLACES - {None}:
            what = f"template {name!r} has a place {min(map(str, unknown))!r} that no row fills"
            raise DataError(what, where=str(path), fix=f"use {', '.join(sorted(_PLACES))}")
    return found


def choose(kind: str, labels: Sequence[str], names: Sequence[str] = ()) -> dict[str, Template]:
    """The templates for rows of a kind: those made for such labels, else those for any.

    Args:
        kind: The name of a schema.
        labels: All labels; empty where rows have none.
        names: Those the user wants; empty for all.

    Raises:
        DataError: There are none for this kind, or none of a name.
    """
    fitting = [found for found in files().values() if found.kind == kind]
    if not fitting:
        known = ", ".join(sorted({found.kind for found in files().values()} | {"chat"}))
        fix = f"rows of these kinds can be turned into instructions: {known}"
        raise DataError(f"no template for rows of the kind {kind}", where="--to", fix=fix)
    everything = {name: item for found in fitting for name, item in found.templates.items()}
    if names:
        return {name: _named(name, everything) for name in dict.fromkeys(names)}
    special = [found for found in fitting if _made_for(found, labels)]
    general = [found for found in fitting if not found.labels_among]
    return (special or general)[0].templates


def _made_for(found: Templates, labels: Sequence[str]) -> bool:
    known = {word.casefold() for word in found.labels_among}
    return bool(known and labels) and {label.casefold() for label in labels} <= known


def _named(name: str, known: dict[str, Template]) -> Template:
    if name not in known:
        near = get_close_matches(name, list(known), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{hint}the templates for these rows are: {', '.join(known)}"
        raise DataError(f"no template {name!r}", where="--template", fix=fix)
    return known[name]


def made(
    rows: Iterable[Row], templates: dict[str, Template], labels: Sequence[str], seed: int = 0
) -> Iterator[tuple[Row, Instruction | Unfit]]:
    """Each row as an instruction, or why it cannot be one.

    Args:
        rows: Of one kind.
        templates: Which wordings to use, by name.
        labels: All labels; empty where rows have none.
        seed: Decides the order in which templates are dealt.
    """
    decks: dict[str, Iterator[str]] = {}
    for row in rows:
        if row.messages:
            yield row, single(row)
            continue
        suit = "\n".join((row.target, *row.labels)) if labels else ""
        deck = decks.setdefault(suit, _deck(list(templates), f"{seed}:{suit}"))
        name = next(deck)
        yield row, fill(row, name, templates[name], labels)


def _deck(names: list[str], seed: str) -> Iterator[str]:
    """The names over and over, in a new order each time."""
    draw = random.Random(seed)
    while True:
        yield from draw.sample(names, len(names))


def fill(row: Row, name: str, template: Template, labels: Sequence[str]) -> Instruction:
    """A row in the words of one template."""
    places = asked(labels) | {"text": row.input, "documents": "\n\n".join(row.documents)}
    return Instruction(
        instruction=wording(template, labels).format_map(places),
        input=template.input.format_map(places),
        output=said_of(row, labels),
        template=name,
    )


def wording(template: Template, labels: Sequence[str]) -> str:
    """The instruction with the labels listed, or the one without where they are too many."""
    listed = len(labels) <= _LISTED and sum(map(len, labels)) <= _LISTED_CHARACTERS
    return template.instruction if listed or not template.unlisted else template.unlisted


def asked(labels: Sequence[str]) -> dict[str, str]:
    """What stands in an instruction whatever the row."""
    parts = between(labels)
    spoken = {sign: word for word, sign in SPOKEN.items()}
    return {"labels": parts.join(labels), "between": spoken[parts], "none": f'"{nothing(labels)}"'}


def single(row: Row) -> Instruction | Unfit:
    """A conversation of one question and its answer, if it is no longer than that."""
    roles = [turn["role"] for turn in row.messages]
    said = [turn["content"] for turn in row.messages]
    if roles == ["user", "assistant"]:
        return Instruction(said[0], "", said[1], "kept")
    if roles == ["system", "user", "assistant"]:
        return Instruction(said[1], "", said[2], "kept", system=said[0])
    return Unfit("a conversation of several turns, which only --to chat can hold")
