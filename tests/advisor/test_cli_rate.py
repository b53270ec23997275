"""``whichtune rate``, typed as a user would: blind, kept at once, gone on with, made into pairs."""

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from advisor import data, rating_log, rating_start
from advisor.agreement import agreement, alpha
from advisor.candidates import Wanted
from advisor.rating_start import Sources
from rules.errors import DataError
from runners import _measuring, _run_folder
from runners.base import DataFile, Plan, Result, Row, find, silent

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
PANDALM = Path(__file__).parents[3] / "shared/data/preference/pandalm_testset/testset-v1.json"
GOOD, BAD = "Open the app, then Cards, then Block.", "Call us."


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def answers(tmp_path):
    """Ten prompts; the good answer stands in the first column of every other row."""
    rows = [
        {
            "prompt": f"How do I block card {n}?",
            "answer_a": (GOOD, BAD)[n % 2],
            "answer_b": (BAD, GOOD)[n % 2],
        }
        for n in range(10)
    ]
    return written(tmp_path / "answers.jsonl", rows)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "ratings.jsonl"


def opened(out, answers, rater="ann", **wanted):
    sources = Sources(names=(str(answers),))
    return rating_start.start(out, sources, Wanted(**wanted), rater, out.parent)


def picks(ratings, better=GOOD, count=99):
    """Rate as somebody does who looks for one answer, wherever it stands."""
    while (item := ratings.current) is not None and count:
        left = item.answers[ratings.order(item)[0]]
        ratings.say("left" if left == better else "right")
        count -= 1
    return ratings


def test_keys_become_pairs_that_are_read_with_no_editing(whichtune, answers, out, tmp_path):
    typed = "1\nright\nt\nb\nn the second is shorter\n1\ns\n2\n1\n2\n1\n"
    code, shown, talk = whichtune("rate", answers, "--out", out, "--rater", "ann", stdin=typed)
    assert code == 0, talk
    pairs = tmp_path / "ratings.pairs.jsonl"
    assert f"written  {pairs}: 7 pairs" in shown
    assert "no pair  ties 1 · both bad 1: counted, not written" in shown
    assert "skipped  1" in shown
    assert f"Next: whichtune profile {pairs}" in talk
    table = data.read(pairs)
    assert (table.mapping.kind, len(table.rows), table.excluded) == ("preference", 7, ())
    kept = {row["prompt"]: row for row in lines(answers)}
    for row in table.rows:
        assert {row.target, row.rejected} == {GOOD, BAD}
        assert row.input in kept
    (noted,) = [row for row in lines(pairs) if row["provenance"]["notes"]]
    assert noted["provenance"]["notes"] == [{"rater": "ann", "note": "the second is shorter"}]


def test_every_line_of_the_log_says_where_the_answers_come_from(whichtune, answers, out):
    whichtune("rate", answers, "--out", out, "--rater", "ann", stdin="1\nu\nq\n")
    said, undone = lines(out)
    assert (said["act"], undone["act"]) == ("rated", "undone")
    assert said["id"] == undone["id"]
    assert (said["rater"], said["seed"], sorted(said["shown"])) == ("ann", 0, [0, 1])
    first, second = said["origins"]
    assert (first["column"], second["column"]) == ("answer_a", "answer_b")
    assert len(first["file_sha256"]) == 64
    assert said["at"].endswith("+00:00")
    assert said["verdict"] == ("first", "second")[said["shown"][0]]


def test_it_goes_on_where_it_stopped_and_no_source_has_to_be_named(whichtune, answers, out):
    _, shown, _ = whichtune("rate", answers, "--out", out, "--rater", "ann", stdin="1\n1\n1\nq\n")
    assert "3 of 10 rated" in shown
    assert "answer_a" not in shown  # still blind
    before = out.read_bytes()
    _, shown, talk = whichtune("rate", "--out", out, "--rater", "ann", stdin="2\n" * 20)
    assert out.read_bytes().startswith(before)
    assert "ann goes on after 3 of 10" in talk
    assert "10 of 10 rated" in shown
    assert "better  answer_a" in shown
    assert len({line["id"] for line in lines(out)}) == 10
    _, _, talk = whichtune("rate", "--out", out, "--rater", "ann", stdin="")
    assert "To go on" not in talk
    _, _, talk = whichtune("rate", "--out", out, "--rater", "bob b", stdin="")
    assert f"To go on: whichtune rate --out {out} --rater 'bob b'" in talk


def test_the_side_is_drawn_and_the_same_each_time_but_not_for_another_rater(answers, out):
    ann, again, bob = (opened(out, answers, name) for name in ("ann", "ann", "bob"))
    sides = {
        name: [ratings.order(item) for item in ratings.candidates.items]
        for name, ratings in (("ann", ann), ("again", again), ("bob", bob))
    }
    assert sides["ann"] == sides["again"] != sides["bob"]
    assert set(sides["ann"]) == {(0, 1), (1, 0)}
    asked = [item.id for item in ann.candidates.items]
    assert asked != sorted(asked, key=lambda name: int(name.rpartition(":")[2]))


def test_what_is_shown_names_no_column_and_no_file(whichtune, answers, out):
    _, _, talk = whichtune("rate", answers, "--out", out, stdin="1\n" * 10)
    assert GOOD in talk
    assert "answer_a" not in talk
    assert "answer_b" not in talk


def test_a_word_that_is_no_key_changes_nothing_and_says_what_can_be_typed(whichtune, answers, out):
    _, shown, talk = whichtune("rate", answers, "--out", out, stdin="3\nu\nn\nq\n")
    assert "? '3' is none of: 1 or ← left is better" in talk
    assert "? there is nothing to take back" in talk
    assert "? an empty note" in talk
    assert "0 of 10 rated" in shown
    assert not out.exists()


def test_undo_takes_back_one_after_the_other_and_what_others_said_stays(answers, out):
    picks(opened(out, answers, "bob"), count=2)
    ann = picks(opened(out, answers), count=3)
    first = next(iter(ann.said()))
    assert ann.undo()
    assert ann.undo()
    assert list(ann.said()) == [first]
    assert ann.undo()
    assert not ann.undo()
    assert len(opened(out, answers, "bob").said()) == 2
    assert opened(out, answers).current == opened(out, answers, "new").current


def test_two_people_who_rate_at_once_lose_nothing(answers, out):
    ann, bob = opened(out, answers, "ann"), opened(out, answers, "bob")
    for _ in range(10):
        picks(ann, count=1)
        picks(bob, count=1)
    assert ann.raters == ("ann",)
    ann.reload()
    assert ann.raters == ("ann", "bob")
    assert len(ann.said("bob")) == len(ann.said()) == 10


def test_another_seed_begins_anew(whichtune, answers, out):
    whichtune("rate", answers, "--out", out, "--seed", "3", stdin="1\nq\n")
    code, _, talk = whichtune("rate", answers, "--out", out, "--seed", "4", stdin="1\n")
    assert (code, "these ratings have the seed 3" in talk) == (2, True)
    code, *_ = whichtune("rate", "--out", out, stdin="1\nq\n")
    assert (code, len(lines(out))) == (0, 2)


def test_two_raters_agree_as_scikit_learn_says_and_what_most_said_counts(whichtune, answers, out):
    picks(opened(out, answers, "ann"))
    picks(opened(out, answers, "bob"), count=8)
    bob = picks(opened(out, answers, "bob"), better=BAD)
    assert len(bob.said()) == 10
    code, shown, _ = whichtune("rate", "--out", out, "--export", out.with_name("pairs.jsonl"))
    assert code == 0
    assert "agreement  Cohen's kappa" in shown
    assert "the same 80% of the time on 10 items" in shown
    assert "no pair  raters even 2" in shown
    assert len(lines(out.with_name("pairs.jsonl"))) == 8
    picks(opened(out, answers, "cyd"))
    _, shown, _ = whichtune("rate", "--out", out, "--export", out.with_name("pairs.jsonl"))
    assert "agreement  Krippendorff's alpha" in shown
    rows = lines(out.with_name("pairs.jsonl"))
    assert [row["raters"] for row in rows] == [3] * 10
    assert all(row["chosen"] == GOOD for row in rows)


def test_low_agreement_says_what_to_do(whichtune, answers, out):
    picks(opened(out, answers, "ann"))
    picks(opened(out, answers, "bob"), better=BAD)
    _, shown, _ = whichtune("rate", "--out", out, "--rater", "ann", stdin="")
    assert "! agreement  low: write down what makes an answer better" in shown
    assert "! written  nothing: no row to learn from among 10 rated" in shown


def test_alpha_is_that_of_the_published_example():
    """Krippendorff 2011, section C: four observers, twelve units, nominal alpha 0.743."""
    observers = (
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    )
    units = list(
        zip(*([None if v == "." else v for v in row.split()] for row in observers), strict=True)
    )
    assert alpha(units) == pytest.approx(0.743, abs=0.0005)


@pytest.mark.skipif(not PANDALM.exists(), reason="the optional folder ../shared/data is not there")
def test_kappas_are_those_that_the_authors_of_pandalm_print():
    rows = json.loads(PANDALM.read_text("utf-8"))
    said = {n: {str(row["idx"]): str(row[f"annotator{n}"]) for row in rows} for n in "123"}
    for pair, printed in (("12", 0.85), ("13", 0.88), ("23", 0.86)):
        found = agreement({n: said[n] for n in pair})
        assert found is not None
        assert (found.value or 0) == pytest.approx(printed, abs=0.005)
        assert (found.low or 0) < (found.value or 0) < (found.high or 0)
    together = agreement(said)
    assert together is not None
    assert 0.85 < (together.value or 0) < 0.88


def test_agreement_needs_two_raters_and_two_verdicts():
    assert agreement({"ann": {"1": "tie"}}) is None
    assert agreement({"ann": {"1": "tie"}, "bob": {}}) is None
    same = agreement({name: {"1": "tie", "2": "tie"} for name in ("ann", "bob")})
    assert same is not None
    assert (same.value, same.same, same.items) == (None, 1.0, 2)
    apart = agreement({"ann": {"1": "tie"}, "bob": {"2": "tie"}})
    assert apart is not None
    assert (apart.items, apart.value) == (0, None)
    assert "no item was rated by two" in apart.advice


def test_the_interval_of_kappa_holds_its_value_and_narrows_with_more_items():
    widths = []
    for times in (1, 10):
        ann = {str(n): ("first", "second")[n % 2] for n in range(20 * times)}
        bob = {name: v if int(name) % 5 else "tie" for name, v in ann.items()}
        found = agreement({"ann": ann, "bob": bob})
        assert found is not None
        assert None not in (found.low, found.value, found.high)
        assert (found.low or 0) < (found.value or 0) < (found.high or 0)
        widths.append((found.high or 0) - (found.low or 0))
    assert widths[1] < widths[0] / 2


def test_thumbs_are_read_with_no_editing(whichtune, answers, out):
    code, shown, _ = whichtune("rate", answers, "--out", out, "--thumbs", stdin="+\n-\n" * 10)
    assert code == 0
    assert "20 answers with a thumb" in shown
    table = data.read(out.with_name("ratings.thumbs.jsonl"))
    assert (table.mapping.kind, len(table.rows)) == ("liked", 20)
    assert sum(bool(row.liked) for row in table.rows) == 10


def test_conversations_stay_conversations(whichtune, tmp_path, out):
    turns = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello"}]
    rows = [{"messages": turns, "one": "Hi.", "two": {"role": "assistant", "content": "Yo."}}]
    file = written(tmp_path / "talks.jsonl", rows)
    code, _, talk = whichtune("rate", file, "--out", out, stdin="1\n")
    assert code == 2
    assert "no column for the answers among 'messages', 'one', 'two'" in talk
    named = ["--role", "first=one", "--role", "second=two"]
    for more, made, kind in (([], "pairs", "preference"), (["--thumbs"], "thumbs", "liked")):
        log = tmp_path / f"{made}.jsonl"
        code, _, talk = whichtune("rate", file, "--out", log, *named, *more, stdin="1\n+\n-\n")
        assert code == 0, talk
        table = data.read(tmp_path / f"{made}.{made}.jsonl")
        assert table.mapping.kind == kind
        assert list(table.rows[0].messages) == turns


def test_a_prompt_that_both_answers_begin_with_is_shown_once(whichtune, tmp_path, out):
    talk = "\n\nHuman: Hello\n\nAssistant: "
    rows = [{"chosen": talk + "Hi.", "rejected": talk + "Yo."}]
    rows += [{"chosen": talk + "Hi.", "rejected": talk + "Hi."}]
    code, shown, said = whichtune(
        "rate", written(tmp_path / "hh.jsonl", rows), "--out", out, stdin="1\n"
    )
    assert code == 0, said
    assert (shown + said).count("user: Hello") == 1
    assert "both answers are the same" in said
    (row,) = data.read(tmp_path / "ratings.pairs.jsonl").rows
    assert {row.target, row.rejected} == {"Hi.", "Yo."}
    assert row.messages == ({"role": "user", "content": "Hello"},)


def test_what_cannot_be_rated_is_counted_and_named(whichtune, tmp_path, out):
    rows = [
        {"prompt": "a", "chosen": "x", "rejected": "y"},
        {"prompt": "b", "chosen": "x", "rejected": "x "},
        {"prompt": "c", "chosen": "x", "rejected": ""},
        {"prompt": [{"role": "user", "content": 3}], "chosen": "x", "rejected": "y"},
        {"prompt": "d", "chosen": 4.5, "rejected": [["y"]]},
        {"prompt": "a", "chosen": "y", "rejected": "x"},
    ]
    file = written(tmp_path / "odd.jsonl", rows)
    code, shown, talk = whichtune("rate", file, "--out", out, stdin="1\n")
    assert code == 0
    assert "1 of 1 rated" in shown
    for told in (
        "1: both answers are the same; odd:2",
        "1: an answer is missing; odd:3",
        f"1: the text of turn 1 of the prompt is a number; {file}:4",
        "1: turn 1 of the answer `rejected` is a list, not an object",
        "1: the same prompt with the same answers again; odd:6",
    ):
        assert told in talk


def test_nothing_to_rate_is_refused_with_the_reasons(whichtune, tmp_path, out):
    file = written(tmp_path / "same.jsonl", [{"prompt": "a", "answer_a": "x", "answer_b": "x"}])
    code, _, talk = whichtune("rate", file, "--out", out, stdin="1\n")
    assert code == 2
    assert "nothing to rate: both answers are the same (1)" in talk
    assert not list(tmp_path.glob("ratings*"))


def test_ties_only_are_no_pairs(whichtune, answers, out):
    code, shown, _ = whichtune("rate", answers, "--out", out, stdin="t\n" * 10)
    assert code == 0
    assert "! written  nothing: no row to learn from among 10 rated" in shown
    assert not out.with_name("ratings.pairs.jsonl").exists()
    code, _, talk = whichtune("rate", "--out", out, "--export", out.with_name("pairs.jsonl"))
    assert code == 2
    assert "no row to learn from: 10 ties" in talk
    assert "fix: rate answers that differ more" in talk


def test_one_rater_is_told(whichtune, answers, out):
    _, shown, _ = whichtune("rate", answers, "--out", out, stdin="1\n" * 10)
    assert "! one rater  nobody knows whether another one would say the same" in shown


def test_a_file_of_somebody_elses_is_never_written_over(whichtune, answers, out):
    whichtune("rate", answers, "--out", out, stdin="1\n" * 10)
    mine = written(out.with_name("pairs.jsonl"), [{"prompt": "mine"}])
    code, _, talk = whichtune("rate", "--out", out, "--export", mine)
    assert code == 2
    assert "this file exists already" in talk
    assert lines(mine) == [{"prompt": "mine"}]
    for _ in range(2):  # its own it replaces
        code, *_ = whichtune("rate", "--out", out, "--export", out.with_name("other.jsonl"))
        assert code == 0


def test_a_line_that_was_cut_off_is_told_and_asked_again(whichtune, answers, out):
    whichtune("rate", answers, "--out", out, "--rater", "ann", stdin="1\n1\nq\n")
    whole = out.read_bytes()
    out.write_bytes(whole[:-40])
    code, shown, talk = whichtune("rate", "--out", out, "--rater", "ann", stdin="1\n1\nq\n")
    assert code == 0
    assert f"! {out}:2: cut off when it was written" in talk
    assert "3 of 10 rated" in shown
    assert out.read_bytes().startswith(whole[:-40] + b"\n")


def test_a_log_without_its_candidates_or_of_others_is_refused(whichtune, answers, out, tmp_path):
    whichtune("rate", answers, "--out", out, stdin="1\nq\n")
    other = written(tmp_path / "other.jsonl", [{"prompt": "a", "answer_a": "x", "answer_b": "y"}])
    code, _, talk = whichtune("rate", other, "--out", out, stdin="1\n")
    assert code == 2
    assert "these ratings are of answers.jsonl" in talk
    code, _, talk = whichtune("rate", answers, "--out", out, "--thumbs", stdin="1\n")
    assert code == 2
    assert "these ratings are of two answers each" in talk
    rating_log.beside(out).write_text("{}")
    code, _, talk = whichtune("rate", "--out", out, stdin="1\n")
    assert (code, "no candidates of a rating" in talk) == (2, True)
    rating_log.beside(out).unlink()
    code, _, talk = whichtune("rate", answers, "--out", out, stdin="1\n")
    assert (code, "no ratings.candidates.json beside this file" in talk) == (2, True)
    assert len(lines(out)) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.jsonl"], "no such file"),
        (["lora-0007"], "no run 'lora-0007'"),
        ([], "nothing to rate was named"),
        (["answers.jsonl", "answers.jsonl"], "one file with two answers a row"),
        (["answers.jsonl", "--prompts", "answers.jsonl"], "a file answers no prompts"),
        (["answers.jsonl", "--rater", " "], "no name of a person: ' '"),
        (["answers.jsonl", "--out", "ratings.csv"], "ratings are JSON Lines"),
        (["answers.jsonl", "--out", "nowhere/ratings.jsonl"], "no such folder: 'nowhere'"),
        (["answers.jsonl", "--input", "no"], "no column 'no'"),
        (["answers.jsonl", "--role", "target=prompt"], "no role 'target' in a rating"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_type(
    whichtune, answers, monkeypatch, arguments, told
):
    monkeypatch.chdir(answers.parent)
    code, _, talk = whichtune("rate", *arguments, stdin="1\n")
    assert code == 2
    assert told in talk
    assert "fix: " in talk
    assert not list(answers.parent.glob("ratings*"))


def test_answers_can_come_from_a_file_and_a_bad_line_is_named(whichtune, answers, out, tmp_path):
    typed = tmp_path / "typed.txt"
    typed.write_text("left\ntie\nwhatever\n")
    code, _, talk = whichtune("rate", answers, "--out", out, "--answers", typed)
    assert code == 2
    assert "--answers:3: 'whatever' is none of" in talk
    assert len(lines(out)) == 2
    typed.write_text("1\n" * 8)
    code, shown, _ = whichtune("rate", "--out", out, "--answers", typed, "--json")
    said = json.loads(shown)
    jsonschema.validate(said, json.loads((SCHEMAS / "rate.v1.json").read_text("utf-8")))
    assert (said["complete"], said["tally"]["rated"]) == (True, 10)
    assert Path(said["export"]).exists()


def test_a_folder_that_cannot_be_written_to_loses_nothing(answers, out):
    ratings = picks(opened(out, answers), count=2)
    out.chmod(0o400)
    out.rename(out.with_name("moved.jsonl"))
    out.mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        ratings.say("tie")
    assert len(ratings.said()) == 2


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Two runs that write, measured on the same eight questions: one is told how."""
    folder = tmp_path_factory.mktemp("runs")
    rows = [Row(id=f"q{n}", input=f"{n} door", target="It is a door.") for n in range(8)]
    text = "".join(row.model_dump_json(exclude_defaults=True) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    kept = DataFile(path=folder / "rows.jsonl", sha256=digest, rows=8)
    for number, settings in ((1, {}), (2, {"instruction": "Say what it is, in five words."})):
        about: Any = {"approach": "zero_shot", "task": "generation", "base_model": "bundled"}
        where = folder / f"zero_shot-000{number}"
        where.mkdir()
        plan = Plan(train=kept, evaluation=kept, folder=where, settings=settings, **about)
        _run_folder.write_plan(plan)
        find("zero_shot").fit(plan, rows, silent)
        said = find("zero_shot").load(plan.artifact).predict(rows)
        _run_folder.write_predictions(where / _run_folder.PREDICTIONS, said)
        result = Result(
            approach="zero_shot",
            run=plan.name,
            base_model=plan.base_model,
            train_sha256=digest,
            evaluation_sha256=digest,
            scorecard=_measuring.card(plan, rows, said),
            baselines={},
            train_rows=8,
            train_seconds=0.1,
            predict_ms_per_row=1.0,
            peak_memory_bytes=1,
            artifact_bytes=1,
        )
        _run_folder.write_atomic(where / _run_folder.RESULT, result.model_dump_json())
        _run_folder.append_event(where, state="done")
    return folder


def test_what_two_runs_answered_is_rated_blind(whichtune, done, out):
    names = ("zero_shot-0001", "zero_shot-0002")
    code, shown, talk = whichtune("rate", *names, "--out", out, "--runs", done, stdin="1\n" * 8)
    assert code == 0, talk
    assert not any(name in talk for name in names)
    assert "what learns from the ratings has to be measured on others" in talk
    assert "better  zero_shot-0001" in shown
    rows = lines(out.with_name("ratings.pairs.jsonl"))
    kept = {
        name: {x["id"]: x["prediction"] for x in lines(done / name / "predictions.jsonl")}
        for name in names
    }
    assert rows
    for row in rows:
        for side in ("chosen", "rejected"):
            origin = row["provenance"][side]
            assert row[side] == kept[origin["run"]][row["id"]]
            assert len(origin["plan_sha256"]) == 64
    assert data.read(out.with_name("ratings.pairs.jsonl")).mapping.kind == "preference"


def test_one_run_answers_twice_and_the_same_again_for_the_same_seed(whichtune, done, tmp_path):
    made = []
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        log = tmp_path / f"{name}.jsonl"
        typed = ["zero_shot-0001", "--out", log, "--runs", done, "--rows", 3, "--seed", seed]
        code, _, talk = whichtune("rate", *typed, stdin="1\n" * 3)
        assert code == 0, talk
        rows = lines(tmp_path / f"{name}.pairs.jsonl")
        made.append(sorted(row["chosen"] + row["rejected"] for row in rows))
        drawn = [(row["provenance"]["chosen"], row["provenance"]["rejected"]) for row in rows]
        assert all({a["seed"], b["seed"]} == {2 * seed, 2 * seed + 1} for a, b in drawn)
        assert all(a["temperature"] == 0.9 for a, _ in drawn)
    assert len(made[0]) == 3
    assert made[0] == made[1] != made[2]


def test_runs_are_asked_prompts_that_they_were_not_measured_on(whichtune, done, out, tmp_path):
    prompts = tmp_path / "prompts.jsonl"
    written(prompts, [{"text": f"please tell me what is behind the door {n}"} for n in range(3)])
    typed = ["zero_shot-0001", "zero_shot-0002", "--prompts", prompts, "--out", out]
    code, _, talk = whichtune("rate", *typed, "--runs", done, stdin="1\n" * 3)
    assert code == 0, talk
    assert "measured on others" not in talk
    rows = lines(out.with_name("ratings.pairs.jsonl"))
    assert {row["prompt"] for row in rows} <= {row["text"] for row in lines(prompts)}
    assert rows
