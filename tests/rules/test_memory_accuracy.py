"""The closed form against published peaks, where the table of measurements is at hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "memory.py"
CASES = Path(__file__).parents[3] / "shared" / "knowledge" / "memory_cases.csv"


@pytest.fixture(scope="module")
def found():
    if not CASES.is_file():
        pytest.skip(f"no table of measured peaks at {CASES}")
    command = [sys.executable, str(BENCHMARK), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def test_profiled_stacks_are_right_to_a_few_percent_and_never_far_under(found):
    stack = found["hf_stack_profiled"]
    assert stack["n"] > 90
    assert stack["median"] < 0.01
    assert stack["p90"] < 0.04
    assert stack["under_10_share"] == 0


def test_other_stacks_are_right_to_about_a_tenth(found):
    assert found["sets"]["litgpt"]["median"] < 0.12


def test_no_row_is_left_out_without_a_reason(found):
    assert all(row["id"] and row["reason"] for row in found["skipped"])
    rows = CASES.read_text("utf-8").count("\n") - 1
    assert sum(each["n"] for each in found["sets"].values()) + len(found["skipped"]) >= rows - 1
