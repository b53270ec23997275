"""Indexing beside bare sentence-transformers, and recall of the index against exact search.

    python tests/benchmarks/indexing.py encode [DOCUMENTS]     seconds of both sides, in turns
    python tests/benchmarks/indexing.py recall [COPIES]        recall@10 for several HNSW settings

Both read SciFact in ``../shared/data/rag`` (its README says where it is from) and say so when it is
not there. Copies are the same vectors with a little noise, for the cost of a larger corpus.
"""

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from runners import _encoder, _models
from runners.base import silent
from runners.retrieval import opened, store
from runners.retrieval.chunks import split
from runners.retrieval.documents import Document, read
from runners.retrieval.index import IndexSettings, build

SCIFACT = Path(__file__).parents[3] / "shared" / "data" / "rag" / "scifact" / "beir_format"
BLOCKS = 3
"""Parts of the documents, each done by both sides, in turns the one and the other first."""
HNSW = (
    {"max_neighbors": 16, "ef_construction": 100, "ef_search": 100},  # Chroma's own
    {"max_neighbors": 16, "ef_construction": 200, "ef_search": 200},
    {"max_neighbors": 32, "ef_construction": 200, "ef_search": 100},
    {"max_neighbors": 32, "ef_construction": 200, "ef_search": 200},
)


def rows(count):
    """So many documents of SciFact."""
    if not SCIFACT.is_dir():
        sys.exit(f"not here: {SCIFACT}")
    with gzip.open(SCIFACT / "corpus.jsonl.gz", "rt") as file:
        return [json.loads(line) for line, _ in zip(file, range(count), strict=False)]


def encode(count):
    """The same chunks embedded by sentence-transformers alone and by indexing, block by block."""
    model = _encoder.open_encoder(_models.DEFAULT_ENCODER)
    documents = rows(count)
    sides = {"bare": [0.0, 0.0], "index": [0.0, 0.0]}
    chunks = 0
    with tempfile.TemporaryDirectory() as folder:
        # Not counted: what is done for the first time is slower.
        _sides(model, documents[:10], Path(folder) / "warm")
        step = -(-count // BLOCKS)
        for start in range(0, count, step):
            block = documents[start : start + step]
            bare, ours, more = _sides(model, block, Path(folder) / str(start), start // step % 2)
            chunks += more
            for name, took in (("bare", bare), ("index", ours)):
                sides[name] = [old + new for old, new in zip(sides[name], took, strict=True)]
            print(f"  block: bare {bare}, index {ours}, {more} chunks", flush=True)
    for name, (clock, work) in sides.items():
        against = f"{work / sides['bare'][1] - 1:+.1%}"
        print(
            f"{name:<6} {count:,} documents, {chunks:,} chunks: {work:.1f} processor seconds "
            f"({chunks / work:.1f} chunks a second, {against}), {clock:.1f} by the clock"
        )


def _sides(model, documents, folder, index_first=0):
    """Seconds by the clock and of the processor, of both sides, and the number of chunks."""
    folder.mkdir()
    path = folder / "corpus.jsonl"
    path.write_text("\n".join(map(json.dumps, documents)), "utf-8")
    found = [item for item in read(path) if isinstance(item, Document)]
    texts = [c.passage for d in found for c in split(d, 256, 32, model.tokenizer)]

    def bare():  # with the opening of the model, which indexing does too
        opened = _encoder.open_encoder(_models.DEFAULT_ENCODER)
        opened.encode(texts, normalize_embeddings=True, show_progress_bar=False)

    def ours():
        build(path, folder / "index", IndexSettings(), silent)

    took = {}
    for work in (ours, bare) if index_first else (bare, ours):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        took[work] = (
            round(time.perf_counter() - clock, 1),
            round(time.process_time() - processor, 1),
        )
    return took[bare], took[ours], len(texts)


def recall(copies):
    """How many of the ten nearest by exact search the index finds."""
    documents = rows(6000)
    texts = [f"{row['title']} {row['text']}" for row in documents]
    with (SCIFACT / "queries.jsonl").open() as file:
        questions = [json.loads(line)["text"] for line in file][:300]
    vectors = _encoder.embed(_models.DEFAULT_ENCODER, texts, silent)
    asked = _encoder.embed(_models.DEFAULT_ENCODER, questions, silent)
    noise = np.random.default_rng(0)
    many = [vectors] + [
        vectors + noise.normal(0, 0.02, vectors.shape).astype(np.float32) for _ in range(copies - 1)
    ]
    every = np.concatenate(many)
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    exact = np.argsort(-(asked @ every.T), axis=1)[:, :10]
    for settings in HNSW:
        with tempfile.TemporaryDirectory() as folder:
            print(_line(settings, folder, every, asked, exact), flush=True)


def _line(settings, folder, vectors, asked, exact):
    with store.connected(folder) as client:
        configuration: Any = {"hnsw": {"space": "cosine", **settings}}
        collection = client.create_collection(
            "bench", embedding_function=None, configuration=configuration
        )
        started = time.process_time()
        step = client.get_max_batch_size()
        for start in range(0, len(vectors), step):
            part = vectors[start : start + step]
            collection.add(ids=[str(start + n) for n in range(len(part))], embeddings=part)
        added = time.process_time() - started
        collection.query(query_embeddings=asked[:1], n_results=10, include=[])
        found, took = [], []
        for vector in asked:
            started = time.perf_counter()
            got = collection.query(query_embeddings=vector[None], n_results=10, include=[])
            took.append(time.perf_counter() - started)
            found.append({int(key) for key in got["ids"][0]})
    hit = np.mean(
        [len(own & set(best.tolist())) / 10 for own, best in zip(found, exact, strict=True)]
    )
    size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    marks = "   <- ours" if settings.items() <= opened.HNSW.items() else ""
    middle, high = np.percentile(took, [50, 95]) * 1000
    named = ", ".join(f"{key} {value}" for key, value in settings.items())
    return (
        f"{len(vectors):,} vectors, {named}: recall@10 {hit:.4f}, query p50 {middle:.1f} ms "
        f"p95 {high:.1f} ms, adding {added:.1f} processor seconds, {size / 2**20:.0f} MiB{marks}"
    )


if __name__ == "__main__":
    what, *more = sys.argv[1:] or ["encode"]
    if what == "recall":
        recall(int(more[0]) if more else 1)
    else:
        encode(int(more[0]) if more else 500)
