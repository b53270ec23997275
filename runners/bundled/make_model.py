"""Makes the bundled base model with the approach that users have: fixed text, settings and seed.

``python -m runners.bundled.make_model TEXT WORK FOLDER [HELD_OUT]`` trains in ``WORK``, where a run
that was stopped goes on, and writes the model beside the tokenizer in ``FOLDER`` (README.md). With
a held-out text it then says how many bits the model, as written, needs for a byte of that.
"""

import hashlib
import lzma
import os
import sys
import time
from pathlib import Path

from runners.base import DataFile, Plan, Progress, Row, find
from runners.bundled.make_tokenizer import END

SETTINGS = {
    "hidden_size": 256,
    "layers": 4,
    "heads": 4,
    "max_tokens": 512,
    "batch": 64,
    "learning_rate": 4e-3,
    "steps": 10_000,
    "decay": 0.4,
    "compiled": True,
}
SEED = 0


def make(text: Path, work: Path) -> Path:
    """Train on the books of a text, packed with xz; returns the folder of the model."""
    rows = [Row(id=str(number), input=book) for number, book in enumerate(books(text))]
    sha256 = hashlib.sha256(text.read_bytes()).hexdigest()
    file = DataFile(path=text, sha256=sha256, rows=len(rows))
    plan = Plan(
        approach="pretraining",
        task="new_language",
        base_model="bundled",
        train=file,
        evaluation=file,
        folder=work,
        seed=SEED,
        settings=SETTINGS,
    )
    work.mkdir(parents=True, exist_ok=True)
    find(plan.approach).fit(plan, rows, _say)
    return plan.artifact


def books(text: Path) -> list[str]:
    """The documents of a text that is packed with xz."""
    with lzma.open(text, "rt", encoding="utf-8") as stream:
        return [book.strip() for book in stream.read().split(END) if book.strip()]


def publish(model: Path, folder: Path) -> None:
    """Write the weights in half the size, with their configuration; the tokenizer is there."""
    import torch
    from transformers import AutoModelForCausalLM

    trained = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
    trained.generation_config.use_cache = True  # which training left off
    trained.save_pretrained(folder)


def measure(folder: Path, held_out: Path) -> str:
    """Bits per byte of whole books: windows of all the model can read, overlapping by half."""
    from runners import _bits, _causal_lm

    model, tokenizer = _causal_lm.open_model(str(folder))
    found = _bits.bits_per_byte(model, tokenizer, books(held_out))
    return f"{found.value:.4f} bits per byte ({found.bytes:,} bytes, {found.tokens:,} tokens)"


def _say(progress: Progress) -> None:
    values = " ".join(f"{name}={value:.5g}" for name, value in progress.values.items())
    where = f"{progress.step}/{progress.steps}" if progress.steps else ""
    _print(f"{progress.message} {where} {values}".rstrip())


def _print(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def main(text: Path, work: Path, folder: Path, held_out: Path | None = None) -> None:
    """Train, publish, and measure if there is something to measure on."""
    publish(make(text, work), folder)
    if held_out:
        _print(measure(folder, held_out))


if __name__ == "__main__":
    os.environ.setdefault("GOMP_SPINCOUNT", "0")  # read when torch is loaded: waiting costs nothing
    main(*map(Path, sys.argv[1:]))
