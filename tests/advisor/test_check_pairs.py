"""Preference pairs in which length decides; numbers that scipy's own test gives."""

import json
from pathlib import Path

import pytest

from advisor.check import Finding
from advisor.data import read
from advisor.profile import DataProfile, profile

pytest.importorskip("scipy")
PREFERENCE = Path(__file__).parents[3] / "shared" / "data" / "preference"
NEEDS_SHARED = "the optional folder ../shared/data is not there"


def pairs(folder: Path, longer: int, shorter: int) -> DataProfile:
    path = folder / "pairs.jsonl"
    rows = [("a long answer", "short")] * longer + [("short", "a long answer")] * shorter
    lines = (
        json.dumps({"prompt": f"question {n}", "chosen": chosen, "rejected": rejected})
        for n, (chosen, rejected) in enumerate(rows)
    )
    path.write_text("\n".join(lines), "utf-8")
    return profile(read(path))


def found(profiled: DataProfile, code: str) -> list[Finding]:
    return [finding for finding in profiled.findings if finding.code == code]


def test_the_longer_answer_wins_too_often(tmp_path: Path):
    (bias,) = found(pairs(tmp_path, 70, 30), "length_bias")
    assert (bias.severity, bias.count) == ("warning", 70)
    assert "70.0% of 100 pairs" in bias.text
    assert "p < 0.0001" in bias.text or "p = 0.0001" in bias.text


def test_the_shorter_answer_wins_too_often(tmp_path: Path):
    (bias,) = found(pairs(tmp_path, 30, 70), "length_bias")
    assert "the shorter answer is the better one" in bias.text
    assert bias.rows[0] == "pairs:31"


def test_chance_is_no_bias(tmp_path: Path):
    assert found(pairs(tmp_path, 7, 3), "length_bias") == []
    assert found(pairs(tmp_path, 520, 480), "length_bias") == []


def test_answers_that_differ_in_case_or_spacing_alone_are_told(tmp_path: Path):
    path = tmp_path / "pairs.jsonl"
    pair = {"prompt": "Say hello", "chosen": "Hello  there", "rejected": "hello there"}
    path.write_text(json.dumps(pair) + "\n", "utf-8")
    (same,) = found(profile(read(path)), "same_answers")
    assert same.rows == ("pairs:1",)


def test_equal_answers_are_set_aside_when_read_and_told(tmp_path: Path):
    path = tmp_path / "pairs.jsonl"
    rows = [{"prompt": "a", "chosen": "x", "rejected": worse} for worse in ("x", "y", "z")]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    (excluded,) = found(profile(read(path)), "excluded")
    assert "both answers are the same (1)" in excluded.text


@pytest.mark.skipif(not PREFERENCE.exists(), reason=NEEDS_SHARED)
def test_the_odd_pairs_of_hh_rlhf_and_its_bias_are_found():
    profiled = profile(read(PREFERENCE / "hh_rlhf_harmless_base" / "test.jsonl.gz"))
    (odd,) = found(profiled, "odd")
    assert odd.count == 5
    (bias,) = found(profiled, "length_bias")
    assert "55.5% of 2,301 pairs" in bias.text


@pytest.mark.skipif(not PREFERENCE.exists(), reason=NEEDS_SHARED)
def test_the_boolean_answers_and_the_length_bias_of_pandalm_are_found():
    profiled = profile(read(PREFERENCE / "pandalm_testset" / "testset-v1.json"))
    (excluded,) = found(profiled, "excluded")
    assert "the answer `response1` is a boolean (4)" in excluded.text
    assert "the answer `response2` is a boolean (2)" in excluded.text
    (bias,) = found(profiled, "length_bias")
    assert (bias.severity, bias.count) == ("warning", 598)
