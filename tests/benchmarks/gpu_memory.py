"""Memory of text tuning on a GPU: what it takes, beside what was forecast before the first step.

    python tests/benchmarks/gpu_memory.py [--at-once N] [--json FILE] [--tiny]

Each setup is a process of its own: a Llama with random weights of that shape is tuned by the
approach users have, a few steps on rows of one length, and ``torch.cuda.max_memory_allocated`` at
the end stands beside the arithmetic. ``--tiny`` tries the script itself, without a GPU too.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
GIB = 2**30
STEPS = 4


class Shape(NamedTuple):
    """Of a Llama."""

    name: str
    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int = 32_000


TINY = Shape("tiny", 64, 176, 2, 4, 2, 5_000)
SMOL = Shape("0.4B", 1024, 2816, 24, 16, 16)
TINYLLAMA = Shape("1.1B", 2048, 5632, 22, 32, 4)
OPEN_3B = Shape("3.4B", 3200, 8640, 26, 32, 32)
SETUPS = [  # shape, approach, rows of a step, tokens of a row, settings
    (SMOL, "full_sft", 8, 512, {}),
    (SMOL, "adapters", 8, 512, {}),
    (TINYLLAMA, "lora", 8, 512, {}),
    (TINYLLAMA, "lora", 4, 2048, {"checkpointing": True}),
    (TINYLLAMA, "qlora", 8, 512, {}),
    (TINYLLAMA, "full_sft", 4, 512, {"checkpointing": True}),
    (TINYLLAMA, "full_sft", 4, 512, {"optimizer": "adamw_8bit"}),
    (OPEN_3B, "lora", 4, 512, {}),
    (OPEN_3B, "qlora", 4, 1024, {}),
]


class EnoughError(Exception):
    """The steps are done; what comes after training is of no interest here."""


def one(place: Path, setup: dict[str, Any]) -> dict[str, Any]:
    """Tune a new model and say what memory it took; in a process of its own."""
    import torch

    from runners import _probe
    from runners.base import DataFile, Plan, Progress, find

    shape = Shape(*setup["shape"])
    make(shape, place / "model", setup["tokens"])
    rows = _rows(setup["tokens"], setup["batch"] * STEPS)
    file = DataFile(path=place / "rows.jsonl", sha256="0" * 64, rows=len(rows))
    plan = Plan(
        approach=setup["approach"],
        task="instruction_following",
        base_model=str(place / "model"),
        train=file,
        evaluation=file,
        folder=place,
        settings={"batch": setup["batch"], "epochs": 1, **setup["settings"]},
    )
    found: dict[str, Any] = {}

    def report(progress: Progress) -> None:
        if progress.forecast:
            found["estimated"] = progress.forecast.estimated_bytes
            found["probed"] = progress.forecast.measured_bytes
        if "loss" in progress.values and progress.step and progress.step >= STEPS - 1:
            raise EnoughError

    try:
        find(plan.approach).fit(plan, rows, report)
    except EnoughError:
        found["measured"] = _probe.peak_bytes()
    if torch.cuda.is_available():
        found["reserved"] = torch.cuda.max_memory_reserved()
    return found


def make(shape: Shape, folder: Path, tokens: int) -> None:
    """Write a Llama of a shape, with random weights and the shipped tokenizer."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(ROOT / "runners" / "bundled")
    config = transformers.LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=max(4096, tokens),
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="bfloat16",
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        model = transformers.LlamaForCausalLM(config)
        torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    del model
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _rows(tokens: int, count: int) -> list[Any]:
    """Prose that is about so many tokens long, with its end."""
    import transformers

    from runners.base import Row

    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(ROOT / "runners" / "bundled")
    prose = (ROOT / "runners" / "general" / "prose.txt").read_text("utf-8")
    ids = tokenizer(prose, add_special_tokens=False, verbose=False)["input_ids"]
    room = tokens - 16  # the question, the marks and the end
    parts = [ids[(n * 97) % (len(ids) - room) :][:room] for n in range(count + 8)]
    answers = [tokenizer.decode(part) for part in parts]
    return [Row(id=str(n), input=f"Go on, {n}", target=text) for n, text in enumerate(answers)]


def _in_a_process(setup: dict[str, Any]) -> dict[str, Any]:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "artifact").mkdir()
        command = [sys.executable, __file__, "--one", json.dumps(setup), "--place", place]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    last = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
    found = json.loads(lines[-1]) if done.returncode == 0 and lines else {"failed": last}
    return {**setup, **found, "seconds": round(time.perf_counter() - began)}


def _print(found: dict[str, Any]) -> None:
    extra = " ".join(f"{name}={value}" for name, value in found["settings"].items())
    name = f"{found['shape'][0]} {found['approach']} {found['batch']}x{found['tokens']} {extra}"
    if "measured" not in found:
        print(f"{name:50} failed: {found.get('failed')}", flush=True)
        return
    measured, estimated = found["measured"], found.get("estimated")
    error = f"{estimated / measured - 1:+.1%}" if estimated else "none"
    gib = [f"{(found.get(key) or 0) / GIB:9.2f}" for key in ("measured", "estimated", "reserved")]
    print(f"{name:50}{''.join(gib)}{error:>9}", flush=True)


def main() -> None:
    """Print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(description="Memory on a GPU beside the forecast.")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.place, json.loads(options.one))))
        return
    setups = [(TINY, approach, 4, 64, {}) for approach in ("lora", "qlora", "full_sft", "adapters")]
    keys = ("shape", "approach", "batch", "tokens", "settings")
    asked = [dict(zip(keys, setup, strict=True)) for setup in (setups if options.tiny else SETUPS)]
    print(f"{'GiB':50}{'measured':>9}{'forecast':>9}{'reserved':>9}{'error':>9}", flush=True)
    results: list[dict[str, Any]] = []
    with ThreadPoolExecutor(options.at_once) as pool:
        for found in pool.map(_in_a_process, asked):
            _print(found)
            results.append(found)
            if options.json:
                options.json.write_text(json.dumps(results, indent=1), "utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
