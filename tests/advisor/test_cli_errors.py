"""What a user sees who types something wrong: what, where, fix, an exit code, never a traceback."""

import subprocess
import sys

import pytest

from advisor import examples, plan
from rules import engine
from runners.base import names

GOOD = "text,label\n" + "".join(f"text {n} about {n % 2},{'ab'[n % 2]}\n" for n in range(40))


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(GOOD)
    return path


def test_a_missing_data_file_names_what_is_there(whichtune, table):
    code, _, talk = whichtune("run", "--approach", "heads", "--data", table.with_name("tabel.csv"))
    assert code == 2
    assert "no such file" in talk
    assert "did you mean" in talk
    assert "table.csv" in talk


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"text,label\n", "no rows|only a header|header"),
        (b"text\nonly one\ncolumn here\n", "column"),
        (b"text,label\na text,spam\nb text,spam\nc text,spam\nd text,spam\n", "one label"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused(whichtune, tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    code, out, talk = whichtune("run", "--approach", "heads", "--data", path)
    assert (code, out) == (2, "")
    assert any(word in talk for word in said.split("|"))
    assert "fix:" in talk


def test_an_unknown_column_names_the_nearest(whichtune, table):
    code, _, talk = whichtune("profile", table, "--target", "lable")
    assert code == 2
    assert "'lable'" in talk
    assert "label" in talk.split("fix:")[1]


def test_profile_ends_with_3_when_a_finding_blocks(whichtune, tmp_path):
    path = tmp_path / "one.csv"
    path.write_text("text,label\n" + "".join(f"text {n},spam\n" for n in range(9)))
    code, out, _ = whichtune("profile", path)
    assert code == 3
    assert "one_label" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "acess=api_only"], "did you mean 'access'?"),
        (["--set", "access=api_onl"], "did you mean 'api_only'?"),
        (["--set", "n_examples=-3"], "n_examples cannot be '-3'"),
        (["--set", "n_examples=many"], "give a whole number of 0 or more"),
        (["--set", "privacy"], "write --set privacy=VALUE"),
        (["nowhere.yaml"], "nowhere.yaml: no such file"),
    ],
)
def test_a_wrong_fact_is_refused_with_the_way_out(whichtune, arguments, said):
    code, out, talk = whichtune("advise", *arguments)
    assert (code, out) == (2, "")
    assert said in talk


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task: classification\nn_exampels: 12\n", "facts.yaml:2: unknown fact 'n_exampels'"),
        ("task: classification\nfreshness: dayly\n", "facts.yaml:2: freshness cannot be 'dayly'"),
        ("task: [classification\n", "facts.yaml:2: not YAML"),
        ("- task\n- goal\n", "not a list of facts"),
        ("task: classification\nprivacy: [1]\n", "facts.yaml:2: privacy cannot be"),
        ("\x00\x01\x02", "facts.yaml"),
    ],
)
def test_a_corrupt_facts_file_is_refused_with_its_line(whichtune, tmp_path, text, said):
    path = tmp_path / "facts.yaml"
    path.write_text(text)
    code, out, talk = whichtune("advise", path)
    assert (code, out) == (2, "")
    assert said in talk
    assert "fix:" in talk


def test_an_unknown_approach_names_the_nearest(whichtune, table):
    code, _, talk = whichtune("run", "--approach", "head", "--data", table)
    assert code == 2
    assert "did you mean 'heads'?" in talk


def test_a_reward_that_lacks_its_form_is_refused_before_a_run_is_made(whichtune, tmp_path, runs):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f'{{"prompt": "say {n}", "completion": "{n}"}}\n' for n in range(40)))
    asked = ("run", "--approach", "rlhf", "--data", path, "--setting", "reward=format")
    code, _, talk = whichtune(*asked)
    assert code == 2
    assert "there is no form to reward" in talk
    assert not list(runs.glob("rlhf-*"))


def test_whatever_is_advised_can_run():
    assert {approach.name for approach in engine.load()} <= set(names())


def test_an_approach_without_a_runner_names_those_that_can_run(whichtune, table, monkeypatch):
    monkeypatch.setattr(plan, "names", lambda: [name for name in names() if name != "hosted"])
    code, _, talk = whichtune("run", "--approach", "hosted", "--data", table)
    assert code == 2
    assert "hosted can be advised" in talk
    listed = talk.split("these can run: ")[1].split(", ")
    assert {"few_shot", "full_sft", "heads"} <= set(listed)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("clasifier=svm", "did you mean 'classifier'?"),
        ("classifier=tree", "setting classifier='tree'"),
        ("abstain_below=2", "setting abstain_below=2"),
        ("classifier", "write --setting classifier=VALUE"),
        ("label_names=@nowhere.yaml", "nowhere.yaml: No such file"),
        ("classifier={", "is not YAML"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_made(whichtune, table, setting, said, runs):
    code, _, talk = whichtune("plan", "--approach", "heads", "--data", table, "--setting", setting)
    assert code == 2
    assert said in talk
    assert not list(runs.glob("heads-*"))


def test_a_missing_library_is_named_with_the_command_that_installs_it(
    whichtune, table, monkeypatch, runs
):
    monkeypatch.setitem(sys.modules, "peft", None)
    code, _, talk = whichtune("run", "--approach", "lora", "--data", table)
    assert code == 2
    assert "peft is not installed" in talk
    assert "pip install 'whichtune[run]'" in talk
    assert not list(runs.glob("lora-*"))


def test_comparing_without_the_statistics_library_names_what_to_install(whichtune, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    code, _, talk = whichtune("compare")
    assert code == 2
    assert "scipy is not installed" in talk
    assert "pip install 'whichtune[run]'" in talk


def test_doctor_says_what_is_missing_and_what_to_type(whichtune, monkeypatch):
    monkeypatch.setitem(sys.modules, "setfit", None)
    code, out, _ = whichtune("doctor")
    assert code == 0
    assert "needs setfit" in out
    assert "pip install 'whichtune[run]'" in out


def test_a_folder_that_cannot_be_written_is_named(whichtune, table):
    code, _, talk = whichtune(
        "run", "--approach", "heads", "--data", table, "--runs", "/proc/nothing", runs=None
    )
    assert code == 2
    assert "/proc/nothing" in talk
    assert "--runs" in talk


def test_a_full_disk_is_named_and_leaves_no_half_plan(table, tmp_path):
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "sys.argv = ['whichtune', 'plan', '--approach', 'heads', '--data', sys.argv[1],"
        " '--runs', sys.argv[2]]; from advisor.cli import main; main()"
    )
    runs = tmp_path / "runs"
    found = subprocess.run(
        [sys.executable, "-c", code, table, runs], capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert "fix:" in found.stderr
    assert "--runs" in found.stderr
    assert not list(runs.glob("heads-*/plan.yaml"))


def test_a_run_that_does_not_exist_names_the_nearest(whichtune, table):
    whichtune("plan", "--approach", "heads", "--data", table)
    code, _, talk = whichtune("show", "heads-001")
    assert code == 2
    assert "did you mean 'heads-0001'?" in talk


def test_a_plan_that_is_no_plan_is_named(whichtune, table, runs):
    whichtune("plan", "--approach", "heads", "--data", table)
    (runs / "heads-0001" / "plan.yaml").write_text("approach: [")
    code, _, talk = whichtune("show", "heads-0001")
    assert code == 2
    assert "not a plan" in talk


def test_trying_a_run_that_is_not_finished_says_how_to_finish_it(whichtune, table):
    whichtune("plan", "--approach", "heads", "--data", table)
    code, _, talk = whichtune("try", "heads-0001", "a text")
    assert code == 2
    assert "whichtune run heads-0001" in talk


def test_nothing_to_compare_says_what_to_run(whichtune):
    code, _, talk = whichtune("compare")
    assert code == 2
    assert "whichtune run" in talk


def test_an_unknown_metric_is_refused(whichtune):
    code, _, talk = whichtune("compare", "--metric", "f1")
    assert code == 2
    assert "accuracy, macro_f1" in talk


def test_questions_without_a_terminal_are_refused(whichtune):
    code, _, talk = whichtune("ask")
    assert code == 2
    assert "need a terminal" in talk


@pytest.mark.parametrize("share", ["0", "1", "2", "-1"])
def test_a_share_that_leaves_nothing_is_refused(whichtune, table, share):
    code, _, talk = whichtune("plan", "--approach", "heads", "--data", table, "--share", share)
    assert code == 2
    assert "--share" in talk


def test_a_base_model_folder_that_is_none_is_refused_at_once(whichtune, table, tmp_path):
    code, _, talk = whichtune(
        "plan", "--approach", "heads", "--data", table, "--base-model", tmp_path
    )
    assert code == 2
    assert "config.json" in talk


def test_a_closed_pipe_ends_in_silence():
    command = (
        f"{sys.executable} -c 'from advisor.cli import main; main()' advise --json | head -c 1"
    )
    found = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout == "{"
    assert found.stderr == ""


def test_output_has_no_colour_codes_where_there_is_no_terminal(whichtune):
    for command in (["advise", "--data", examples.TRAIN], ["doctor"], ["--help"]):
        _, out, talk = whichtune(*command)
        assert "\x1b[" not in out + talk
