"""Texts end to end as a user does it: plan, run in a child process, show, compare, try."""

import json
import os
import time

import pytest

from advisor import plan as plans
from advisor.compare import compare, mistakes
from advisor.runs import find
from advisor.scale import metric_named
from rules.errors import DataError, SettingError, UserError
from runners import _data, _run_folder
from runners.base import TextCard

THINGS = ("door", "house", "horse", "hat", "coat", "ship", "stone", "flower", "river", "king")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """40 questions to learn from; 10 to measure on, each with two answers that are right."""
    folder = tmp_path_factory.mktemp("texts")
    rows = [
        {"instruction": f"{n} {thing}", "output": "It is done."} for thing in THINGS for n in "1234"
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rows = [
        {"instruction": f"5 {thing}", "output": said}
        for thing in THINGS
        for said in (f"The {thing} is done.", "It is done.")
    ]
    (folder / "evaluation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "train.jsonl", folder / "evaluation.jsonl"


@pytest.fixture(scope="module")
def finished(texts, writing_model, tmp_path_factory):
    """Full tuning and the untouched model on the same rows."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("finished")
    train, evaluation = texts
    command = [sys.executable, "-c", "from advisor.cli import main; main()", "run", "--json"]
    command += ["--data", str(train), "--evaluation", str(evaluation), "--runs", str(folder)]
    command += ["--base-model", str(writing_model), "--answer-format", r"(It|The) .*\."]
    learn = ["--setting", "epochs=20", "--setting", "learning_rate=0.01"]
    for more in (["--approach", "full_sft", *learn], ["--approach", "zero_shot"]):
        done = subprocess.run(
            [*command, *more], capture_output=True, text=True, env={**os.environ}, timeout=280
        )
        assert done.returncode == 0, done.stderr
    return folder


def test_what_is_measured_of_texts_and_what_no_work_would_have_given(finished):
    run = find("full_sft-0001", finished)
    assert run.plan.task == "generation"
    assert run.result is not None
    card = run.result.scorecard
    assert isinstance(card, TextCard)
    assert (card.rows, card.references, card.main) == (10, 20, "chrf")
    assert card.metrics["exact_match"].value == 1
    assert card.metrics["bleu"].value == pytest.approx(100)
    assert card.metrics["valid"].value == card.metrics["ended"].value == 1
    assert set(run.result.baselines) == {"copied", "untouched"}
    untouched = run.result.baselines["untouched"]
    assert isinstance(untouched, TextCard)
    assert untouched.metrics["bits_per_byte"].value > card.metrics["bits_per_byte"].value
    lines = (run.folder / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 20  # one a row, although each question was asked once


def test_the_untouched_run_is_measured_as_the_baseline_was(finished):
    tuned, untouched = (find(f"{name}-0001", finished) for name in ("full_sft", "zero_shot"))
    assert tuned.result is not None
    assert untouched.result is not None
    assert tuned.result.baselines["untouched"] == untouched.result.scorecard


@pytest.mark.parametrize("metric", [None, "bleu", "rouge_l", "exact_match", "bits_per_byte"])
def test_the_tuned_run_wins_by_every_metric(finished, metric):
    runs = [find(f"{name}-0001", finished) for name in ("zero_shot", "full_sft")]
    found = compare(runs, metric_named(metric) if metric else None)
    assert found.metric == (metric or "chrf")
    assert found.winner == found.lines[0].name == "full_sft-0001"
    assert found.lines[0].value == found.lines[0].metrics[found.metric]
    names = {line.name for line in found.lines}
    assert ("copied" in names) == (metric != "bits_per_byte")
    assert [line.verdict for line in found.lines if line.name == "zero_shot-0001"] == ["worse"]


def test_a_metric_of_labels_is_refused_for_texts(finished):
    with pytest.raises(
        UserError, match=r"not all of these runs have macro_f1\n  fix: use one of: "
    ):
        compare([find("full_sft-0001", finished)], "macro_f1")


def test_the_answers_that_are_farthest_off_are_shown_once_a_question(finished, whichtune):
    wrong = mistakes(find("zero_shot-0001", finished))
    assert len(wrong) == 10
    assert not mistakes(find("full_sft-0001", finished))
    code, out, _ = whichtune("show", "zero_shot-0001", "--errors", "--runs", finished)
    assert code == 0
    assert "chrF" in out
    assert "wanted The door is done." in out


def test_show_runs_and_compare_speak_of_texts(finished, whichtune):
    _, out, _ = whichtune("show", "full_sft-0001", "--runs", finished)
    assert "chrF 100.0 (100.0 to 100.0) on 10 rows it never saw; copied " in out
    assert "bits per byte" in out
    _, out, _ = whichtune("runs", "--runs", finished)
    assert "chrF 100.0" in out
    _, out, _ = whichtune("compare", "--runs", finished)
    assert "chrF, 95 %" in out
    assert "paired bootstrap" in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_try_asks_the_tuned_model(finished, whichtune):
    code, out, _ = whichtune("try", "full_sft-0001", "7 door", "--runs", finished)
    assert code == 0
    assert out.strip() == "It is done."


def request(texts, approach, **more):
    return plans.Request(approach=approach, data=texts[0], evaluation=texts[1], **more)


def test_the_plan_says_what_the_rows_are_for_and_why_each_setting_is_what_it_is(
    texts, writing_model, tmp_path
):
    made = plans.make(request(texts, "lora", base_model=str(writing_model)), tmp_path)
    assert made.task == "generation"
    assert made.settings["epochs"] == 10
    assert "rows are seen in all" in made.reasons["epochs"]
    assert "for a model 32 wide" in made.reasons["learning_rate"]
    made = plans.make(request(texts, "zero_shot"), tmp_path)
    assert made.base_model == "bundled"
    assert "comes with whichtune" in made.reasons["base_model"]


def test_an_approach_that_learns_labels_is_refused_for_texts_with_those_that_can(texts, tmp_path):
    message = r"heads cannot learn from such rows\n  fix: these can run on them: .*lora.*zero_shot"
    with pytest.raises(UserError, match=message):
        plans.make(request(texts, "heads"), tmp_path)
    assert not list(tmp_path.glob("heads-*"))


def test_rows_that_no_approach_learns_from_are_refused_with_what_can_be(tmp_path):
    path = tmp_path / "several.jsonl"
    rows = [{"text": f"text number {n}", "labels": ["old", f"kind {n % 3}"]} for n in range(9)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match="which no approach can learn from so far") as caught:
        plans.make(plans.Request(approach="lora", data=path), tmp_path / "runs")
    assert "prompt_completion" in caught.value.fix


def test_it_is_said_that_the_passages_of_rows_are_not_shown(tmp_path):
    path = tmp_path / "asked.jsonl"
    rows = [
        {"question": f"who is number {n}?", "context": f"Number {n} is X{n}.", "answer": f"X{n}"}
        for n in range(9)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = plans.draft(plans.Request(approach="zero_shot", data=path), tmp_path / "runs")
    assert "passages of the rows are shown to no model" in made.split.notes[-1]
    assert _data.read_rows(made.plan.evaluation)[0].documents


def test_a_form_that_cannot_be_checked_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(SettingError, match="is not a regular expression"):
        plans.make(
            plans.Request(approach="lora", data=tmp_path / "none.csv", answer_format="("), tmp_path
        )


@pytest.mark.parametrize(
    ("row", "task"),
    [
        ({"instruction": "Say {n}", "output": "It is {n}, and no more."}, "generation"),
        ({"question": "How many {n}?", "sql": "SELECT {n} FROM t"}, "generation"),
        ({"question": "Who {n}?", "context": "Ann {n}, she said.", "answer": "Ann"}, "generation"),
        ({"mr": "name : N{n} | food : Thai", "ref": "N{n} serves Thai food."}, "generation"),
        ({"text": "Once upon a time there were {n} ships in the bay."}, "domain_knowledge"),
        (
            {
                "messages": [
                    {"role": "user", "content": "Hi {n}"},
                    {"role": "assistant", "content": "Hello {n}"},
                ]
            },
            "instruction_following",
        ),
        ({"text": "text of {n}", "label": "one"}, "classification"),
    ],
)
def test_the_task_follows_from_the_kind_of_the_rows(row, task, tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(row).replace("{n}", str(n)) for n in range(30)]
    if task == "classification":
        lines = [line.replace("one", "two") if n % 2 else line for n, line in enumerate(lines)]
    path.write_text("\n".join(lines))
    assert (
        plans.make(plans.Request(approach="zero_shot", data=path), tmp_path / "runs").task == task
    )


def killed_in_training(whichtune, texts, writing_model, folder):
    """Start a run in a process of its own, and kill it hard after its first checkpoint."""
    learn = ["--setting", "epochs=60", "--setting", "learning_rate=0.01"]
    code, out, err = whichtune(
        *("run", "--detach", "--approach", "full_sft", *learn, "--base-model", writing_model),
        *("--data", texts[0], "--evaluation", texts[1], "--runs", folder),
    )
    assert code == 0, out + err
    run = folder / "full_sft-0001"
    deadline = time.monotonic() + 120
    while not list(run.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert time.monotonic() < deadline, (run / "log.txt").read_text()
        time.sleep(0.02)
    events, _ = _run_folder.read_events(run)
    os.kill(next(e.pid for e in reversed(events) if e.state == "running" and e.pid), 9)
    while find("full_sft-0001", folder).state != "died":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return run


def test_a_killed_run_goes_on_where_it_was_and_only_if_nothing_changed(
    whichtune, texts, writing_model, tmp_path
):
    folder = tmp_path / "runs"
    run = killed_in_training(whichtune, texts, writing_model, folder)
    _, out, _ = whichtune("show", "full_sft-0001", "--runs", folder)
    assert "whichtune run --resume full_sft-0001" in out
    environment = json.loads((run / "environment.json").read_text())
    older = {**environment["libraries"], "torch": "1.0"}
    (run / "environment.json").write_text(json.dumps({**environment, "libraries": older}))
    code, _, err = whichtune("run", "--resume", "full_sft-0001", "--runs", folder)
    assert code == 2
    assert "this is not how full_sft-0001 began: torch was 1.0 and is 2." in err
    (run / "environment.json").write_text(json.dumps(environment))
    code, _, err = whichtune("run", "--resume", "full_sft-0001", "--runs", folder)
    assert code == 0, err
    events, _ = _run_folder.read_events(run)
    told = [event.progress.message for event in events if event.progress]
    assert any(text.startswith("going on from checkpoint-") for text in told)
    assert find("full_sft-0001", folder).state == "done"
    code, _, err = whichtune("run", "--resume", "full_sft-0001", "--runs", folder)
    assert (code, "is done" in err) == (2, True)


def test_a_run_without_a_checkpoint_cannot_be_gone_on_with(whichtune, texts, tmp_path):
    plans.make(request(texts, "zero_shot"), tmp_path / "runs")
    code, _, err = whichtune("run", "--resume", "zero_shot-0001", "--runs", tmp_path / "runs")
    assert code == 2
    assert "zero_shot-0001 has no checkpoint to go on from" in err
    assert "whichtune run zero_shot-0001" in err


@pytest.mark.parametrize("approach", ["dpo", "rlhf", "lora", "zero_shot"])
def test_pairs_of_answers_are_learned_from_by_all_that_write(approach, tmp_path):
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"question {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(9)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = plans.make(plans.Request(approach=approach, data=path), tmp_path / "runs")
    assert made.task == "preference_alignment"
    assert all(row.rejected for row in _data.read_rows(made.train))
