"""The closed form against published peaks, where the table of measurements is at hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "memory.py"
CASES = Path(__file__).parents[3] / "shared" / "knowledge" / "memory_cases.csv"


pytestmark = pytest.mark.skipif(not CASES.is_file(), reason=f"no measured peaks at {CASES}")


@pytest.fixture(scope="module")
def found():
    command = [sys.executable, str(BENCHMARK), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def test_profiled_stacks_are_right_to_a_few_percent_and_never_far_under(found):
    stack = found["hf_stack_profiled"]
    assert stack["n"] > 90
    assert stack["median"] < 0.01
    assert stack["p90"] < 0.04
    assert stack["under_10_share"] == 0


def test_other_stacks_are_right_to_about_a_tenth(found):
    for name in ("litgpt", "litgpt-cfg", "litgpt-infer"):
        assert found["sets"][name]["median"] < 0.06


def test_a_row_that_says_no_number_is_left_out_with_the_reason(tmp_path):
    head, row, *_ = CASES.read_text("utf-8").splitlines()
    broken = [
        row.replace(",fp16,", ",fp13,"),
        row.replace(",GiB,", ",stone,"),
        row.replace(",7.2322,", ",7-8,"),
        row.replace(",7.2322,", ",,"),
        row.replace(",7.2322,", ",nan,"),
    ]
    assert all(each != row for each in broken)
    file = tmp_path / "cases.csv"
    file.write_text("\n".join([head, row, *broken]), "utf-8")
    command = [sys.executable, str(BENCHMARK), "--json", "--cases", str(file)]
    done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert done["overall"]["n"] == 1
    said = " ".join(each["reason"] for each in done["skipped"])
    for part in ("'fp13'", "stone", "7-8", "not stated: peak_gb", "nan"):
        assert part in said


def test_no_row_is_left_out_without_a_reason(found):
    assert all(row["id"] and row["reason"] for row in found["skipped"])
    rows = CASES.read_text("utf-8").count("\n") - 1
    assert sum(each["n"] for each in found["sets"].values()) + len(found["skipped"]) >= rows - 1
