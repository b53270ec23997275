"""Text tuning beside a bare TRL script: tokens a second, memory, and the way to the first step.

    python -m tests.benchmarks.bare_trl [--part a b c] [--model FOLDER] [--made 1.1B] [--rows N]

a  the same settings, the same rows in the same order: the product beside a bare SFTTrainer
b  TRL's defaults (random order, activations computed twice) on short rows of very different
   lengths, with the same batch, learning rate, epochs and looks at the rows held back
c  seconds from ``whichtune run`` to the end of the first step

Each side is a process of its own; sides take turns, and the order turns too. Tokens are those of
rows, padding left out, over the runtime that the trainer tells. Memory is resident memory, or
``torch.cuda.max_memory_allocated`` where there is a GPU. Processor seconds stand beside, since they
say more where other work shares the machine. Without ``--data`` and without E2E in ``../shared``
the rows are made of the prose that ships.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
E2E = ROOT.parent / "shared" / "data" / "instruction" / "e2e_nlg" / "valid.txt"
PROSE = ROOT / "runners" / "general" / "prose.txt"
MIB = 2**20
_OUT_OF_TIME = 120
"""Seconds in which a first step must come."""
THREADS: dict[str, str] = {}
"""Of each side, where ``--threads`` says so: with one, processor seconds bear other work best."""


def short_rows(count: int) -> list[dict[str, str]]:
    """Questions with answers of 3 to 250 words, most of them short: log-normal, median 16."""
    drawn = random.Random(0)
    words = PROSE.read_text("utf-8").split()
    rows: list[dict[str, str]] = []
    for number in range(count):
        size = max(3, min(250, round(drawn.lognormvariate(2.8, 1.0))))
        at = drawn.randrange(len(words) - size - 8)
        question, answer = words[at : at + 8], words[at + 8 : at + 8 + size]
        rows.append({"id": str(number), "input": " ".join(question), "target": " ".join(answer)})
    return rows


def read_rows(options: argparse.Namespace, part: str) -> tuple[str, list[dict[str, str]]]:
    """The rows of a part, and what they are called."""
    path = options.data or (E2E if part != "b" and E2E.exists() else None)
    if path is None:
        return "short rows of prose", short_rows(options.rows)
    from advisor import data

    found = [row for row in data.read(path).rows if row.input and row.target]
    chosen = random.Random(0).sample(found, min(options.rows, len(found)))
    return path.name, [
        {"id": str(n), "input": r.input, "target": r.target} for n, r in enumerate(chosen)
    ]


def side(spec: dict[str, Any], name: str, **more: Any) -> dict[str, Any]:
    """Do one side in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bare_trl_sides"]
    text = json.dumps({**spec, "side": name, **more})
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [*command, text],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, **THREADS},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    return json.loads(lines[-1])


def beside(
    options: argparse.Namespace, part: str, approach: str, names: list[str]
) -> dict[str, Any]:
    """Measure the sides in turn; the order turns with every repeat."""
    with tempfile.TemporaryDirectory() as place:
        called, rows = read_rows(options, part)
        path = Path(place) / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        spec = {
            **{key: getattr(options, key) for key in ("model", "batch", "epochs", "seed")},
            "learning_rate": options.learning_rate,
            "approach": approach,
            "rows": str(path),
            "place": place,
        }
        about = side(spec, "prepare")
        spec["learning_rate"] = about["learning_rate"]
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for turn in range(options.repeats):
            for name in names if turn % 2 == 0 else names[::-1]:
                own = Path(place) / f"{name}-{turn}"
                own.mkdir()
                for file in ("train.jsonl", "ordered.jsonl", "held.jsonl", "arguments.json"):
                    (own / file).symlink_to(Path(place) / file)
                found[name].append(side(spec, name, place=str(own)))
                said = found[name][-1]
                talk(f"{part} {approach} {name}: {said['tokens'] / said['seconds']:,.0f} tokens/s")
    return {"part": part, "approach": approach, "data": called, **about, "sides": found}


def talk(text: str) -> None:
    """News, apart from the table."""
    print(text, file=sys.stderr, flush=True)


def first_step(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds from the start of the command to the end of its first step."""
    found: list[float] = []
    called, rows = read_rows(options, "c")
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            table = place / "rows.jsonl"
            lines = [json.dumps({"question": r["input"], "answer": r["target"]}) for r in rows]
            table.write_text("\n".join(lines) + "\n", "utf-8")
            found.append(_first_step(options, table, place / "runs"))
            talk(f"c lora: {found[-1]:.1f} s to the first step")
    return {"part": "c", "approach": "lora", "data": called, "first_step": found}


def _first_step(options: argparse.Namespace, table: Path, runs: Path) -> float:
    command = [sys.executable, "-m", "tui.main", "run", "--data", str(table), "--approach", "lora"]
    command += ["--base-model", options.model, "--runs", str(runs)]
    began = time.time()
    running = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while time.time() - began < _OUT_OF_TIME and running.poll() is None:
            events = _events(runs)
            steps = [event for event in events if (event.get("progress") or {}).get("step")]
            if steps:
                return steps[0]["time"] - began
            time.sleep(0.2)
    finally:
        _stop(_events(runs), running)
    raise SystemExit(f"no step was made:\n{(running.stderr or sys.stdin).read()[-2000:]}")


def _events(runs: Path) -> list[dict[str, Any]]:
    lines = [line for file in runs.glob("*/events.jsonl") for line in file.read_text().splitlines()]
    return [json.loads(line) for line in lines if line.endswith("}")]


def _stop(events: list[dict[str, Any]], running: "subprocess.Popen[str]") -> None:
    """End the run in good order, and with it the command that waits for it."""
    pids = {event["pid"] for event in events if event.get("pid")} - {running.pid}
    for pid in pids:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue
    try:
        running.wait(30)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def middle(said: list[dict[str, Any]], value: Any) -> tuple[float, float, float]:
    """Median, least and most."""
    values = [value(item) for item in said]
    return statistics.median(values), min(values), max(values)


def summary(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Each side in figures, and against the first of the others."""
    lines: list[dict[str, Any]] = []
    for name, said in found["sides"].items():
        speed, least, most = middle(said, lambda item: item["tokens"] / item["seconds"])
        line = {"side": name, "tokens_per_second": speed, "least": least, "most": most}
        line["per_processor_second"] = middle(said, lambda i: i["tokens"] / i["processor"])[0]
        line["memory_bytes"] = middle(said, lambda item: item["memory"])[0]
        line["loss"] = middle(said, lambda item: item["loss"])[0]
        line["steps"] = said[0]["steps"]
        lines.append(line)
    first = lines[0]
    for line in lines[1:]:
        line["ours_faster"] = first["tokens_per_second"] / line["tokens_per_second"]
        line["ours_faster_processor"] = first["per_processor_second"] / line["per_processor_second"]
        line["ours_memory"] = first["memory_bytes"] / line["memory_bytes"]
        line["ours_loss"] = first["loss"] / line["loss"]
    return lines


def show(found: dict[str, Any]) -> None:
    """Print one table."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=132)
    title = f"{found['part']}: {found['approach']}, {found['data']}"
    if "first_step" in found:
        value = statistics.median(found["first_step"])
        spread = f"{min(found['first_step']):.1f} to {max(found['first_step']):.1f}"
        console.print(f"{title}: {value:.1f} s to the end of the first step ({spread})")
        return
    title += f", {found['rows']:,} rows, {found['tokens']:,} tokens, longest {found['longest']}; "
    title += f"padding {found['padding']:.1%}, in a random order {found['padding_drawn']:.1%}"
    names = ("side", "tokens/s", "least", "most", "a processor s", "MiB", "loss", "steps")
    table = Table(*names, "ours: speed", "processor", "memory", "loss", title=title)
    for line in found["summary"]:
        keys = ("tokens_per_second", "least", "most", "per_processor_second")
        figures = [f"{line[key]:,.0f}" for key in keys]
        figures += [f"{line['memory_bytes'] / MIB:,.0f}", f"{line['loss']:.4f}", str(line["steps"])]
        against = ("ours_faster", "ours_faster_processor", "ours_memory", "ours_loss")
        figures += [f"{line[key]:.3f}x" if key in line else "" for key in against]
        table.add_row(line["side"], *figures)
    console.print(table)


def asked() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Text tuning beside a bare TRL script.")
    parser.add_argument("--part", nargs="+", choices=["a", "b", "c"], default=["a", "b", "c"])
    parser.add_argument("--approach", nargs="+", default=["lora", "full_sft"])
    parser.add_argument("--model", default="bundled", help="a folder")
    parser.add_argument(
        "--made", choices=["tiny", "0.4B", "1.1B", "3.4B"], help="a Llama made up here"
    )
    parser.add_argument("--data", type=Path, help="rows with answers")
    parser.add_argument("--rows", type=int, default=800)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--learning-rate", type=float, help="the product's own unless given")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", help="of each side; as many as there are cores unless given")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> None:
    """Measure, print tables, write JSON after each of them."""
    options = asked()
    if options.threads:
        THREADS["OMP_NUM_THREADS"] = options.threads
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as made:
        if options.made:
            options.model = side({"made": options.made, "place": made}, "make")["model"]
        for part in options.part:
            against = ["ours", "bare"] if part == "a" else ["ours", "defaults", "defaults_kept"]
            for approach in options.approach if part != "c" else ["lora"]:
                if part == "c":
                    found = first_step(options)
                else:
                    found = beside(options, part, approach, against)
                    found["summary"] = summary(found)
                show(found)
                results.append(found)
                if options.json:
                    options.json.write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    main()
