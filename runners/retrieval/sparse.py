"""Search by words: BM25 over the chunks of an index, kept beside it.

``bm25s`` scores, with its own defaults (Lucene's formula, k1 1.5, b 0.75; https://arxiv.org/abs/
2407.03618), over words stemmed by Snowball, without English stop words. Words of one character
stay, since "vitamin D" and "type 2" need them. What is kept is only an image of the index: it is
made anew whenever the index has changed since or the image cannot be read.
"""

import hashlib
import json
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runners import _embedding_cache, _models
from runners.base import Progress, Report, silent
from runners.retrieval import store
from runners.retrieval.filters import Value

if TYPE_CHECKING:
    import numpy as np

    from runners.retrieval.index import Index

WORD = r"(?u)\b\w+\b"
LANGUAGE = "english"
_VERSION = 1
"""Of what is kept; raised when words are taken from a text in another way."""
_CHUNKS = "chunks.json"


class Sparse:
    """The words of all chunks, ready to be asked."""

    def __init__(self, ids: list[str], metadata: list[dict[str, Value]], model: Any) -> None:  # noqa: ANN401
        self.ids = ids
        self.metadata = metadata
        self.metadata_of = dict(zip(ids, metadata, strict=True))
        self._model = model  # none where no chunk has a word

    def mask(self, allows: Callable[[dict[str, Value]], bool]) -> "np.ndarray":
        """1 for each chunk that may be found and 0 for the others: ``(n,)`` float32."""
        import numpy as np

        return np.fromiter(map(allows, self.metadata), np.float32, len(self.metadata))

    def nearest(
        self, questions: Sequence[str], k: int, mask: "np.ndarray | None" = None
    ) -> list[list[tuple[str, float]]]:
        """The best ``k`` chunks for each question that share a word with it, and their scores."""
        if self._model is None:
            return [[] for _ in questions]
        most = min(k, len(self.ids) if mask is None else int(mask.sum()))
        if not most:
            return [[] for _ in questions]
        places, scores = self._model.retrieve(
            words(questions),
            k=most,
            show_progress=False,
            backend_selection="numpy",
            weight_mask=mask,
        )
        return [
            [
                (self.ids[place], float(score))
                for place, score in zip(*row, strict=True)
                if score > 0
            ]
            for row in zip(places, scores, strict=True)
        ]


def words(texts: Sequence[str]) -> list[list[str]]:
    """The stems of each text; ligatures and wide letters are taken for the plain ones."""
    import bm25s
    import Stemmer

    found = bm25s.tokenize(
        [unicodedata.normalize("NFKC", text) for text in texts],
        token_pattern=WORD,
        stopwords="en",
        stemmer=Stemmer.Stemmer(LANGUAGE),
        return_ids=False,
        show_progress=False,
    )
    return cast("list[list[str]]", found)


def open_sparse(index: "Index", report: Report = silent) -> Sparse:
    """What is kept beside the index, made anew when it is stale, unreadable or not there.

    Raises:
        MissingExtraError: bm25s or PyStemmer is not installed.
    """
    _models.require("bm25s", "Stemmer", approach="--mode sparse")
    folder = _beside(index) / f"{_VERSION}-{index.revision}"
    kept = _read(folder)
    if kept is not None:
        return kept
    report(Progress(message=f"counting the words of {index.count():,} chunks"))
    made = _build(index)
    try:
        _keep(made, folder)
    except OSError as error:
        text = f"the word index cannot be kept, and is made for each search: {error}"
        report(Progress(message=text, warning=True))
    return made


def _beside(index: "Index") -> Path:
    """Where the words of an index are kept: in its folder, for a server in our cache."""
    if not store.is_server(index.where):
        return Path(index.where) / "words" / index.settings.name
    key = hashlib.sha256(f"{index.where}\0{index.settings.name}".encode()).hexdigest()[:16]
    return _embedding_cache.folder() / "words" / key


def _build(index: "Index") -> Sparse:
    import bm25s

    chunks = list(index.chunks())
    tokens = words([chunk.passage for chunk in chunks])
    model = None
    if any(tokens):
        model = bm25s.BM25()
        model.index(tokens, show_progress=False)
    return Sparse([chunk.id for chunk in chunks], [chunk.metadata for chunk in chunks], model)


def _keep(made: Sparse, folder: Path) -> None:
    """Write it whole or not at all, and drop those of earlier states of the index."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        if made._model is not None:
            made._model.save(draft, show_progress=False)
        about = {"ids": made.ids, "metadata": made.metadata, "words": made._model is not None}
        (draft / _CHUNKS).write_text(json.dumps(about), "utf-8")
        for old in folder.parent.glob("[0-9]*"):
            shutil.rmtree(old, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _read(folder: Path) -> Sparse | None:
    if not folder.is_dir():
        return None
    import bm25s

    try:
        about = json.loads((folder / _CHUNKS).read_text("utf-8"))
        model = bm25s.BM25.load(folder, show_progress=False) if about["words"] else None
        kept = Sparse(about["ids"], about["metadata"], model)
    except (OSError, ValueError, LookupError, TypeError, EOFError):
        return None  # cut short or edited: it is made anew from the index
    fits = model is None or model.scores["num_docs"] == len(kept.ids) == len(kept.metadata)
    return kept if fits else None
