"""Speed and memory of the main job, both sides in one run.

    python tests/benchmarks/speed.py            start-up, advice and embedding
    python tests/benchmarks/speed.py --demo     the whole demo as well (minutes)

Start-up: whole processes, several times each, peers beside ours; a peer that is not installed is
named as such. Embedding: texts per second through our cache, empty and full, beside plain
sentence-transformers on the same texts in the same process. Advice: one whole verdict (ranking,
flips, stability, next question) in a warm process, over nothing known, half known and all known;
and a batch as a process of its own, with its peak memory.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from advisor import examples
from advisor.data import read
from runners.base import silent

BIN = Path(sys.executable).parent
FACTS = "task: classification\nn_examples: 1200\nlabels: 12\naccess: weights\ngpu_memory_gb: 0\n"
TEXTS = 2000
BATCH = 10_000


def whole_process(command: list[str], times: int = 5) -> tuple[float, float] | None:
    """Least and median seconds of a command, or nothing when it is not installed."""
    if shutil.which(command[0]) is None:
        return None
    seconds: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        seconds.append(time.perf_counter() - began)
    return min(seconds), statistics.median(seconds)


def start_up(folder: Path) -> None:
    facts = folder / "facts.yaml"
    facts.write_text(FACTS)
    commands = {
        "whichtune --help": [str(BIN / "whichtune"), "--help"],
        "whichtune advise facts.yaml --json": [
            str(BIN / "whichtune"),
            *("advise", str(facts), "--json"),
        ],
        "peer: trl --help": [str(BIN / "trl"), "--help"],
        "peer: accelerate estimate-memory --help": [
            str(BIN / "accelerate"),
            *("estimate-memory", "--help"),
        ],
        "peer: soup advise --help": [os.environ.get("SOUP", "soup"), "advise", "--help"],
    }
    print("start-up, whole process, seconds (least, median of 5)")
    for name, command in commands.items():
        found = whole_process(command)
        shown = f"{found[0]:6.2f} {found[1]:6.2f}" if found else "  not installed"
        print(f"  {name:42} {shown}")


def advice(folder: Path) -> None:
    from advisor.advice import consider
    from advisor.facts import gather

    known: dict[str, object] = {
        "task": "classification",
        "n_examples": 1200,
        "labels": 12,
        "access": "weights",
        "freshness": "static",
        "privacy": False,
        "citations_needed": False,
        "gpu_memory_gb": 24.0,
        "n_gpus": 1,
        "model_params_b": 7.0,
    }
    print(
        "advice with flips, stability and next question, warm, milliseconds (median, worst of 20)"
    )
    for name, count in (("nothing known", 0), ("half known", 5), ("ten facts known", 10)):
        case = gather({fact: (value, "") for fact, value in list(known.items())[:count]})
        consider(case)
        times: list[float] = []
        for _ in range(20):
            began = time.perf_counter()
            consider(case)
            times.append(1000 * (time.perf_counter() - began))
        print(f"  {name:42} {statistics.median(times):6.1f} {max(times):6.1f}")
    rows = folder / "facts.jsonl"
    lines = ({**known, "n_examples": number} for number in range(BATCH))
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines))
    began = time.perf_counter()
    command = [str(BIN / "whichtune"), "advise", "--batch", str(rows)]
    subprocess.run(command, capture_output=True, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"  {f'batch of {BATCH:,} rows, seconds':42} {time.perf_counter() - began:6.1f}")
    print(f"  {'highest memory of any process so far, MiB':42} {peak:6.0f}")


def embedding(folder: Path) -> None:
    os.environ["WHICHTUNE_CACHE"] = str(folder / "cache")
    from runners import _encoder, _models

    rows = [*read(examples.TRAIN).rows, *read(examples.EVALUATION).rows]
    texts = [row.input for row in rows][:TEXTS]
    encoder = _encoder.open_encoder(_models.DEFAULT_ENCODER)
    encoder.encode(texts[:64], show_progress_bar=False)  # so that neither side pays for warming up

    def rate(work: object) -> float:
        began = time.perf_counter()
        work()  # type: ignore[operator]
        return len(texts) / (time.perf_counter() - began)

    plain = rate(lambda: encoder.encode(texts, batch_size=32, show_progress_bar=False))
    empty = rate(lambda: _encoder.embed(_models.DEFAULT_ENCODER, texts, silent))
    full = rate(lambda: _encoder.embed(_models.DEFAULT_ENCODER, texts, silent))
    print(f"embedding {len(texts):,} Banking77 texts, texts per second")
    print(f"  {'plain sentence-transformers, batch 32':42} {plain:9,.0f}")
    print(f"  {'ours, empty cache (opens the model too)':42} {empty:9,.0f}")
    print(f"  {'ours, full cache':42} {full:9,.0f}")


def demo(folder: Path) -> None:
    environment = {**os.environ, "WHICHTUNE_CACHE": str(folder / "demo-cache")}
    began = time.perf_counter()
    found = subprocess.run(
        [str(BIN / "whichtune"), "demo", "--runs", str(folder / "runs"), "--json"],
        env=environment,
        capture_output=True,
        check=True,
    )
    seconds = time.perf_counter() - began
    runs = json.loads(found.stdout)["runs"]
    peak = max(run["result"]["peak_memory_bytes"] for run in runs) / 2**30
    rows = runs[0]["result"]["scorecard"]["rows"]
    print("demo, empty cache")
    print(f"  {'approaches measured':42} {len(runs):9}")
    print(f"  {'evaluation rows':42} {rows:9,}")
    print(f"  {'seconds (limit 300)':42} {seconds:9.0f}")
    print(f"  {'peak memory of a run, GiB (limit 3)':42} {peak:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory, both sides.")
    parser.add_argument("--demo", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        advice(folder)  # first, while no peer has been measured
        start_up(folder)
        embedding(folder)
        if arguments.demo:
            demo(folder)


if __name__ == "__main__":
    main()
