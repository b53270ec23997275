"""What a user sees of the advice: verdict, ladder, paragraph, gates, batches, start-up time."""

import json
import subprocess
import sys

import pytest

FACTS = ["--set", "task=classification", "--set", "n_examples=60", "--set", "labels=5"]
FACTS += ["--set", "data_kind=labelled", "--no-machine"]


def test_the_verdict_names_margin_runner_up_flips_and_the_next_question(whichtune):
    code, out, talk = whichtune("advise", *FACTS)
    assert code == 0
    for part in ("Verdict", "Runner-up", "Would change it", "one-fact changes", "Worth answering"):
        assert part in out
    assert "<- recommended" in out
    assert "Next: whichtune run --approach " in talk


def test_what_an_approach_needs_first_is_said_beside_its_command(whichtune, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = ("--set", "task=qa_documents", "--set", "data_kind=documents", "--no-machine")
    code, _, talk = whichtune("advise", *facts)
    assert code == 0
    assert "whichtune run --approach rag --data FILE" in talk
    assert "rag needs something first: there is no index here; make one: whichtune index" in talk


def test_everything_fits_80_columns(whichtune, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for more in ([], ["--details"], ["--ladder"], ["--explain", "lora"]):
        _, out, _ = whichtune("advise", *FACTS, *more)
        assert max(len(line) for line in out.splitlines()) <= 80


def test_the_ladder_has_a_rung_for_each_approach_the_cheapest_at_the_foot(whichtune):
    _, out, _ = whichtune("advise", *FACTS, "--ladder")
    lines = out.splitlines()
    assert (lines[0], lines[-1]) == ("costly", "cheap")
    assert len(lines) >= 18
    assert " zero_shot " in lines[-2]
    assert sum(line.startswith("->") for line in lines) == 1


@pytest.mark.parametrize("approach", ["heads", "lora", "rag", "dpo", "full_sft"])
def test_an_explanation_is_one_paragraph_whose_claims_name_their_rules(whichtune, approach):
    code, out, _ = whichtune("advise", *FACTS, "--explain", approach)
    assert code == 0
    assert "\n\n" not in out.strip()
    assert f"({approach})" in out
    assert f"[{approach.replace('_', '-')}-" in out.replace("\n", "") or "Nothing that" in out


def test_an_unknown_approach_names_the_nearest(whichtune):
    code, _, talk = whichtune("advise", *FACTS, "--explain", "lorra")
    assert code == 2
    assert "did you mean 'lora'?" in talk


def test_a_gate_that_stops_ends_with_3_and_says_what_to_do(whichtune):
    more = ["--set", "has_evaluation_set=no", "--set", "n_examples=0", "--no-machine"]
    code, out, talk = whichtune("advise", *more)
    assert code == 3
    assert "Stop: There are no rows to measure on" in out
    assert "50 real inputs" in out
    assert "whichtune run" not in talk
    code, out, _ = whichtune("advise", "--json", *more)
    assert code == 3
    assert json.loads(out)["gates"][0]["id"] == "build_evaluation_set"


def test_json_keeps_its_first_fields_and_adds_the_new_ones(whichtune):
    _, out, _ = whichtune("advise", "--json", *FACTS)
    found = json.loads(out)
    assert found["schema"] == "whichtune.advise/1"
    assert found["top"] == found["ranking"][0]["approach"]
    assert {"rule", "text", "source", "where"} <= set(found["ranking"][0]["reasons"][0])
    assert found["margin"]["verdict"] in ("clear", "moderate", "toss-up")
    assert found["stability"]["same"] <= found["stability"]["total"]
    assert {"flips", "runner_up", "gates", "next_question"} <= set(found)


def test_a_batch_answers_every_line_and_names_the_bad_ones(whichtune, tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [
        '{"task": "qa_documents", "freshness": "daily"}',
        '{"id": "b", "facts": {"task": "classification"}}',
        "",
        '{"task": "qa_documents", "freshness": "dayly"}',
        '{"tsak": "generation"}',
        "[]",
        "{",
        '{"n_examples": -1}',
    ]
    path.write_text("\n".join(rows))
    code, out, talk = whichtune("advise", "--batch", path)
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [line["line"] for line in lines] == [1, 2, 4, 5, 6, 7, 8]
    assert lines[0]["top"] == "rag"
    assert lines[1]["id"] == "b"
    assert all("error" in line for line in lines[2:])
    assert "rows.jsonl:4: freshness cannot be 'dayly'" in talk
    assert "did you mean 'task'?" in talk
    assert "7 lines, 5 of them bad" in talk


def test_a_batch_from_a_pipe(whichtune):
    code, out, _ = whichtune("advise", "--batch", "-", stdin='{"labels": 3}\n')
    assert code == 0
    assert json.loads(out)["schema"] == "whichtune.batch/1"


def test_deciding_imports_nothing_that_only_running_needs(tmp_path):
    code = (
        "import sys; sys.argv = ['whichtune', 'advise', '--json', '--no-machine']\n"
        "from advisor import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stderr.split())
    assert not loaded & {"torch", "numpy", "textual", "sklearn", "advisor.compare", "rich.table"}


def test_a_gpu_named_by_its_memory_is_not_mixed_with_this_machine(whichtune):
    command = ["advise", "--set", "task=style", "--set", "gpu_memory_gb=24", "--json"]
    _, out, _ = whichtune(*command)
    facts = json.loads(out)["facts"]
    assert facts["n_gpus"] == {
        "value": 1,
        "origin": "answer",
        "how": "one, unless you set n_gpus",
    }
    _, out, _ = whichtune(*command, "--set", "n_gpus=4")
    assert json.loads(out)["facts"]["n_gpus"]["value"] == 4
    _, out, _ = whichtune("advise", "--set", "n_gpus=0", "--json")
    assert json.loads(out)["facts"]["gpu_memory_gb"]["value"] == 0
