"""Estimated against published peaks, beside accelerate's formula.

    python tests/benchmarks/memory.py [--cases FILE] [--exact] [--json]

Each row of the table becomes a setup (``memory_rows.py``: no constant is about one row) and its
estimate is compared with what was measured. Where a set gives the allocated peak, that is what is
compared; rows of reserved memory or nvidia-smi are compared with the typical one, in sets of their
own. Errors are shares: 0.05 is 5 % too much.
"""

import argparse
import json
import math
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory_rows import Case, read

from rules import memory
from rules.memory import estimate, typical_reserved
from rules.setup import Setup

CASES = Path(__file__).parents[3] / "shared" / "knowledge" / "memory_cases.csv"
HF_STACK = ("fitcheck", "fms", "fms-foak", "fms-liger")
_TRACED = "fitcheck"
"""The rows whose stack can be traced: the installed libraries, a plain loop."""


@dataclass(frozen=True)
class Score:
    """The errors of one set."""

    n: int
    median: float
    p90: float
    worst: float
    under_10_share: float


def score(errors: Sequence[float]) -> Score:
    """Median and 90th percentile of the absolute error, the worst with its sign."""
    sizes = sorted(abs(error) for error in errors)
    return Score(
        n=len(sizes),
        median=statistics.median(sizes),
        p90=sizes[math.ceil(0.9 * len(sizes)) - 1],
        worst=max(errors, key=abs),
        under_10_share=sum(error < -0.1 for error in errors) / len(errors),
    )


def closed_form(case: Case) -> float:
    """Our estimate of what was measured, in bytes."""
    found = estimate(case.setup)
    if not case.reserved:
        return found.allocated
    reserved = typical_reserved(case.setup, found.allocated)
    return reserved + (found.context if case.process else 0)


def accelerate(case: Case) -> float:
    """``accelerate estimate-memory``, training with Adam: 8 bytes a weight, 16 in fp32.

    For 4 and 8 bits it gives the size of the model only.
    """
    setup = case.setup
    fp32 = setup.shape.parameters * 4
    if setup.quantisation:
        return fp32 / (4 if setup.quantisation == "int8" else 8)
    if setup.way == "inference":
        return fp32 * (1 if setup.precision == "fp32" else 0.5)
    return fp32 * (4 if setup.precision == "fp32" else 2)


def traced(case: Case) -> float:
    """Exact mode: the real step, traced without weights."""
    from runners import _trace

    return _trace.trace(case.setup, config_of(case.setup)).allocated


def config_of(setup: Setup) -> dict[str, Any]:
    """A config.json for the measured model: plain transformers of the Llama family."""
    shape = setup.shape
    return {
        "model_type": shape.architecture,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "intermediate_size": shape.intermediate,
        "vocab_size": shape.vocabulary,
        "tie_word_embeddings": shape.tied,
        "max_position_embeddings": 32768,
    }


def errors(cases: Sequence[Case], method: Callable[[Case], float]) -> dict[str, list[float]]:
    """The errors of each set; reserved rows of a set with allocated ones are kept apart."""
    allocated = {case.set for case in cases if not case.reserved}
    found: dict[str, list[float]] = defaultdict(list)
    for case in cases:
        apart = case.reserved and case.set in allocated
        name = f"{case.set} (reserved)" if apart else case.set
        found[name].append(method(case) / case.measured - 1)
    return dict(found)


def report(cases: Sequence[Case], method: Callable[[Case], float]) -> dict[str, Any]:
    """Scores of each set, of the Hugging Face stack, and of every allocated peak."""
    by_set = errors(cases, method)
    peaks = {case.set for case in cases if not case.reserved}
    stack = [error for name in HF_STACK for error in by_set.get(name, [])]
    known = [case for case in cases if case.set in HF_STACK and not case.reserved]
    profiled = [c for c in known if c.setup.shape.architecture in memory.PROFILED]
    groups = {
        "overall": [error for name in peaks for error in by_set[name]],
        "hf_stack": stack,
        "hf_stack_profiled": [method(case) / case.measured - 1 for case in profiled],
    }
    sets = {name: vars(score(found)) for name, found in sorted(by_set.items())}
    return {"sets": sets} | {name: vars(score(found)) for name, found in groups.items() if found}


def microseconds(cases: Sequence[Case]) -> float:
    """The processor's time for one estimate, over all setups."""
    started = time.process_time()
    for _ in range(20):
        for case in cases:
            estimate(case.setup)
    return (time.process_time() - started) / 20 / len(cases) * 1e6


def _print(title: str, found: dict[str, Any]) -> None:
    print(f"\n{title}\n{'set':26}{'n':>5}{'median':>9}{'p90':>9}{'worst':>9}{'under 10 %':>12}")
    rows = {
        name: found[name] for name in ("hf_stack_profiled", "hf_stack", "overall") if name in found
    }
    for name, row in {**found["sets"], **rows}.items():
        near = f"{row['median']:9.2%}{row['p90']:9.2%}{row['worst']:+9.1%}"
        print(f"{name:26}{row['n']:5}{near}{row['under_10_share']:12.1%}")


def main() -> None:
    """Print every table, or all of it as JSON."""
    parser = argparse.ArgumentParser(description="Estimated against published peaks.")
    parser.add_argument("--cases", type=Path, default=CASES)
    parser.add_argument(
        "--exact", action="store_true", help="trace the rows of the installed stack"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.cases.is_file():
        parser.error(f"--cases: no file {options.cases}")
    cases, skipped = read(options.cases)
    result = report(cases, closed_form)
    result["accelerate"] = report(cases, accelerate)
    result["microseconds_per_estimate"] = microseconds(cases)
    result["skipped"] = [{"id": name, "reason": reason} for name, reason in skipped]
    if options.exact:
        chosen = [case for case in cases if case.set == _TRACED and not case.reserved]
        started = time.perf_counter()
        result["exact"] = report(chosen, traced)
        result["seconds_per_trace"] = (time.perf_counter() - started) / max(1, len(chosen))
    if options.json:
        print(json.dumps(result, indent=1))
        return
    _print("closed form", result)
    _print("accelerate estimate-memory", result["accelerate"])
    if options.exact:
        _print(f"exact mode, {result['seconds_per_trace']:.1f} s a trace", result["exact"])
    print(f"\none estimate: {result['microseconds_per_estimate']:.0f} microseconds")
    print(f"skipped: {len(skipped)} rows")
    for reason, rows in Counter(reason for _, reason in skipped).most_common():
        print(f"{rows:5}  {reason}")


if __name__ == "__main__":
    main()
