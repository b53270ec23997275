"""Retrieval against what is published, and how long a search takes.

    python tests/benchmarks/retrieval.py              SciFact: nDCG@10, recall@10 and @100 (BEIR)
    python tests/benchmarks/retrieval.py --chunks     the same, with documents parted into chunks
    python tests/benchmarks/retrieval.py --latency    p50 and p95 over 20,000 chunks, filters too

SciFact has 5,183 abstracts and 300 test questions. Published: all-MiniLM-L6-v2 0.6451 (title and
abstract, 256 tokens), BM25 0.679 (Anserini, flat). Both sides of "dense" are measured here on the
same vectors: exact search beside our index. Embeddings come from the cache, so that only the first
run takes minutes. Larger indexes are made of the same abstracts, their vectors moved a little.
"""

import argparse
import csv
import gzip
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import R, nDCG

from runners import _encoder
from runners.base import Progress, silent
from runners.retrieval import index, opened, store
from runners.retrieval.chunks import Chunk
from runners.retrieval.search import MODES, Retriever

DATA = Path(__file__).parents[3] / "shared" / "data" / "rag" / "scifact" / "beir_format"
MEASURES = [nDCG @ 10, R @ 10, R @ 100]
DEEP = 100
LARGE = 20_000
USUAL = index.IndexSettings.model_validate({})
Run = dict[str, dict[str, float]]


def corpus() -> list[dict[str, str]]:
    with gzip.open(DATA / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def questions() -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """The test questions, and which documents answer each."""
    right: dict[str, dict[str, int]] = {}
    with (DATA / "qrels" / "test.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            right.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    with (DATA / "queries.jsonl").open(encoding="utf-8") as lines:
        texts = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    return {key: texts[key] for key in right}, right


def told(progress: Progress) -> None:
    if progress.step and progress.steps and progress.step % 512 == 0:
        print(f"  {progress.message}: {progress.step:,} of {progress.steps:,}", file=sys.stderr)


def embed(texts: list[str]) -> np.ndarray:
    return _encoder.embed(USUAL.encoder, texts, told)


@contextmanager
def made(folder: Path, chunks: list[Chunk], vectors: np.ndarray) -> Iterator[opened.Index]:
    """An index of exactly these chunks and vectors, written as indexing writes them."""
    root = folder / "corpus"
    root.mkdir()
    with store.writing(folder / "index") as client:
        found = index._new(client, root, folder / "index", USUAL)
        for start in range(0, len(chunks), 2000):
            part = chunks[start : start + 2000]
            found.stored.upsert(
                ids=[chunk.id for chunk in part],
                embeddings=vectors[start : start + 2000],
                documents=[chunk.text for chunk in part],
                metadatas=[opened.stored_metadata(chunk) for chunk in part],
            )
    with index.open_index(folder / "index") as again:
        yield again


def whole(row: dict[str, str], copy: int = 0) -> Chunk:
    """A document as one chunk; each hundredth has an owner of its own."""
    text = f"{row['title']} {row['text']}".strip()
    user = {"user": "ann"} if copy and int(row["_id"]) % 100 == 0 else {}
    return Chunk(
        id=f"{row['_id']}-{copy}",
        document=row["_id"],
        text=text,
        start=0,
        end=len(text),
        metadata={"copy": copy, "shelf": int(row["_id"]) % 100, **user},
    )


def by_document(retriever: Retriever, asked: dict[str, str]) -> Run:
    """Documents in the order of their best chunk."""
    run: Run = {}
    for key, hits in zip(asked, retriever.search(list(asked.values()), 3 * DEEP), strict=True):
        best: dict[str, float] = {}
        for hit in hits:
            best.setdefault(hit.chunk.document.rpartition("#")[2], 1 / hit.rank)
        run[key] = best
    return run


def show(name: str, run: Run, right: dict[str, dict[str, int]]) -> None:
    found = ir_measures.calc_aggregate(MEASURES, right, run)
    print(f"{name:<44}" + "".join(f"{measure}: {found[measure]:.4f}  " for measure in MEASURES))


def quality(folder: Path) -> None:
    documents, (asked, right) = corpus(), questions()
    chunks = [whole(row) for row in documents]
    vectors = embed([chunk.text for chunk in chunks])
    similar = embed(list(asked.values())) @ vectors.T
    exact: Run = {}
    for key, row in zip(asked, similar, strict=True):
        best = np.argsort(-row)[:DEEP]
        exact[key] = {documents[place]["_id"]: float(row[place]) for place in best}
    show("plain sentence-transformers, exact search", exact, right)
    with made(folder, chunks, vectors) as found:
        for mode in MODES:
            show(
                f"{mode}, a document is a chunk", by_document(Retriever(found, mode), asked), right
            )


def parted(folder: Path) -> None:
    documents, (asked, right) = corpus(), questions()
    (folder / "corpus").mkdir()
    lines = (json.dumps(row) for row in documents)
    (folder / "corpus" / "scifact.jsonl").write_text("\n".join(lines), "utf-8")
    plain = opened.Index.encode
    opened.Index.encode = lambda self, texts: embed(list(texts))
    try:
        built = index.build(folder / "corpus", folder / "index", USUAL, silent)
    finally:
        opened.Index.encode = plain
    print(f"{built.documents:,} documents, {built.chunks:,} chunks")
    with index.open_index(folder / "index") as found:
        for mode in MODES:
            show(f"{mode}, chunks of 256 tokens", by_document(Retriever(found, mode), asked), right)


def latency(folder: Path, size: int) -> None:
    documents, (asked, _) = corpus(), questions()
    copies = [(row, copy) for copy in range(-(-size // len(documents))) for row in documents][:size]
    chunks = [whole(row, copy) for row, copy in copies]
    plain = embed([whole(row).text for row in documents])
    vectors = np.resize(plain, (size, plain.shape[1]))
    vectors = vectors + np.random.default_rng(0).normal(0, 0.01, vectors.shape)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    started = time.perf_counter()
    with made(folder, chunks, vectors) as found:
        print(f"{size:,} chunks written in {time.perf_counter() - started:.0f} s")
        timed("encoder alone", lambda text: found.encode([text]), asked)
        for mode in MODES:
            started = time.perf_counter()
            retriever = Retriever(found, mode)
            retriever.warm()
            print(f"{mode}: opened in {time.perf_counter() - started:.2f} s")
            timed(f"{mode}, k=10", lambda text, by=retriever: by.search([text], 10), asked)
            timed(
                f"{mode}, k=10, a user and a filter that 1 % pass",
                lambda text, by=retriever: by.search([text], 10, {"shelf": 7}, "ann"),
                asked,
            )
        recall(found, vectors, chunks, list(asked.values()))


def recall(found: opened.Index, vectors: np.ndarray, chunks: list[Chunk], asked: list[str]) -> None:
    """Of the ten nearest by exact search, how many the index finds: of all, and of 1 %."""
    similar = embed(asked) @ vectors.T
    retriever = Retriever(found, "dense")
    for shelf in (None, 7):
        seen = np.array(
            [
                not chunk.metadata.get("user") and shelf in (None, chunk.metadata["shelf"])
                for chunk in chunks
            ]
        )
        filters = {} if shelf is None else {"shelf": shelf}
        got = retriever.search(asked, 10, filters)
        shares: list[float] = []
        for row, hits in zip(np.where(seen, similar, -2), got, strict=True):
            best = {chunks[place].id for place in np.argpartition(-row, 10)[:10]}
            shares.append(len(best & {hit.chunk.id for hit in hits}) / 10)
        print(f"recall@10 against exact search, shelf {shelf}: {statistics.mean(shares):.4f}")


def timed(name: str, search, asked: dict[str, str]) -> None:
    texts = list(asked.values())
    for text in texts[:20]:
        search(text)
    seconds: list[float] = []
    for text in texts[:200]:
        began = time.perf_counter()
        search(text)
        seconds.append(time.perf_counter() - began)
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    print(f"  {name:<50} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--chunks", action="store_true")
    parser.add_argument("--latency", action="store_true")
    parser.add_argument("--size", type=int, default=LARGE)
    said = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"{DATA} is not here")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        if said.chunks:
            parted(Path(folder))
        elif said.latency:
            latency(Path(folder), said.size)
        else:
            quality(Path(folder))


if __name__ == "__main__":
    main()
