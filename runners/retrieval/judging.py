"""Whether what was found answers a question: by the documents a row names, else by its answer.

Where a row names documents, by their id or by a passage of them, a chunk is right when it is of one
of these. Otherwise a chunk is right when it holds an answer: a short one word for word, as in the
top-k accuracy of open question answering (Karpukhin et al. 2020, arXiv 2004.04906), a longer one by
half of its words, in any of their forms and less stop words. An answer without any word of its own,
such as "no", judges nothing.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from runners import _shots
from runners._references import Asked
from runners.base import Row
from runners.retrieval import sparse
from runners.retrieval.chunks import Chunk
from runners.retrieval.documents import Document

SHORT = 3
"""Words of an answer, less stop words, up to which it must stand word for word."""
ENOUGH = 0.5
"""Share of the words of a longer answer that a chunk must have."""
_WORD = re.compile(sparse.WORD)


class Answer(NamedTuple):
    """An answer, ready to be looked for."""

    plain: str
    stems: frozenset[str]


class Question(NamedTuple):
    """A question that can be judged."""

    row: Row
    documents: frozenset[str]
    """Ids of the documents that answer it; none where only the answer is known."""
    answers: tuple[Answer, ...]


def plain(text: str) -> str:
    """The words of a text and nothing else, each between spaces, as no reader would tell apart.

    >>> plain("Within 10 days!")
    ' within 10 days '
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return f" {' '.join(words)} "


def questions(
    asked: Sequence[tuple[Asked, tuple[str, ...]]], corpus: Callable[[], Iterable[Document]]
) -> list[Question]:
    """Those of the questions that can be judged.

    Args:
        asked: Each question with what its rows name as documents.
        corpus: All documents; they are read only where a row names some.
    """
    named = dict.fromkeys(name for _, names in asked for name in names)
    known = _resolved(list(named), corpus()) if named else {}
    stems = sparse.words([text for item, _ in asked for text in item.references])
    found: list[Question] = []
    for item, names in asked:
        own, stems = stems[: len(item.references)], stems[len(item.references) :]
        answers = tuple(
            Answer(plain(text), frozenset(words))
            for text, words in zip(item.references, own, strict=True)
            if words
        )
        documents = frozenset(key for name in names for key in known[name])
        if _shots.text_of(item.row).strip() and (documents or answers):
            found.append(Question(item.row, documents, answers))
    return found


def _resolved(names: Sequence[str], corpus: Iterable[Document]) -> dict[str, set[str]]:
    """The documents that each name means: their id, the id in a row, or a passage of their text."""
    by_id: dict[str, set[str]] = {name: set() for name in names}
    by_text: dict[str, set[str]] = {name: set() for name in names}
    passages = {name: plain(name) for name in names}
    for document in corpus:
        for key in {document.id, document.path, document.id.partition("#")[2]} & by_id.keys():
            by_id[key].add(document.id)
        text = plain(document.text)
        for name, words in passages.items():
            if is_passage(words) and words in text:
                by_text[name].add(document.id)
    return {name: by_id[name] or by_text[name] for name in names}


def is_passage(words: str) -> bool:
    """Long enough to be found in a text by itself, which a name is not."""
    return words.count(" ") > SHORT + 1


class Judge:
    """Which chunks answer which questions; the words of a chunk are taken once."""

    def __init__(self, items: Sequence[Question]) -> None:
        """Take the questions."""
        self.items = items
        self._plain: dict[str, str] = {}
        self._stems: dict[str, frozenset[str]] = {}

    def right(self, found: Sequence[Sequence[Chunk]]) -> list[list[bool]]:
        """For the chunks of each question, which of them answer it."""
        pairs = zip(self.items, found, strict=True)
        self._prepare([c for item, row in pairs if not item.documents for c in row])
        return [
            [self._answers(item, chunk) for chunk in row]
            for item, row in zip(self.items, found, strict=True)
        ]

    def _prepare(self, chunks: Sequence[Chunk]) -> None:
        new = {chunk.id: chunk.passage for chunk in chunks if chunk.id not in self._plain}
        self._plain.update((key, plain(text)) for key, text in new.items())
        stems = sparse.words(list(new.values())) if new else []
        self._stems.update(zip(new, map(frozenset, stems), strict=True))

    def _answers(self, item: Question, chunk: Chunk) -> bool:
        if item.documents:
            return chunk.document in item.documents
        text, stems = self._plain[chunk.id], self._stems[chunk.id]
        return any(holds(answer, text, stems) for answer in item.answers)


def holds(answer: Answer, text: str, stems: frozenset[str]) -> bool:
    """Whether a text, as ``plain`` and by its stems, holds the answer."""
    if answer.plain in text:
        return True
    shared = len(answer.stems & stems)
    return len(answer.stems) > SHORT and shared >= ENOUGH * len(answer.stems)


def named_documents(item: Asked, rows: Sequence[Row]) -> tuple[str, ...]:
    """What all rows of a question name as documents."""
    return tuple(dict.fromkeys(name for place in item.places for name in rows[place].documents))


def counts(items: Sequence[Question]) -> Mapping[str, int]:
    """How many are judged by documents, and how many by answers."""
    documents = sum(bool(item.documents) for item in items)
    return {"documents": documents, "answers": len(items) - documents}
