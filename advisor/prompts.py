"""Prompts: files with a version, held against what helps a model to do what is meant.

The advice is that of the worse and better prompts of prompt engineering guides: name the task and
what it is done to, the form of the answer, who reads it, and the steps. Whether a prompt has these
is told by English words; a prompt in another language is not judged by them.
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from rules.errors import DataError
from runners.base import Frozen

ENDINGS = (".md", ".txt", ".prompt")
"""Of files that are prompts, where a setting names one."""
LONGEST = 100_000
"""Characters of a prompt; a longer file is none."""
_ENGLISH = re.compile(r"\b(and|the|to|with|what|which|you|your|each|this|for|from|write|answer)\b")
_SHORT = 8
"""Words below which hardly any task has been named with what it is done to."""


class Part(Frozen):
    """Something that a good prompt says."""

    code: str
    found: str
    """The words that say it; empty where nothing does."""
    why: str
    slot: str
    """A sentence to fill in and add, where it is missing."""
    worse: str
    better: str


class Checked(Frozen):
    """A prompt, held against the advice."""

    file: str
    version: str
    words: int
    english: bool
    parts: tuple[Part, ...]
    vague: tuple[str, ...]
    """Words that mean something else to every reader."""
    open: tuple[str, ...]
    """Places that were left to be filled in."""
    before: str
    after: str
    """The prompt with a sentence to fill in for each part that is missing."""

    @property
    def missing(self) -> tuple[Part, ...]:
        """What it does not say."""
        return tuple(part for part in self.parts if not part.found)


class _Sign(NamedTuple):
    code: str
    said_by: re.Pattern[str]
    why: str
    slot: str
    worse: str
    better: str


_VAGUE = re.compile(
    r"\b(good|nice|proper(?:ly)?|appropriate(?:ly)?|stuff|things?|something|somehow|etc|better|"
    r"interesting|relevant|as needed|and so on)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(r"\[[^\]\n]{1,80}\]|\bTODO\b|\bTBD\b|<[a-z_ ]{2,40}>")
_PARTS = (
    _Sign(
        "task",
        re.compile(
            r"\b(add|answer|assign|calculate|check|choose|classify|compare|compose|convert|"
            r"correct|create|describe|draft|explain|extract|find|generate|give|identify|label|list|"
            r"name|rank|rate|reply|rephrase|return|rewrite|say|select|sort|sum|summari[sz]e|tell|"
            r"translate|turn|write)\b(?:\W+\w+){3,}",
            re.IGNORECASE,
        ),
        "a model does what is named: what to do, to what, and in which limits",
        "[Verb] [what exactly] of [what the input is].",
        "How do I add numbers in Excel?",
        "How do I add up a row of dollar amounts in Excel, for a whole sheet of rows, with the "
        'totals on the right in a column called "Total"?',
    ),
    _Sign(
        "format",
        re.compile(
            r"\b(json|ya?ml|csv|xml|html|markdown|table|list|bullets?|columns?|headings?|"
            r"(?:one|two|three|\d+|a single) (?:words?|sentences?|paragraphs?|lines?|labels?)|"
            r"paragraphs?|sentences?|one of(?: these)?|only the|exactly|format|yes or no|"
            r"characters|words? (?:at most|or fewer)|function|nothing else)\b",
            re.IGNORECASE,
        ),
        "an answer of a known form can be read by a program and measured",
        "Answer with [one sentence | one of: A, B, C | a JSON object with the keys ...].",
        "Summarize the meeting notes.",
        "Summarize the meeting notes in a single paragraph. Then write a markdown list of the "
        "speakers and each of their key points.",
    ),
    _Sign(
        "audience",
        re.compile(
            r"\b(audience|readers?|customers?|users?|beginners?|experts?|children|students?|"
            r"engineers?|doctors?|patients?|lawyers?|colleagues?|managers?|developers?|tone|"
            r"formal(?:ly)?|polite(?:ly)?|plain (?:english|words|language)|style|who (?:read|has|"
            r"have|know)s?|commented?|explain)\b",
            re.IGNORECASE,
        ),
        "words, length and tone follow from who reads the answer",
        "Write for [who reads it and what they know already], in a [plain | formal] tone.",
        "Write code to calculate the Fibonacci sequence.",
        "Write a TypeScript function to calculate the Fibonacci sequence. Comment the code "
        "liberally to explain what each piece does.",
    ),
    _Sign(
        "steps",
        re.compile(
            r"\b(first|then|finally|next|afterwards|step(?:s| by step)?|before (?:you|answering)|"
            r"in order)\b|^\s*(?:\d+[.)]|[-*])\s",
            re.IGNORECASE | re.MULTILINE,
        ),
        "a task of several parts is done in the order in which they are named",
        "First [read for ...], then [decide ...], finally [answer].",
        "Summarize the meeting notes.",
        "... Finally, list the next steps or action items suggested by the speakers, if any.",
    ),
    _Sign(
        "otherwise",
        re.compile(
            r"\b(if (?:any|none|no|it|they|you|the|there)\b[^.]*|otherwise|unless|when in doubt|"
            r"not in the|unknown|unsure|cannot)\b",
            re.IGNORECASE,
        ),
        "without it a model makes an answer up where the input holds none",
        "If the input does not say it, answer: [unknown].",
        "Who's president?",
        "Who was the president of Mexico in 2021? If you do not know, say: unknown.",
    ),
)


def version(text: str) -> str:
    """The name of exactly this text: the first 12 digits of its SHA-256.

    >>> version("Answer in one word.")
    'bc08b15e1d66'
    """
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def read(path: Path) -> str:
    """The prompt in a file, without space around it.

    Raises:
        DataError: There is no such file, or no text in it.
    """
    where = str(path)
    try:
        text = path.read_text("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        fix = "save it as UTF-8 text"
        raise DataError("this is no UTF-8 text", where=where, fix=fix) from error
    except OSError as error:
        fix = "name a text file with the prompt in it"
        raise DataError(error.strerror or "cannot be read", where=where, fix=fix) from error
    if not text:
        fix = "write into it what the model is to do"
        raise DataError("the prompt is empty", where=where, fix=fix)
    if len(text) > LONGEST or "\0" in text:
        fix = "name the file with the prompt alone; examples come from your rows"
        raise DataError("this is no prompt but something larger", where=where, fix=fix)
    return text


def is_english(text: str) -> bool:
    """Whether it has the letters and one of the small words of English."""
    ascii_marks = sum(mark.isascii() for mark in text)
    return ascii_marks > 0.9 * len(text) and bool(_ENGLISH.search(text.casefold()))


def check(path: Path) -> Checked:
    """Hold the prompt in a file against the advice.

    Raises:
        DataError: The file cannot be read as a prompt.
    """
    return check_text(read(path), str(path))


def check_text(text: str, file: str = "") -> Checked:
    """Hold a prompt against the advice, wherever its text came from."""
    words = re.findall(r"\w+", text.casefold())
    english = is_english(text)
    parts = tuple(_part(text, len(words), sign) for sign in _PARTS) if english else ()
    missing = [part.slot for part in parts if not part.found]
    vague: list[str] = _VAGUE.findall(text) if english else []
    return Checked(
        file=file,
        version=version(text),
        words=len(words),
        english=english,
        parts=parts,
        vague=tuple(dict.fromkeys(word.casefold() for word in vague)),
        open=tuple(dict.fromkeys(match.group() for match in _OPEN.finditer(text))),
        before=text,
        after="\n".join([text, *missing]),
    )


def _part(text: str, words: int, sign: _Sign) -> Part:
    found = sign.said_by.search(text)
    said = " ".join(found.group().split())[:60] if found else ""
    if sign.code == "task" and words < _SHORT:
        said = ""
    return Part(
        code=sign.code,
        found=said,
        why=sign.why,
        slot=sign.slot,
        worse=sign.worse,
        better=sign.better,
    )
