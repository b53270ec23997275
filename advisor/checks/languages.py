"""The languages of the texts: rows in another language than most, answers in another than asked.

``py3langid`` (97 languages and more, its model in the package, nothing is fetched) says how sure it
is; short texts and close calls count as unsure and are never a finding.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from advisor.check import Found
from advisor.examined import Examined, evenly
from advisor.said import drawn, has_answers, picked, taught

SAYS = "rows in another language than most, and answers in another than the question"
LIBRARIES = ("py3langid",)
COST = 0.7

_READ = 4000
"""Rows whose language is looked at; a text takes a tenth of a millisecond."""
_SHORT = 20
"""Characters below which nobody can tell."""
_START = 400
"""Characters that are read of a longer text."""
_SURE = 0.8
_TRANSLATED = 0.5
"""Share of rows from which on another language in the answer is the task itself."""
_MISTAKEN = 0.003
"""Share of rows below which other languages are as likely to be mistakes of ours."""
_NONE = "zxx"
"""What it calls numbers, code and the like."""


def look(examined: Examined) -> Iterator[Found]:
    """Of rows drawn evenly where there are many."""
    side = examined.train
    places = evenly(len(side), _READ)
    asked = [language(text) for text in picked(side.questions(), places, len(side))]
    told = drawn(places, side)
    yield from _others(asked, places, told)
    if has_answers(side) and side.kind not in ("text_to_sql", "slots"):
        answered = [language(text) for text in picked(taught(side), places, len(side))]
        yield from _answers(asked, answered, places, told)


def _others(asked: Sequence[str], places: Sequence[int], told: str) -> Iterator[Found]:
    counts = Counter(filter(None, asked))
    if len(counts) < 2:
        return
    (usual, rows), *others = counts.most_common()
    where = [place for place, found in zip(places, asked, strict=True) if found not in ("", usual)]
    if len(where) < _MISTAKEN * counts.total():
        return
    listed = ", ".join(f"{name} ({times:,})" for name, times in others[:5])
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    unsure = sum(not found for found in asked)
    text = f"rows in another language than most, which are {usual} ({rows:,}): {listed}{more}"
    text += f"; {unsure:,} too short or unclear to tell{told}"
    fix = "check that the base model knows these languages, and that the evaluation has them too"
    yield Found("languages", text, where, "info", fix)


def _answers(
    asked: Sequence[str], answered: Sequence[str], places: Sequence[int], told: str
) -> Iterator[Found]:
    both = [
        (place, question, answer)
        for place, question, answer in zip(places, asked, answered, strict=True)
        if question and answer
    ]
    other = [(place, question, answer) for place, question, answer in both if question != answer]
    if not other or len(other) >= _TRANSLATED * len(both):
        return
    pairs = Counter(f"{question} answered in {answer}" for _, question, answer in other)
    listed = ", ".join(f"{pair} ({times:,})" for pair, times in pairs.most_common(3))
    text = f"rows whose answer is in another language than the question: {listed}{told}"
    fix = "look at them: unless they are translations, a model learns to change the language"
    yield Found("answer_language", text, [place for place, *_ in other], fix=fix)


def language(text: str) -> str:
    """The code of the language, ISO 639; empty where nobody can tell."""
    text = text[:_START]
    if len(text) < _SHORT and text.isascii():
        return ""
    code, sure = _identifier().classify(text)
    return code if sure >= _SURE and code != _NONE else ""


@cache
def _identifier() -> Any:  # noqa: ANN401 -- a class of a library that is imported late
    library: Any = import_module("py3langid.langid")
    return library.LanguageIdentifier.from_model_file(library.MODEL_FILE, norm_probs=True)
