"""How reading and looking into data grow with the rows: seconds and peak memory, a process each.

    python tests/benchmarks/data.py                        10k, 100k, 1M rows and a 300 MB file
    python tests/benchmarks/data.py --rows 10000 --megabytes 0

Rows are made up from the words of Banking77, twelve words each; two in a hundred repeat an earlier
one, one in a hundred repeats it but for a word. A thousand rows more are held out as an evaluation,
so that every check has something to do; embeddings are left out. In the 300 MB file a row has sixty
words. Each line of the table is a process of its own that reads the file first: its seconds are
those of the check alone, or of reading and all checks together (wall clock, and of the processor,
which tells how busy the machine was), its memory is the peak of the whole process.
"""

import argparse
import contextlib
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HELD_OUT = 1000
LIMITS = {100_000: ("near_duplicates", 60.0), 1_000_000: ("all together", 60.0)}


def write_rows(folder: Path, rows: int, words: int) -> None:
    """Training and evaluation rows as CSV, the same on every machine."""
    from advisor import examples

    with examples.TRAIN.open(encoding="utf-8", newline="") as file:
        known = list(csv.reader(file))[1:]
    vocabulary = [word for text, _ in known for word in text.split()]
    labels = sorted({label for _, label in known})
    source = random.Random(rows)
    recent: list[list[str]] = []
    for name, count in (("train.csv", rows), ("test.csv", HELD_OUT)):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("text", "label"))
            for _ in range(count):
                text = _text(source, vocabulary, recent, words)
                writer.writerow((" ".join(text), source.choice(labels)))


def _text(
    source: random.Random, vocabulary: list[str], recent: list[list[str]], words: int
) -> list[str]:
    chance = source.random()
    if recent and chance < 0.03:
        text = list(source.choice(recent))
        if chance < 0.01:
            text[source.randrange(len(text))] = source.choice(vocabulary)
        return text
    text = source.choices(vocabulary, k=words)
    if len(recent) < 5000:
        recent.append(text)
    return text


def measure(folder: Path, what: str) -> dict[str, float]:
    """One step, in this process."""
    from advisor import data
    from advisor.check import NotLookedError, checks
    from advisor.examination import Asked, examine
    from advisor.examined import Examined

    began = _now()
    train, evaluation = data.read(folder / "train.csv"), data.read(folder / "test.csv")
    if what == "all together":
        examine(train, evaluation, asked=Asked(embed=False))
    elif what != "reading":
        examined = Examined.of(train, evaluation)
        _ = examined.train.repeated  # many checks share it; profiling works it out once
        began = _now()
        with contextlib.suppress(NotLookedError):  # it embeds
            list(checks()[what].look(examined))
    wall, processor = (after - before for before, after in zip(began, _now(), strict=True))
    return {"wall": wall, "processor": processor, "mib": _peak()}


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _peak() -> float:
    """MiB of this process at most; not of its parent, which the resource module would count."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(*arguments: str) -> str:
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def table(folder: Path, rows: int, words: int, steps: list[str]) -> None:
    in_a_process("--write", str(folder), "--rows", str(rows), "--words", str(words))
    size = (folder / "train.csv").stat().st_size / 1e6
    print(f"\n{rows:,} rows of {words} words, {size:,.0f} MB")
    print(f"  {'':18} {'seconds':>9} {'processor':>9} {'peak MiB':>9}")
    for step in steps:
        told = json.loads(in_a_process("--measure", step, "--write", str(folder)))
        line = f"  {step:18} {told['wall']:9.1f} {told['processor']:9.1f} {told['mib']:9,.0f}"
        name, limit = LIMITS.get(rows, ("", 0.0))
        print(line + (f"   (limit {limit:.0f} s)" if step == name else ""), flush=True)


def main() -> None:
    from advisor.check import checks

    parser = argparse.ArgumentParser(description="Growth of reading and looking into data.")
    parser.add_argument("--rows", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--megabytes", type=int, default=300, help="a large file; 0: none")
    parser.add_argument("--only", nargs="*", help="these steps alone, such as near_duplicates")
    parser.add_argument("--words", type=int, default=12, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked.write, asked.measure)))
    elif asked.write:
        write_rows(asked.write, asked.rows[0], asked.words)
    else:
        steps = asked.only or ["reading", *checks(), "all together"]
        with tempfile.TemporaryDirectory() as name:
            for rows in asked.rows:
                table(Path(name), rows, 12, steps)
            if asked.megabytes:
                large = asked.megabytes * 1_000_000 // 333  # bytes of a row of sixty words
                table(Path(name), large, 60, ["reading", "near_duplicates", "all together"])


if __name__ == "__main__":
    main()
