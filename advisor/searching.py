"""An index that is asked one question after another, for the command and for the screen."""

import time
from pathlib import Path

from advisor.outputs_search import SearchOutput, hit
from rules.errors import DataError
from runners.base import Report, silent
from runners.retrieval.filters import Filters
from runners.retrieval.opened import open_index
from runners.retrieval.search import Mode, Retriever

LONGEST = 10_000
"""Characters of a question. An encoder reads some 1,200 of them; more is a text, no question."""


def asked(question: str) -> str:
    """The question as text that can be printed again, whatever the shell handed over.

    Raises:
        DataError: There is none, or it is too long to be one.
    """
    text = question.encode("utf-8", "replace").decode()
    if not text.strip():
        raise DataError("an empty question", where="search", fix='whichtune search "a question"')
    if len(text) > LONGEST:
        fix = "ask for what you want to know of it, in a few sentences"
        what = f"a question of {len(text):,} characters, and {LONGEST:,} are the most"
        raise DataError(what, where="search", fix=fix)
    return text


class Searching:
    """An open index; close it when it is no longer needed."""

    def __init__(
        self,
        where: str | Path,
        mode: Mode = "hybrid",
        rerank: str | None = None,
        report: Report = silent,
    ) -> None:
        """Open the index and its models, so that the first search is as quick as the others.

        Raises:
            UserError: There is no index, it cannot be read, or a model is not here.
        """
        self.mode: Mode = mode
        self._rerank = rerank
        self._index = open_index(where)
        try:
            self._retriever = Retriever(self._index, mode, rerank, report=report)
            self._retriever.warm()
        except BaseException:
            self._index.close()
            raise

    def __enter__(self) -> "Searching":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the index."""
        self._index.close()

    def search(
        self,
        question: str,
        top_k: int,
        filters: Filters | None = None,
        user: str | None = None,
    ) -> SearchOutput:
        """What the index holds about a question, with the time it took in seconds.

        Raises:
            DataError: The question is empty or too long.
            SettingError: A filter is about the user.
        """
        text = asked(question)
        started = time.perf_counter()
        (found,) = self._retriever.search([text], top_k, filters, user)
        return SearchOutput(
            question=text,
            index=self._index.where,
            encoder=self._index.encoder,
            chunks=self._index.count(),
            mode=self.mode,
            rerank=self._rerank,
            user=user,
            seconds=time.perf_counter() - started,
            hits=tuple(map(hit, found)),
        )
