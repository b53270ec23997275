"""From a row of published measurements to the setup that was measured.

Nothing here is about one row: what a row's columns say decides, and a row that leaves a setting
unsaid is skipped with the reason. Columns: see the head of the table.
"""

import csv
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml

from rules.model_shape import ModelShape
from rules.setup import ALL_LINEAR, ATTENTION_TARGETS, Setup

GIB, GB = 2**30, 10**9
_SHAPES = Path(__file__).with_name("memory_shapes.yaml")
_PRECISIONS = {
    "bf16": "bf16",
    "bfloat16": "bf16",
    "fp16": "fp16",
    "float16": "fp16",
    "fp32": "fp32",
}
_NEEDED = ("metric", "set", "model", "method", "weights_dtype", "micro_batch", "seq_len", "peak_gb",
           "unit")  # fmt: skip
_WAYS = {"full": "full", "lora": "lora", "qlora": "qlora", "inference": "inference"}
_LETTERS = {f"{name}_proj": name for name in ALL_LINEAR}


@dataclass(frozen=True)
class Case:
    """A measured peak and the setup it was measured with."""

    name: str
    set: str
    setup: Setup
    measured: float
    """Bytes."""
    reserved: bool
    """Whether the measurement is of the allocator's or the process's memory, not of tensors."""
    process: bool
    """Whether the CUDA context is in it."""


class UnclearError(Exception):
    """The row does not say what ran."""


def read(path: Path) -> tuple[list[Case], list[tuple[str, str]]]:
    """Every row as a case, or its name with the reason why it is none."""
    cases: list[Case] = []
    skipped: list[tuple[str, str]] = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                cases.append(_case(row))
            except UnclearError as reason:
                skipped.append((row["id"], str(reason)))
    return cases, skipped


def _case(row: dict[str, str]) -> Case:
    empty = [name for name in _NEEDED if not row.get(name)]
    if empty:
        raise UnclearError(f"not stated: {', '.join(empty)}")
    kind = _metric(row["metric"])
    if row["set"].endswith("-bad"):
        raise UnclearError(row["notes"] or "the published number contradicts its own settings")
    return Case(
        name=row["id"],
        set=row["set"],
        setup=_setup(row),
        measured=_number(row, "peak_gb") * _unit(row["unit"]),
        reserved=kind[0],
        process=kind[1],
    )


def _unit(unit: str) -> int:
    sizes = {"gib": GIB, "gb": GB, "mib": 2**20, "mb": 10**6}
    if unit.lower() not in sizes:
        raise UnclearError(f"the unit is not stated: {unit}")
    return sizes[unit.lower()]


def _number(row: dict[str, str], column: str) -> float:
    """A column's number; one that is a range, a sum or a word says less than that."""
    try:
        found = float(row[column])
    except ValueError:
        raise UnclearError(f"{column} is no number: {row[column]}") from None
    if not found > 0:
        raise UnclearError(f"{column} is no size: {row[column]}")
    return found


def _precision(text: str) -> str:
    found = next(
        (kind for word, kind in _PRECISIONS.items() if text.lower().startswith(word)), None
    )
    if found is None:
        raise UnclearError(f"no estimate for weights in {text!r}")
    return found


def _metric(metric: str) -> tuple[bool, bool]:
    """Whether fragments count, and whether the CUDA context does."""
    if "estimate" in metric.lower() or "fits" in metric or "per GPU" in metric:
        raise UnclearError(f"what was measured is not one GPU's peak: {metric}")
    if "reserved" in metric:
        return True, False
    if "nvidia-smi peak" in metric or metric.startswith("VRAM (rounded, tool"):
        return True, True
    if "allocated" in metric or metric.lower().startswith("peak"):
        return False, False
    raise UnclearError(f"what was measured is not one GPU's peak: {metric}")


def _setup(row: dict[str, str]) -> Setup:
    way = _WAYS.get(row["method"])
    if way is None:
        raise UnclearError(f"no estimate for the method {row['method']!r}")
    setup = Setup(
        shape=shape(row["model"]),
        way=way,  # type: ignore[arg-type]
        tokens=_tokens(row["seq_len"]),
        batch=int(_number(row, "micro_batch")),
        precision=_precision(row["weights_dtype"]),  # type: ignore[arg-type]
        quantisation=_quantisation(row["quant"]),  # type: ignore[arg-type]
        upcast=_upcast(row),
        autocast="amp=yes" in row["other"],
        rank=int(_number(row, "lora_r")) if row["lora_r"] else 1,
        targets=_targets(row["lora_targets"]),
        checkpointing=row["grad_checkpointing"].startswith(("yes", "unsloth")),
        attention=_attention(row["attn_impl"]),  # type: ignore[arg-type]
        optimizer=_optimizer(row["optimizer"]),  # type: ignore[arg-type]
        accumulation=4 if "grad accum 4" in row["other"] else 1,
        stack=_stack(row),
    )
    return _by_stack(setup)


def _by_stack(setup: Setup) -> Setup:
    """What a stack does whether or not a row says so."""
    if setup.stack.startswith("litgpt") and setup.way in ("lora", "qlora"):
        # bf16-true holds adapters in bf16 too; lora_dropout is 0.05 unless a config says otherwise
        return replace(setup, adapter_precision="bf16", adapter_dropout=True)
    if setup.stack == "torchtune" and setup.way in ("lora", "qlora"):
        return replace(setup, adapter_precision="bf16")
    return setup


@cache
def _table() -> dict[str, dict[str, object]]:
    return yaml.safe_load(_SHAPES.read_text("utf-8"))


def shape(model: str) -> ModelShape:
    """The shape of the longest known name that this one contains."""
    plain = model.lower().replace(" ", "-").replace("meta-", "")
    plain = re.sub(r"(llama|phi|gemma)(?=\d)", r"\1-", plain)
    spellings = {key.replace(" ", "-"): key for key in _table()}
    found = [key for key in spellings if key in plain]
    if not found:
        raise UnclearError(f"the shape of {model} is not known")
    entry = dict(_table()[spellings[max(found, key=len)]])
    layers, hidden, heads, kv_heads, intermediate, vocabulary = entry.pop("counts")  # type: ignore[misc]
    entry = {"architecture": "llama", "head_dim": hidden // heads, "tied": False, **entry}
    return ModelShape(
        name=model,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        intermediate=intermediate,
        vocabulary=vocabulary,
        **entry,
    )


def _tokens(text: str) -> int:
    found = re.match(r"(?:<=|~)?\s*(\d+)", text)
    if not found:
        raise UnclearError(f"the length is not stated: {text or 'empty'}")
    return int(found[1])  # of a cap or an approximation: the number that the row gives


def _quantisation(text: str) -> str | None:
    if not text:
        return None
    if "GPTQ" in text:
        return "gptq4"
    if "no double quant" in text:
        return "nf4"
    double = "double" in text or "-dq" in text or " dq" in text
    if "nf4" in text or "4bit" in text:
        return "nf4-double" if double else "nf4"
    raise UnclearError(f"no estimate for the quantisation {text!r}")


def _upcast(row: dict[str, str]) -> bool:
    """PEFT's own preparation for 4-bit training; the accelerated plugins leave it out."""
    return "prepare_model_for_kbit_training" in row["quant"] or "baseline-peft" in row["other"]


def _targets(text: str) -> tuple[str, ...]:
    if text.startswith("all"):
        return ALL_LINEAR
    names = tuple(_LETTERS.get(name.strip(), name.strip()) for name in text.split(",") if name)
    unknown = set(names) - {*ALL_LINEAR, "head"}
    if unknown:
        raise UnclearError(f"adapted modules without an estimate: {', '.join(sorted(unknown))}")
    return names or ATTENTION_TARGETS


def _attention(text: str) -> str:
    if text == "eager":
        return "eager"
    return "flash" if "flash" in text or "FA2" in text else "sdpa"


def _optimizer(text: str) -> str:
    low = text.lower()
    if "backward" in low or "in_bwd" in low or "in bwd" in low:
        if "paged" in low:
            return "paged_8bit_in_backward"
        return "adamw_8bit_in_backward" if "8bit" in low or "8-bit" in low else "adamw_in_backward"
    if low.startswith("paged"):  # of adapters nothing is large enough to be paged
        return "paged_8bit"
    if "8bit" in low or "8-bit" in low or "pagedadamw8" in low:
        return "adamw_8bit"
    if "fused" in low:
        return "adamw_fused"
    if "foreach" in low or low in ("adamw", "") or "torch adamw" in low or "bf16-true" in low:
        return "adamw_foreach"
    raise UnclearError(f"no estimate for the optimizer {text!r}")


_STACK_WORDS = (
    ("liger", "liger"),
    ("longest sample first", "litgpt-longest-first"),
    ("litgpt", "litgpt"),
    ("config_hub", "litgpt"),
    ("torchtune", "torchtune"),
    ("hugging face", "transformers"),
    ("unsloth", "unsloth"),
    ("keeps outputs", "transformers-held"),
)


def _stack(row: dict[str, str]) -> str:
    said = f"{row['set']} {row['other']} {row['attn_impl']}".lower()
    named = next((stack for word, stack in _STACK_WORDS if word in said), None)
    if named or "fms-hf-tuning" not in said:
        return named or "transformers"
    version = "4.45" if "transformers 4.45" in said else "4.48"
    return f"{'fast-kernels' if 'foak' in said else 'transformers'}-{version}"
