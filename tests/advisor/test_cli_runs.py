"""The main job as a user does it: real rows, the real encoder, real child processes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from advisor import examples, outputs
from advisor import runs as all_runs
from runners import _models, _run_folder

pytestmark = pytest.mark.skipif(
    _models.packaged() is None, reason="needs the packaged encoder: pip install whichtune[offline]"
)
LABELS = 8


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Eight of the 77 labels: 80 rows to learn from and 160 to measure on."""
    folder = tmp_path_factory.mktemp("tables")
    for source in (examples.TRAIN, examples.EVALUATION):
        with source.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        kept = sorted({row["category"] for row in rows})[:LABELS]
        with (folder / source.name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["text", "category"])
            writer.writeheader()
            writer.writerows(row for row in rows if row["category"] in kept)
    return folder / examples.TRAIN.name, folder / examples.EVALUATION.name


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHICHTUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def finished(tables, cache, tmp_path_factory):
    """Three approaches on the same rows, run once for the tests that only read them."""
    folder = tmp_path_factory.mktemp("finished")
    train, evaluation = tables
    command = [sys.executable, "-c", "from advisor.cli import main; main()", "run", "--json"]
    for approach in ("zero_shot", "few_shot", "heads"):
        command += ["--approach", approach]
    command += ["--data", str(train), "--evaluation", str(evaluation), "--runs", str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return folder, json.loads(found.stdout)


def test_all_approaches_are_measured_on_the_same_rows_and_a_winner_is_named(finished):
    _, output = finished
    results = [run["result"] for run in output["runs"]]
    assert [run["state"] for run in output["runs"]] == ["done"] * 3
    assert len({result["evaluation_sha256"] for result in results}) == 1
    assert {result["scorecard"]["rows"] for result in results} == {20 * LABELS}
    accuracy = {r["approach"]: r["scorecard"]["accuracy"]["value"] for r in results}
    assert accuracy["heads"] > accuracy["zero_shot"] > 1 / LABELS
    assert all("majority" in result["baselines"] for result in results)
    comparison = output["comparison"]
    assert comparison["winner"] in {"heads-0001", "few_shot-0001"}
    assert "p " in comparison["because"] or "cheapest" in comparison["because"]


def test_a_tie_goes_to_the_cheaper_and_says_so(whichtune, finished):
    folder, _ = finished
    _, out, _ = whichtune("compare", "--runs", folder, "--json")
    comparison = json.loads(out)["comparison"]
    level = [line for line in comparison["lines"] if line["verdict"] != "worse"]
    rungs = {"zero_shot-0001": 0, "few_shot-0001": 1, "heads-0001": 3, "majority": -1}
    assert comparison["winner"] == min((line["name"] for line in level), key=rungs.__getitem__)
    if len(level) > 1 and comparison["winner"] != comparison["lines"][0]["name"]:
        assert "a tie goes to the cheaper" in comparison["because"]


def test_compare_by_macro_f1_orders_by_it(whichtune, finished):
    folder, _ = finished
    code, out, _ = whichtune("compare", "--runs", folder, "--metric", "macro_f1", "--json")
    assert code == 0
    values = [line["macro_f1"]["value"] for line in json.loads(out)["comparison"]["lines"]]
    assert values == sorted(values, reverse=True)


def test_the_comparison_table_fits_80_columns(whichtune, finished):
    folder, _ = finished
    _, out, _ = whichtune("compare", "--runs", folder)
    assert max(len(line) for line in out.splitlines()) <= 80
    assert "Winner:" in out
    assert "McNemar" in out


def test_show_gives_confusions_with_examples(whichtune, finished):
    folder, _ = finished
    code, out, _ = whichtune("show", "zero_shot-0001", "--errors", "--runs", folder)
    assert code == 0
    assert "taken for" in out
    assert "precision" in out


def test_try_answers_new_texts_from_arguments_and_from_stdin(whichtune, finished, tables):
    folder, _ = finished
    code, out, _ = whichtune("try", "heads-0001", "how old must I be", "--runs", folder)
    assert code == 0
    assert out.startswith("age_limit ")
    code, out, _ = whichtune(
        "try", "few_shot-0001", "--json", "--runs", folder, stdin="my card is not working\n\n"
    )
    (answer,) = json.loads(out)["answers"]
    assert answer["sources"]
    assert 0 <= answer["score"] <= 1


def test_trying_a_run_without_its_libraries_names_what_to_install(whichtune, finished, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    code, _, talk = whichtune("try", "heads-0001", "a text", "--runs", finished[0])
    assert code == 2
    assert "pip install 'whichtune[run]'" in talk


def test_every_json_output_follows_its_published_schema(whichtune, finished, tables):
    from jsonschema import validate

    folder, _ = finished
    schemas = outputs.schemas()
    commands = {
        "advise.v1.json": ["advise", "--data", tables[0]],
        "profile.v1.json": ["profile", tables[0]],
        "plan.v1.json": ["plan", "--approach", "lora", "--data", tables[0]],
        "runs.v1.json": ["runs"],
        "show.v1.json": ["show", "heads-0001", "--runs", folder],
        "compare.v1.json": ["compare", "--runs", folder],
        "try.v1.json": ["try", "heads-0001", "a text", "--runs", folder],
        "doctor.v1.json": ["doctor"],
    }
    for name, command in commands.items():
        code, out, _ = whichtune(*command, "--json")
        assert code == 0, command
        found = json.loads(out)
        assert found["schema"] == f"whichtune.{name.removesuffix('.json').replace('.v', '/')}"
        validate(found, schemas[name])


def test_a_plan_gives_the_reason_of_every_computed_value(whichtune, tables):
    _, out, _ = whichtune("plan", "--approach", "lora", "--data", tables[0], "--json")
    plan = json.loads(out)["plan"]
    assert plan["settings"]["epochs"] == 10
    assert "rows are seen" in plan["reasons"]["epochs"]
    assert "default encoder" in plan["reasons"]["base_model"]


def test_fewer_rows_per_label_keep_the_same_evaluation_rows(whichtune, tables, runs):
    train, evaluation = tables
    for more in ([], ["--per-label", "3"]):
        arguments = ["--data", train, "--evaluation", evaluation, *more]
        assert whichtune("plan", "--approach", "heads", *arguments)[0] == 0
    full, few = (run.plan for run in all_runs.all_runs(runs))
    assert few.train.rows == 3 * LABELS
    assert full.train.rows == 10 * LABELS
    assert few.evaluation.sha256 == full.evaluation.sha256


def start(arguments, runs):
    command = [sys.executable, "-c", "from advisor.cli import main; main()", *map(str, arguments)]
    environment = {**os.environ, "WHICHTUNE_RUNS": str(runs)}

    def listen():
        # A shell that put the tests into the background told them to ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=listen
    )


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


def worker_of(folder):
    events, _ = _run_folder.read_events(folder)
    return next(event.pid for event in events if event.state == "running" and event.pid)


def state(runs, name):
    folder = runs / name
    return all_runs.find(name, runs).state if (folder / "plan.yaml").exists() else None


def test_ctrl_c_cancels_the_run_and_the_same_run_can_be_started_again(whichtune, tables, runs):
    process = start(["run", "--approach", "heads", "--data", tables[0]], runs)
    wait_for(lambda: state(runs, "heads-0001") == "running")
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "whichtune run heads-0001" in talk
    assert "Traceback" not in talk
    assert state(runs, "heads-0001") == "cancelled"
    code, out, _ = whichtune("run", "heads-0001")
    assert code == 0
    assert "heads-0001: done" in out
    code, _, talk = whichtune("run", "heads-0001")
    assert code == 2
    assert "done already" in talk


def test_a_killed_child_is_shown_as_died_with_its_last_news(whichtune, tables, runs):
    whichtune("run", "--approach", "heads", "--data", tables[0], "--detach")
    wait_for(lambda: state(runs, "heads-0001") == "running")
    wait_for(lambda: getattr(all_runs.find("heads-0001", runs).last, "progress", None))
    os.kill(worker_of(runs / "heads-0001"), signal.SIGKILL)
    wait_for(lambda: state(runs, "heads-0001") == "died")
    _, out, _ = whichtune("show", "heads-0001")
    assert "heads-0001: died" in out
    assert "last heard" in out
    assert "whichtune run heads-0001" in out


def test_a_run_whose_child_dies_under_it_ends_with_1(tables, runs):
    process = start(["run", "--approach", "heads", "--data", tables[0]], runs)
    wait_for(lambda: state(runs, "heads-0001") == "running")
    os.kill(worker_of(runs / "heads-0001"), signal.SIGKILL)
    _, talk = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "died" in talk
    assert "whichtune run heads-0001" in talk


@pytest.mark.slow
def test_two_runs_at_once_both_finish(tables, runs):
    both = [start(["run", "--approach", "heads", "--data", tables[0]], runs) for _ in range(2)]
    talks = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], talks
    assert [run.state for run in all_runs.all_runs(runs)] == ["done", "done"]


def test_the_schemas_in_the_docs_are_those_of_the_models():
    from pathlib import Path

    folder = Path(__file__).parents[2] / "docs" / "schema"
    for name, schema in outputs.schemas().items():
        found = json.loads((folder / name).read_text("utf-8"))
        assert found == schema, f"run: python -m advisor.outputs docs/schema ({name})"


def test_detached_runs_go_on_one_after_the_other_and_a_queued_one_can_be_cancelled(
    whichtune, tables, runs
):
    arguments = ["--data", tables[0], "--detach"]
    for approach in ("few_shot", "heads", "zero_shot"):
        arguments += ["--approach", approach]
    code, _, talk = whichtune("run", *arguments)
    assert code == 0
    assert "started heads-0001" in talk
    wait_for(lambda: state(runs, "few_shot-0001") == "running")
    assert state(runs, "heads-0001") == "queued"
    all_runs.cancel(runs / "heads-0001")
    assert state(runs, "heads-0001") == "cancelled"
    wait_for(lambda: state(runs, "zero_shot-0001") == "done")
    assert state(runs, "few_shot-0001") == "done"
    assert state(runs, "heads-0001") == "cancelled"
