"""Preference pairs in which length decides; numbers that scipy's own test gives."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from advisor.check import Finding
from advisor.data import read
from advisor.examination import Asked, examine
from advisor.profile import DataProfile, profile
from rules.errors import DataError
from runners import _forgetting

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
    assert (bias.severity, bias.count) == ("warning", 547)
    (empty,) = found(profiled, "empty_rejected")
    assert empty.count == 51


def looked(folder: Path, rows: Sequence[object]) -> DataProfile:
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", "utf-8")
    return profile(read(path))


def test_the_share_of_longer_winners_has_an_interval(tmp_path: Path):
    (bias,) = found(pairs(tmp_path, 70, 30), "length_bias")
    assert "95 % 60.4% to 78.1%" in bias.text  # Wilson 1927, as in any table


def test_an_empty_worse_answer_is_told_and_an_empty_better_one_left_out(tmp_path: Path):
    rows = [
        {"prompt": f"ask {n}", "chosen": better, "rejected": worse}
        for n, (better, worse) in enumerate([("x", ""), ("", "y"), ("x", None), ("x", "y")])
    ]
    profiled = looked(tmp_path, rows)
    (empty,) = found(profiled, "empty_rejected")
    assert empty.rows == ("pairs:1", "pairs:3")
    (excluded,) = found(profiled, "excluded")
    assert "no better answer (1)" in excluded.text


def test_a_pair_that_another_one_contradicts_is_told(tmp_path: Path):
    rows = [("one", "x", "y"), ("two", "x", "y"), ("One ", "Y", "x"), ("two", "y", "z")]
    profiled = looked(tmp_path, [{"prompt": p, "chosen": c, "rejected": r} for p, c, r in rows])
    (told,) = found(profiled, "contradicting_pairs")
    assert told.rows == ("pairs:1", "pairs:3")


def test_fewer_pairs_than_the_floor_are_told_and_repeats_do_not_count(tmp_path: Path):
    rows = [
        {"prompt": f"ask {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(499)
    ]
    (few,) = found(looked(tmp_path, [*rows, *rows[:9]]), "few_pairs")
    assert few.count == 499
    assert "fewer than 500" in few.text
    assert "docs/evidence.md" in few.text
    rows.append({"prompt": "ask 499", "chosen": "good", "rejected": "bad"})
    assert not found(looked(tmp_path, rows), "few_pairs")


def test_one_rater_alone_is_told_where_it_is_known(tmp_path: Path):
    rows = [{"prompt": f"ask {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(4)]
    assert not found(looked(tmp_path, rows), "one_rater")
    rated = [{**row, "raters": raters} for row, raters in zip(rows, (1, 2, 1, 3), strict=True)]
    (alone,) = found(looked(tmp_path, rated), "one_rater")
    assert "rated by one person alone: 2 of 4" in alone.text
    assert not found(looked(tmp_path, [{**row, "raters": 2} for row in rows]), "one_rater")
    judged = [
        {"prompt": f"ask {n}", "answer_a": "x", "answer_b": "y", "winner": "ab"[n % 2]}
        for n in range(6)
    ]
    (alone,) = found(looked(tmp_path, judged), "one_rater")
    assert "6 of 6" in alone.text


def test_ties_only_say_that_ties_teach_nothing(tmp_path: Path):
    rows = [{"prompt": f"ask {n}", "answer_a": "x", "answer_b": "y", "winner": "tie"} for n in "12"]
    with pytest.raises(DataError, match="a tie: neither answer is the better one") as raised:
        looked(tmp_path, rows)
    assert "ties teach no order" in raised.value.fix


@pytest.mark.parametrize(("thumb", "told"), [(True, "all liked"), (False, "all disliked")])
def test_thumbs_that_all_point_one_way_are_told(tmp_path: Path, thumb: bool, told: str):
    rows = [{"prompt": f"ask {n}", "completion": f"say {n}", "label": thumb} for n in range(5)]
    (one,) = found(looked(tmp_path, rows), "one_thumb")
    assert told in one.text
    rows[0]["label"] = not thumb
    assert not found(looked(tmp_path, rows), "one_thumb")


def test_repeated_and_nearly_repeated_prompts_across_a_split_are_told(tmp_path: Path):
    near = "Please tell me how I can block the card that I have lost in the city"
    for name, prompts in {"train": [near, "Where is the bank?"], "test": [near + " today"]}.items():
        rows = [{"prompt": p, "chosen": f"good {p}", "rejected": "bad"} for p in prompts]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    both = [read(tmp_path / f"{name}.jsonl") for name in ("train", "test")]
    (leak,) = found(profile(*both), "near_leak")
    assert leak.rows == ("train:1",)


SQL = "SELECT a.x, b.y FROM accounts a JOIN users b ON a.id = b.id WHERE b.z > {n};"


def far(folder: Path, answers: Sequence[str], base: str | None = "bundled") -> DataProfile:
    path = folder / "pairs.jsonl"
    rows = [
        {"prompt": "Go on.", "chosen": text, "rejected": f"{n}"} for n, text in enumerate(answers)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return examine(read(path), asked=Asked(base_model=base, embed=False)).profile


def test_answers_that_the_base_model_would_not_give_ask_for_supervised_tuning_first(tmp_path: Path):
    pytest.importorskip("torch")
    (told,) = found(far(tmp_path, [SQL.format(n=n) for n in range(8)]), "far_answers")
    assert told.count == 8
    assert "SFT first" in told.fix
    assert "--kind prompt_completion --input prompt --target chosen" in told.fix
    prose = _forgetting.rows(0)["prose"]
    known = far(tmp_path, [row.input[1000 * n : 1000 * n + 900] for row in prose for n in (1, 2)])
    assert not found(known, "far_answers")


def test_a_base_model_that_nobody_named_is_not_opened(tmp_path: Path):
    pytest.importorskip("torch")
    (left,) = (item for item in far(tmp_path, ["x"], None).skipped if item.check == "far_answers")
    assert "none was named" in left.reason
    assert left.fix == "add --base MODEL"
