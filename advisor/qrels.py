"""Relevance judgements: which documents answer which question, as BEIR and TREC write them.

BEIR has a header and then, parted by tabs, question, document and score; TREC has no header and
parts question, a number that nobody uses, document and score by blanks. What has a score of 0 or
less does not answer.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advisor import source as sources
from advisor.columns import ID_NAMES
from rules.errors import DataError

COLUMN = "documents"
"""What the documents of a row are called."""
UNJUDGED = "no document is said to answer it"
_BEIR, _TREC = 3, 4
_SCORE = re.compile(r"-?\d+(\.\d+)?")
_HEADER = ("query-id", "query_id", "qid", "topic")


@dataclass
class Join:
    """Questions by their id, and the documents that answer each."""

    path: Path
    key: str
    """The column of the id."""
    right: Mapping[str, Sequence[str]]
    seen: set[str] = field(default_factory=set[str])

    def told(self, cells: Mapping[str, object]) -> dict[str, object]:
        """The question with its documents; empty where none is said to answer it."""
        name = str(cells.get(self.key)).strip()
        self.seen.add(name)
        return {**cells, COLUMN: list(self.right[name])} if name in self.right else {}

    def notes(self) -> Iterator[str]:
        """What was judged and not asked."""
        missing = [name for name in self.right if name not in self.seen]
        if missing:
            yield f"in {self.path} and not asked: {len(missing):,}, such as {missing[0]!r}"


def join(path: Path, names: Sequence[str], key: str | None, asked: Path) -> Join:
    """Read judgements for questions with these columns.

    Args:
        path: The judgements.
        names: Columns of the questions.
        key: The one of the id, where the user named it.
        asked: The file of the questions, for messages.

    Raises:
        DataError: The judgements cannot be read, or the questions have no id or documents already.
    """
    found = key or next((name for name in ID_NAMES if name in names), "")
    if found not in names:
        fix = f"name the column that the judgements go by: --id COLUMN, one of {', '.join(names)}"
        raise DataError("no column with the ids of the questions", where=str(asked), fix=fix)
    if COLUMN in names:
        fix = "leave --qrels out, or rename that column"
        raise DataError(f"there is a column {COLUMN!r} already", where=str(asked), fix=fix)
    return Join(path, found, read(path))


def read(path: Path) -> dict[str, list[str]]:
    """The documents of each question that has one, in the order of the file.

    Raises:
        DataError: It cannot be read, a line is no judgement, or none says that a document answers.
    """
    found: dict[str, list[str]] = {}
    for number, line in enumerate(sources.lines(sources.inspect(path), []), start=1):
        fields = line.split("\t") if "\t" in line else line.split()
        if not fields or (number == 1 and fields[0].strip().lower() in _HEADER):
            continue
        question, document, score = _judgement(fields, f"{path}:{number}")
        named = found.setdefault(question, [])
        if score > 0 and document not in named:
            named.append(document)
    right = {question: named for question, named in found.items() if named}
    if not right:
        fix = "give a table of questions, documents and scores, some of them above 0"
        raise DataError("no document answers any question", where=str(path), fix=fix)
    return right


def _judgement(fields: list[str], where: str) -> tuple[str, str, float]:
    if len(fields) in (_BEIR, _TREC) and _SCORE.fullmatch(fields[-1].strip()):
        return fields[0].strip(), fields[-2].strip(), float(fields[-1])
    fix = "write question, document and score, parted by tabs; or the four fields of TREC"
    shown = " ".join(fields).strip()[:60]
    raise DataError(f"no judgement: {shown!r}", where=where, fix=fix)
