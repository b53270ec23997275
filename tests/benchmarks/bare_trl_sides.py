"""One side of ``bare_trl.py``, which starts a process of its own for each.

``prepare`` splits the rows and writes what a bare script needs: rows in the order in which they are
seen, rows held back, and the arguments that the product gives TRL. ``ours`` tunes through the door
that users have; ``bare`` is what a user of TRL would write with the same settings, ``defaults``
with TRL's own, ``defaults_kept`` the same without recomputing activations.
"""

import contextlib
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MADE = {"tiny": "TINY", "0.4B": "SMOL", "1.1B": "TINYLLAMA", "3.4B": "OPEN_3B"}
"""Llamas with random weights of a size, for a machine that has no such model."""
RANK, DROPOUT = 16, 0.05
_SAME = (
    *("num_train_epochs", "learning_rate", "per_device_train_batch_size", "warmup_steps"),
    *("per_device_eval_batch_size", "gradient_accumulation_steps", "weight_decay", "bf16"),
    *("logging_steps", "logging_first_step", "logging_nan_inf_filter", "eval_steps"),
    *("train_sampling_strategy", "save_steps", "save_total_limit", "load_best_model_at_end"),
    *("metric_for_best_model", "dataloader_pin_memory", "seed"),
)
"""Arguments of the product's that a bare script is given too."""


class _EnoughError(Exception):
    """The training is done; what comes after it is of no interest here."""


def _plan(spec: dict[str, Any]) -> Any:
    from runners.base import DataFile, Plan

    folder = Path(spec["place"])
    file = DataFile(path=Path(spec["rows"]), sha256="0" * 64, rows=1)
    settings = {name: spec[name] for name in ("batch", "epochs", "learning_rate") if spec[name]}
    return Plan(
        approach=spec["approach"],
        task="instruction_following",
        base_model=spec["model"],
        train=file,
        evaluation=file,
        folder=folder,
        settings=settings,
        seed=spec["seed"],
    )


def _rows(path: str) -> list[Any]:
    from runners.base import Row

    lines = Path(path).read_text("utf-8").splitlines()
    return [Row.model_validate_json(line) for line in lines]


def prepare(spec: dict[str, Any]) -> dict[str, Any]:
    """Write the files of both sides, and say what is in them."""
    from runners import _causal_lm, _generation, _sft_arguments, _sft_rows, _sft_settings
    from runners.base import find, settings_of, silent

    plan, rows = _plan(spec), _rows(spec["rows"])
    added = plan.approach != "full_sft"
    known = _sft_settings.resolve(plan, len(rows), silent, added=added)
    known["epochs"] = spec["epochs"]
    recipe = _sft_settings.recipe(settings_of(find(plan.approach).Settings, known, plan.approach))
    model, tokenizer = _causal_lm.open_model(spec["model"])
    slices = _sft_rows.prepare(plan, rows, tokenizer, _generation.window_of(model.config), silent)
    lengths = [len(row.ids) for row in slices.train]
    order = _sft_arguments.order(lengths, recipe, plan.seed)
    arguments = _sft_arguments.arguments(plan, slices, recipe).to_dict()
    place = Path(spec["place"])
    _write(place / "train.jsonl", slices.rows)
    _write(place / "ordered.jsonl", [slices.rows[n] for n in order])
    _write(place / "held.jsonl", slices.rows_held_back)
    same = {name: arguments[name] for name in _SAME}
    (place / "arguments.json").write_text(json.dumps(same), "utf-8")
    return {
        "rows": len(slices.train),
        "held_back": len(slices.held_back),
        "tokens": sum(lengths),
        "longest": max(lengths),
        "learning_rate": recipe.learning_rate,
        "padding": _padding(lengths, order, recipe.batch),
        "padding_drawn": _padding(lengths, _drawn(len(lengths)), recipe.batch),
    }


def _drawn(count: int) -> list[int]:
    import random

    places = list(range(count))
    random.Random(0).shuffle(places)
    return places


def _padding(lengths: list[int], order: list[int], batch: int) -> float:
    """Share of what goes through the model that is padding."""
    steps = [[lengths[p] for p in order[n : n + batch]] for n in range(0, len(order), batch)]
    cells = sum(max(step) * len(step) for step in steps)
    return 1 - sum(map(sum, steps)) / cells


def _write(path: Path, rows: list[Any]) -> None:
    path.write_text("".join(row.model_dump_json(exclude_defaults=True) + "\n" for row in rows))


def ours(spec: dict[str, Any]) -> dict[str, Any]:
    """Tune as the product does, up to the end of the training itself."""
    from runners import _sft_trainer
    from runners.base import find, silent

    plan = _plan(spec)
    found: dict[str, Any] = {}
    train = _sft_trainer.train

    def timed(plan: Any, trainer: Any, report: Any) -> None:
        with _measured(found):
            train(plan, trainer, report)
        found.update(_told(trainer, spec["batch"]))
        raise _EnoughError

    _sft_trainer.train = timed
    with contextlib.suppress(_EnoughError):
        find(plan.approach).fit(plan, _rows(spec["rows"]), silent)
    return found


def bare(spec: dict[str, Any], *, defaults: bool = False, kept: bool = False) -> dict[str, Any]:
    """Tune as a short script of a user of TRL does."""
    import torch
    import transformers
    from trl import SFTConfig, SFTTrainer

    place = Path(spec["place"])
    same = json.loads((place / "arguments.json").read_text("utf-8"))
    cuda = torch.cuda.is_available()
    transformers.set_seed(spec["seed"])
    if defaults:
        same = {
            "num_train_epochs": spec["epochs"],
            **{name: same[name] for name in ("learning_rate", "eval_steps", "seed")},
            "per_device_train_batch_size": spec["batch"],
            "per_device_eval_batch_size": spec["batch"],
            **(_checkpointing(on=False) if kept else {}),
        }
        dtype: Any = "float32"  # what TRL takes where it opens the model itself
    else:
        same |= {"save_strategy": "steps", "max_length": None, **_checkpointing(on=False)}
        dtype = "auto" if cuda and spec["approach"] == "lora" else "float32"
    model = transformers.AutoModelForCausalLM.from_pretrained(_folder(spec["model"]), dtype=dtype)
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(place / "checkpoints"),
            eval_strategy="steps",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not cuda,
            completion_only_loss=True,
            **same,
        ),
        processing_class=transformers.AutoTokenizer.from_pretrained(_folder(spec["model"])),
        train_dataset=_pairs(place / ("train.jsonl" if defaults else "ordered.jsonl")),
        eval_dataset=_pairs(place / "held.jsonl"),
        peft_config=_lora() if spec["approach"] == "lora" else None,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    found: dict[str, Any] = {}
    with _measured(found):
        trainer.train()
    return {**found, **_told(trainer, spec["batch"])}


def _checkpointing(*, on: bool) -> dict[str, bool]:
    from runners import _sft_arguments

    return {_sft_arguments.recomputing(): on}


def _lora() -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=DROPOUT,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _pairs(path: Path) -> Any:
    from datasets import Dataset

    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    turns = [
        {
            "prompt": [{"role": "user", "content": row["input"]}],
            "completion": [{"role": "assistant", "content": row["target"]}],
        }
        for row in rows
    ]
    return Dataset.from_list(turns)


def _folder(model: str) -> str:
    from runners import _models

    return str(_models.locate(model))


@contextlib.contextmanager
def _measured(found: dict[str, Any]) -> Iterator[None]:
    """Seconds on the clock and of the processor, and the highest memory up to here."""
    from runners import _probe

    began, busy = time.perf_counter(), _busy()
    yield
    found["wall"] = time.perf_counter() - began
    found["processor"] = _busy() - busy
    found["memory"] = _probe.peak_bytes()


def _busy() -> float:
    times = os.times()
    return times.user + times.system


def _told(trainer: Any, batch: int) -> dict[str, Any]:
    """What the trainer says of itself, and the loss on the rows held back at the end."""
    state = trainer.state
    runtime = next(log["train_runtime"] for log in state.log_history if "train_runtime" in log)
    lengths = [len(ids) for ids in trainer.train_dataset["input_ids"]]
    passes = min(state.global_step * batch / len(lengths), float(trainer.args.num_train_epochs))
    return {
        "seconds": float(runtime),
        "steps": int(state.global_step),
        "tokens": round(sum(lengths) * passes),
        "loss": float(trainer.evaluate()["eval_loss"]),
    }


def make(spec: dict[str, Any]) -> dict[str, Any]:
    """Write a Llama with random weights."""
    from tests.benchmarks import gpu_memory

    gpu_memory.make(getattr(gpu_memory, MADE[spec["made"]]), Path(spec["place"]), 4096)
    return {"model": spec["place"]}


def main() -> None:
    """Do one side, and print what came of it as the last line."""
    from runners import _quiet

    _quiet.settle()
    spec: dict[str, Any] = json.loads(sys.argv[1])
    sides = {
        "make": make,
        "prepare": prepare,
        "ours": ours,
        "bare": bare,
        "defaults": lambda spec: bare(spec, defaults=True),
        "defaults_kept": lambda spec: bare(spec, defaults=True, kept=True),
    }
    for library in ("torch", "transformers", "datasets", "peft", "trl"):
        importlib.import_module(library)
    print(json.dumps(sides[spec["side"]](spec)))


if __name__ == "__main__":
    main()
