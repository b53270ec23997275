"""Forecast against fact: time and memory of three approaches, as a first run and as a second.

    python tests/benchmarks/forecast.py [APPROACH ...]

Runs each approach on the example data with an empty cache of measurements, then again, when the
first run corrects the forecast. Prints both sides of every run and how far they were apart.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"
APPROACHES = ("lora", "full_sft", "setfit")


def run(approach: str, folder: Path) -> dict[str, float]:
    """One run in a process of its own; what was said before it and what it took."""
    command = [sys.executable, "-m", "tui.main", "run", "--approach", approach,
               "--data", str(EXAMPLE / "train.csv"), "--evaluation", str(EXAMPLE / "test.csv"),
               "--runs", str(folder / "runs")]  # fmt: skip
    surroundings = os.environ | {"WHICHTUNE_CACHE": str(folder / "cache")}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    results = sorted((folder / "runs").glob(f"{approach}-*/result.json"))
    if done.returncode or not results:
        sys.exit(done.stdout + done.stderr)
    found = json.loads(results[-1].read_text("utf-8"))
    said = found["forecast"]
    return {
        "said s": said["seconds"],
        "took s": found["train_seconds"],
        "estimated MiB": (said["estimated_bytes"] or 0) / 2**20,
        "said MiB": said["memory_bytes"] / 2**20,
        "took MiB": found["fit_memory_bytes"] / 2**20,
    }


def main() -> None:
    """Print a line for each run."""
    print(f"{'approach':10}{'run':>8}{'said':>9}{'took':>9}{'off':>8}"
          f"{'estimated':>12}{'said':>11}{'took':>11}{'off':>8}")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        for turn in ("first", "second"):
            for approach in sys.argv[1:] or APPROACHES:
                found = run(approach, Path(name))
                time_off = found["said s"] / found["took s"] - 1
                memory_off = found["said MiB"] / found["took MiB"] - 1
                sizes = f"{found['estimated MiB']:8.0f} MiB{found['said MiB']:7.0f} MiB"
                print(f"{approach:10}{turn:>8}{found['said s']:8.1f}s{found['took s']:8.1f}s"
                      f"{time_off:+8.0%}{sizes}{found['took MiB']:7.0f} MiB{memory_off:+8.0%}",
                      flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
