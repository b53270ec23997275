"""What an index costs as the corpus grows, and how many of the nearest it finds.

    python -m tests.benchmarks.growth [--sizes 1000 10000 100000] [--real 10000] [--hnsw]

Chunks are sentences of SciFact's abstracts, embedded by all-MiniLM-L6-v2; what is more than
``--real`` of them are the same with their vectors moved a little (noise of 0.01 a number, a cosine
of 0.98). Questions are SciFact's claims. ``--hnsw`` builds the largest size once more with other
settings. Embeddings come from the cache; processor time stands beside the clock, since other work
may run on the machine.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from runners.base import silent
from runners.retrieval import opened, store
from runners.retrieval.chunks import Chunk
from runners.retrieval.search import MODES, Retriever
from runners.retrieval.sentences import sentences
from tests.benchmarks.retrieval import corpus, embed, made, questions

ASKED = 200
HNSW: tuple[dict[str, Any], ...] = (
    {"max_neighbors": 16, "ef_construction": 100, "ef_search": 100},  # Chroma's own
    {"max_neighbors": 16, "ef_construction": 200, "ef_search": 200},
    {"max_neighbors": 32, "ef_construction": 200, "ef_search": 200},
)


class Watch:
    """Seconds by the clock and of the processor, of all threads."""

    def __enter__(self) -> "Watch":
        self._clock, self._work = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.clock = time.perf_counter() - self._clock
        self.work = time.process_time() - self._work


def texts(real: int) -> list[str]:
    """So many sentences, the same in every run."""
    every = sorted({text for row in corpus() for text in sentences(row["text"])})
    return random.Random(0).sample(every, real)


def moved(vectors: np.ndarray, size: int) -> np.ndarray:
    """As many as wanted: these, then copies that were moved."""
    many = np.resize(vectors, (size, vectors.shape[1])).astype(np.float32)
    rest = many[len(vectors) :]
    rest += np.random.default_rng(0).normal(0, 0.01, rest.shape).astype(np.float32)
    return many / np.linalg.norm(many, axis=1, keepdims=True)


def chunk(text: str, place: int) -> Chunk:
    name = f"sentences.jsonl#{place}"
    return Chunk(id=str(place), document=name, text=text, start=0, end=len(text))


def nearest(asked: np.ndarray, vectors: np.ndarray) -> list[set[int]]:
    """The ten nearest of each by exact search."""
    return [set(np.argpartition(-(vectors @ row), 10)[:10].tolist()) for row in asked]


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def timed(ask: Callable[[str], object], asked: list[str]) -> str:
    """The median and the 95th percentile in milliseconds: by the clock, and of the processor."""
    for text in asked[:20]:
        ask(text)
    clock, work = [], []
    for text in asked:
        with Watch() as watch:
            ask(text)
        clock.append(watch.clock)
        work.append(watch.work)
    parts = [np.percentile(found, [50, 95]) * 1000 for found in (clock, work)]
    return "clock p50 {:.1f} p95 {:.1f}, processor p50 {:.1f} p95 {:.1f} ms".format(
        *parts[0], *parts[1]
    )


def grown(size: int, real: int, asked: list[str]) -> None:
    plain = texts(min(real, size))
    vectors, wanted = moved(embed(plain), size), embed(asked)
    chunks = [chunk(plain[place % len(plain)], place) for place in range(size)]
    built = Watch()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built.__enter__()
        with made(folder, chunks, vectors) as found:
            built.__exit__()
            said = f"written in {built.clock:.0f} s ({built.work:.0f} of the processor)"
            print(f"\n{size:,} chunks ({len(plain):,} real): {said}", flush=True)
            print(f"  index on disk {megabytes(folder / 'index'):.0f} MiB", end="")
            with Watch() as counted:
                Retriever(found, "sparse", report=silent)
            print(f", words counted in {counted.clock:.1f} s", end="")
            print(f", with these {megabytes(folder / 'index'):.0f} MiB", flush=True)
            shares = recall(found.nearest, wanted, vectors)
            print(f"  recall@10 against exact search {shares:.4f}")
            print(f"  encoder alone: {timed(lambda text: found.encode([text]), asked)}")
            for mode in MODES:
                retriever = Retriever(found, mode)
                took = timed(lambda text, by=retriever: by.search([text], 10), asked)
                print(f"  {mode}, k=10: {took}", flush=True)


def recall(near: Callable[..., Any], wanted: np.ndarray, vectors: np.ndarray) -> float:
    got = [{int(key) for key, _ in row} for row in near(wanted, 10)]
    pairs = zip(got, nearest(wanted, vectors), strict=True)
    return statistics.mean(len(own & best) / 10 for own, best in pairs)


def compared(size: int, real: int, asked: list[str]) -> None:
    """Other settings of HNSW on the same vectors."""
    vectors, wanted = moved(embed(texts(min(real, size))), size), embed(asked)
    best = nearest(wanted, vectors)
    for settings in HNSW:
        with tempfile.TemporaryDirectory() as folder, store.connected(folder) as client:
            configuration: Any = {"hnsw": {"space": "cosine", **settings}}
            stored = client.create_collection(
                "bench", embedding_function=None, configuration=configuration
            )
            with Watch() as built:
                for start in range(0, size, 2000):
                    part = vectors[start : start + 2000]
                    stored.add(ids=[str(start + n) for n in range(len(part))], embeddings=part)
                stored.query(query_embeddings=wanted[:1], n_results=10, include=[])
            took, shares = [], []
            for row, right in zip(wanted, best, strict=True):
                with Watch() as watch:
                    got = stored.query(query_embeddings=row[None], n_results=10, include=[])
                took.append(watch.work)
                shares.append(len(right & {int(key) for key in got["ids"][0]}) / 10)
            p50, p95 = np.percentile(took, [50, 95]) * 1000
            print(
                f"{settings}: {built.work:.0f} processor seconds, "
                f"recall@10 {statistics.mean(shares):.4f}, p50 {p50:.1f} p95 {p95:.1f} ms"
                f"{'   <- ours' if settings.items() <= opened.HNSW.items() else ''}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--real", type=int, default=10_000)
    parser.add_argument("--hnsw", action="store_true")
    said = parser.parse_args()
    asked = list(questions()[0].values())[:ASKED]
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if said.hnsw:
        compared(max(said.sizes), said.real, asked)
        return
    for size in said.sizes:
        grown(size, said.real, asked)


if __name__ == "__main__":
    main()
