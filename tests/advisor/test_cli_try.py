"""Runs answer side by side with their base; a metric of one's own is measured and compared by."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("torch")

THINGS = ("door", "house", "horse", "hat", "coat", "ship", "stone", "flower")
METRIC = """
def told(prediction, references):
    return max(float(prediction[:3] == r[:3]) + len(prediction) / 1000 for r in references)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """32 questions to learn from and 8 to measure on, with the metric's file beside them."""
    folder = tmp_path_factory.mktemp("rows")
    for name, numbers in (("train", "1234"), ("evaluation", "5")):
        made = [
            {"instruction": f"{n} {thing}", "output": f"It is a {thing}."}
            for thing in THINGS
            for n in numbers
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
    (folder / "mine.py").write_text(METRIC)
    return folder


@pytest.fixture(scope="module")
def done(rows, writing_model, tmp_path_factory):
    """A folder of runs: full tuning and LoRA, measured by a function of the user's; LoRA again."""
    runs = tmp_path_factory.mktemp("runs")
    command = [sys.executable, "-c", "from advisor.cli import main; main()", "run", "--json"]
    command += ["--data", rows / "train.jsonl", "--evaluation", rows / "evaluation.jsonl"]
    command += ["--base-model", writing_model, "--runs", runs, "--setting", "epochs=30"]
    command += ["--setting", "learning_rate=0.01"]
    ours = ["--approach", "full_sft", "--approach", "lora", "--metric-function", "mine:told"]
    for more in (ours, ["--approach", "lora", "--setting", "rank=24"]):
        made = subprocess.run(
            [str(part) for part in [*command, *more]],
            capture_output=True,
            text=True,
            cwd=rows,
            env={**os.environ},
            timeout=500,
        )
        assert made.returncode == 0, made.stderr
    return runs


RUNS = ("full_sft-0001", "lora-0001", "lora-0002")


def test_several_runs_answer_side_by_side_with_their_base(done, whichtune):
    code, out, err = whichtune("try", *RUNS, "6 door", "lora-0001", "--runs", done)
    assert code == 0, err
    first, second = out.strip().split("\n\n")
    for block, text in ((first, "6 door"), (second, "lora-0001")):  # after a text, all are texts
        head, *lines = block.splitlines()
        assert head == text
        assert [line.split()[0] for line in lines if line[0] != " "] == [*RUNS, "base"]
    assert max(len(line) for line in out.splitlines()) <= 80


def test_each_answers_as_it_does_alone(done, whichtune):
    code, out, _ = whichtune("try", *RUNS, "--text", "6 door", "--json", "--runs", done)
    assert code == 0
    found = json.loads(out)
    assert (found["run"], found["answers"]) == (RUNS[0], found["columns"][0]["answers"])
    assert [(column["name"], column["base"]) for column in found["columns"]] == [
        *((name, False) for name in RUNS),
        ("base", True),
    ]
    said = {column["name"]: column["answers"][0]["prediction"] for column in found["columns"]}
    for name in RUNS:
        _, out, _ = whichtune("try", name, "--json", "--runs", done, stdin="6 door\n\n")
        (answer,) = json.loads(out)["answers"]
        assert answer["id"] == "6 door"
        assert answer["prediction"] == said[name]
    assert said["base"] not in {said[name] for name in RUNS}


def test_one_run_prints_its_answers_alone_unless_its_base_is_wanted(done, whichtune):
    _, out, _ = whichtune("try", "lora-0001", "6 door", "7 hat", "--runs", done)
    assert len(out.splitlines()) == 2
    assert "lora-0001" not in out
    _, out, _ = whichtune("try", "lora-0001", "6 door", "--base", "--runs", done)
    assert "lora-0001" in out
    assert "\nbase" in out
    _, out, _ = whichtune("try", "lora-0001", "lora-0002", "6 door", "--no-base", "--runs", done)
    assert "\nbase" not in out


@pytest.mark.parametrize("wrong", ["lora-0003", "lroa-0001"])
def test_a_name_of_no_run_is_refused_with_the_nearest(done, whichtune, wrong):
    code, _, err = whichtune("try", "lora-0001", wrong, "6 door", "--runs", done)
    assert code == 2
    assert f"no run {wrong!r}" in err
    assert "did you mean 'lora-000" in err
    assert f"--text {wrong}" in err
    code, _, err = whichtune("try", wrong, "6 door", "--runs", done)
    assert (code, "did you mean" in err) == (2, True)


@pytest.mark.parametrize("text", ["covid-2019", "door", "x" * 5000, "a\0b", "4 door"])
def test_what_looks_like_no_run_is_a_text(done, whichtune, text):
    code, out, err = whichtune("try", "lora-0001", text, "--json", "--runs", done)
    assert code == 0, err
    assert json.loads(out)["answers"][0]["id"] == text


def test_a_run_may_be_named_by_its_folder_and_twice(done, whichtune):
    paths = [done / "lora-0001", "lora-0001", done / "lora-0002"]
    code, out, _ = whichtune("try", *paths, "6 door", "--json", "--runs", done)
    assert code == 0
    names = [column["name"] for column in json.loads(out)["columns"]]
    assert names == ["lora-0001", "lora-0002", "base"]


def test_runs_are_compared_by_a_metric_of_ones_own(done, whichtune):
    names = ("full_sft-0001", "lora-0001")
    code, out, err = whichtune("compare", *names, "--metric", "told", "--json", "--runs", done)
    assert code == 0, err
    found = json.loads(out)["comparison"]
    assert found["metric"] == "told"
    lines = {line["name"]: line for line in found["lines"]}
    assert set(lines) == {*names, "copied", "untouched"}
    assert all(line["value"] == line["metrics"]["told"] for line in lines.values())
    assert lines["full_sft-0001"]["value"]["value"] > 1
    assert lines["copied"]["value"]["value"] < 0.1
    assert lines["lora-0001"]["forgot"] is not None
    assert lines["untouched"]["forgot"] is None
    _, out, _ = whichtune("compare", *names, "--metric", "told", "--runs", done)
    assert "told, 95 %" in out
    assert "forgot" in out
    _, out, _ = whichtune("compare", *names, "--runs", done)
    assert "chrF, 95 %" in out
    assert " told " in out  # as the second number
    _, out, _ = whichtune("show", "lora-0001", "--runs", done)
    assert "told 1.0" in out


def test_runs_without_it_are_measured_by_it_afterwards(done, rows, whichtune, monkeypatch):
    code, _, err = whichtune("compare", *RUNS, "--metric", "told", "--runs", done)
    assert (code, "not all of these runs have told" in err) == (2, True)
    monkeypatch.chdir(rows)
    code, out, err = whichtune(
        *("compare", *RUNS, "--metric-function", "mine:told", "--json", "--runs", done)
    )
    assert code == 0, err
    found = json.loads(out)["comparison"]
    assert found["metric"] == "told"
    assert all(line["metrics"]["told"] == line["value"] for line in found["lines"])
    assert {line["name"] for line in found["lines"]} == {*RUNS, "copied", "untouched"}
    _, out, _ = whichtune("compare", RUNS[0], RUNS[1], "--metric", "told", "--json", "--runs", done)
    before = {line["name"]: line["value"] for line in json.loads(out)["comparison"]["lines"]}
    after = {line["name"]: line["value"] for line in found["lines"]}
    assert before == {name: after[name] for name in before}


def planned(whichtune, folder, *more):
    arguments = ("--approach", "zero_shot", "--metric-function", "mine:told", *more)
    return whichtune("plan", *arguments, "--runs", folder)


def test_a_planned_metric_is_not_run_from_a_file_that_changed(
    rows, whichtune, monkeypatch, tmp_path
):
    (tmp_path / "mine.py").write_text(METRIC)
    monkeypatch.chdir(tmp_path)
    data = ("--data", rows / "train.jsonl", "--evaluation", rows / "evaluation.jsonl")
    code, _, err = planned(whichtune, tmp_path / "runs", *data)
    assert code == 0, err
    plan = (tmp_path / "runs" / "zero_shot-0001" / "plan.yaml").read_text()
    assert "call: mine:told" in plan
    assert "sha256" in plan
    (tmp_path / "mine.py").write_text("def told(p, r): return 1")
    code, _, err = whichtune("run", "zero_shot-0001", "--runs", tmp_path / "runs")
    assert code == 2
    assert "mine.py of --metric-function was changed" in err


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"text": "text of {n}", "label": "one"}, "a label is right or wrong"),
        ({"text": "Once upon a time there were {n} ships in the bay."}, "raw text has no right"),
    ],
)
def test_a_metric_of_texts_is_refused_for_other_rows(row, what, whichtune, monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text(METRIC)
    monkeypatch.chdir(tmp_path)
    lines = [json.dumps(row).replace("{n}", str(n)) for n in range(30)]
    lines = [line.replace("one", "two") if n % 2 else line for n, line in enumerate(lines)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    code, _, err = planned(whichtune, tmp_path / "runs", "--data", "rows.jsonl")
    assert code == 2
    assert what in err
    assert "--metric-function" in err
    assert not list((tmp_path / "runs").glob("zero_shot-*"))


def test_a_metric_that_fails_on_a_right_answer_makes_no_run(rows, whichtune, monkeypatch, tmp_path):
    (tmp_path / "mine.py").write_text("def told(p, r):\n    print('news')\n    return r[0][999]")
    monkeypatch.chdir(tmp_path)
    code, out, err = planned(whichtune, tmp_path / "runs", "--data", rows / "train.jsonl")
    assert code == 2
    assert "told raised IndexError: string index out of range, on row" in err
    assert "Traceback" not in err
    assert out == ""
    assert not list((tmp_path / "runs").glob("zero_shot-*"))
