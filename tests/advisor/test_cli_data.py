"""``whichtune convert`` and ``whichtune label``, typed as a user would."""

import json
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor import converting, data, draw, instruct, recognise
from advisor.answers import Labels
from advisor.columns import Columns
from advisor.converting import Wanted
from runners.base import Row

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
TEXTS = {
    "where is my card": "cards",
    "the card is lost": "cards",
    "send money home": "transfers",
    "my transfer is late": "transfers",
    "what is the fee abroad": "fees",
    "why was I charged": "fees",
}
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def labelled(tmp_path):
    path = tmp_path / "tickets.csv"
    path.write_text(
        "text,label\n" + "".join(f"{text},{label}\n" for text, label in TEXTS.items()), "utf-8"
    )
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_labelled_rows_become_instructions_that_list_the_labels(whichtune, labelled, tmp_path):
    out = tmp_path / "asked.jsonl"
    code, shown, _ = whichtune("convert", labelled, out, "--to", "instructions")
    assert code == 0
    rows = lines(out)
    assert [(row["input"], row["output"]) for row in rows] == list(TEXTS.items())
    assert all("cards, fees, transfers" in row["instruction"] for row in rows)
    assert "6 rows of 6 records" in shown
    assert shown.count('"instruction"') == 3
    assert data.read(out).mapping.kind == "instruction"


def test_each_label_meets_each_wording_equally_often(tmp_path):
    rows = [Row(id=str(n), input=f"text {n}", target="ab"[n % 2]) for n in range(80)]
    wordings = instruct.choose("classification", ("a", "b"))
    met = [
        (row.target, made.template)
        for row, made in instruct.made(rows, wordings, ("a", "b"), seed=3)
        if isinstance(made, instruct.Instruction)
    ]
    assert {met.count((label, name)) for label in "ab" for name in wordings} == {10}


def test_another_seed_deals_the_wordings_in_another_order(labelled, tmp_path):
    made = {}
    for name, seed in (("one", 1), ("two", 2), ("again", 1)):
        out = tmp_path / f"{name}.jsonl"
        converting.convert(labelled, out, Columns(), Wanted(to="instructions", seed=seed))
        made[name] = out.read_text("utf-8")
    assert made["one"] == made["again"] != made["two"]


def test_one_wording_can_be_asked_for_by_name(whichtune, labelled, tmp_path):
    out = tmp_path / "asked.jsonl"
    whichtune("convert", labelled, out, "--to", "instructions", "--template", "classify")
    assert {row["template"] for row in lines(out)} == {"classify"}


def test_a_wording_that_does_not_exist_is_refused_with_the_nearest(whichtune, labelled, tmp_path):
    out = tmp_path / "asked.jsonl"
    flags = ("--to", "instructions", "--template", "clasify")
    code, _, said = whichtune("convert", labelled, out, *flags)
    assert code == 2
    assert "no template 'clasify'" in said
    assert "did you mean 'classify'?" in said
    assert not out.exists()


def test_labels_that_say_how_somebody_feels_are_asked_for_as_sentiment(tmp_path):
    rows = [{"text": f"film {n}", "label": ("Positive", "negative")[n % 2]} for n in range(8)]
    path = written(tmp_path / "films.jsonl", rows)
    done = converting.convert(path, tmp_path / "o.jsonl", Columns(), Wanted(to="instructions"))
    assert set(done.templates) == set(instruct.files()["sentiment"].templates)


def test_too_many_labels_are_not_listed(tmp_path):
    rows = [{"text": f"text {n}", "label": f"label_{n % 40}"} for n in range(80)]
    path = written(tmp_path / "many.jsonl", rows)
    out = tmp_path / "asked.jsonl"
    converting.convert(path, out, Columns(), Wanted(to="instructions"))
    assert not any("label_" in row["instruction"] for row in lines(out))


SAID = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
TEXT = SAID.filter(lambda text: text.strip() and not text.isspace())
LABEL = (
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20)
    .map(str.strip)
    .filter(lambda label: label.strip("\ufeff \u2028").strip() == label and label)
)


@settings(max_examples=150)
@given(st.lists(st.tuples(TEXT, LABEL), min_size=1, max_size=8), st.integers(0, 5))
def test_a_labelled_row_comes_back_from_its_instruction(pairs, seed):
    labels = tuple(sorted({label for _, label in pairs}))
    rows = [Row(id=str(n), input=text, target=label) for n, (text, label) in enumerate(pairs)]
    wordings = instruct.choose("classification", labels)
    known = Labels(labels)
    for row, made in instruct.made(rows, wordings, labels, seed):
        assert isinstance(made, instruct.Instruction)
        assert known.one(made.output) == row.target
        found = recognise.recognise(made.prompt)
        assert found is not None
        assert found.text == row.input


@settings(max_examples=150)
@given(st.lists(st.tuples(TEXT, st.sets(LABEL, max_size=4)), min_size=1, max_size=6))
def test_a_row_with_several_labels_comes_back_with_all_of_them(pairs):
    labels = tuple(sorted({label for _, some in pairs for label in some}))
    known = Labels(labels)
    rows = [
        Row(id=str(n), input=text, labels=tuple(sorted(some)))
        for n, (text, some) in enumerate(pairs)
    ]
    for row, made in instruct.made(rows, instruct.choose("multi_label", labels), labels):
        assert isinstance(made, instruct.Instruction)
        assert known.several(made.output) == row.labels


@settings(max_examples=25, suppress_health_check=FIXTURES)
@given(
    st.lists(st.tuples(TEXT, LABEL), min_size=2, max_size=6),
    st.sampled_from(["instructions", "chat"]),
    st.sampled_from([".jsonl", ".parquet"]),
)
def test_a_file_of_labelled_rows_comes_back_whole(tmp_path_factory, pairs, to, suffix):
    folder = tmp_path_factory.mktemp("there")
    path = written(folder / "a.jsonl", [{"text": text, "label": label} for text, label in pairs])
    kind = Columns(kind="classification", input="text", target="label")
    before = data.read(path, kind)
    there, back = folder / f"b{suffix}", folder / f"c{suffix}"
    converting.convert(path, there, kind, Wanted(to=to))
    labels = converting.all_labels(before)
    converting.convert(there, back, Columns(), Wanted(to="labels", labels=labels))
    after = data.read(back, kind)
    assert [(r.input, r.target) for r in after.rows] == [(r.input, r.target) for r in before.rows]


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("spam", "spam"),
        (" Spam.", "spam"),
        ("'SPAM'", "spam"),
        ("not spam", "not-spam"),
        ("Not-Spam!", "not-spam"),
        ("it is spam", None),
        ("", None),
        ("A", "A"),
        ("a", "a"),
        ("a.", None),
    ],
)
def test_an_answer_means_a_label_but_for_case_and_punctuation_or_none(answer, label):
    assert Labels(["spam", "not-spam", "A", "a"]).one(answer) == label


def test_answers_that_are_no_label_are_counted_and_not_guessed(whichtune, tmp_path):
    answers = ["Spam", "ham.", "I am not sure", "HAM", "spam or ham"]
    rows = [
        {"instruction": "Is this spam?", "input": f"message {n}", "output": answer}
        for n, answer in enumerate(answers)
    ]
    path, out = written(tmp_path / "said.jsonl", rows), tmp_path / "labels.csv"
    code, shown, _ = whichtune("convert", path, out, "--to", "labels", "--labels", "spam,ham")
    assert code == 0
    assert [row.target for row in data.read(out).rows] == ["spam", "ham", "ham"]
    assert "left out  2: the answer is none of the labels; line 3, 5" in shown


def test_answers_in_prose_are_no_labels(whichtune, tmp_path):
    rows = [{"prompt": f"question {n}", "completion": f"answer number {n}"} for n in range(50)]
    path = written(tmp_path / "said.jsonl", rows)
    code, _, said = whichtune("convert", path, tmp_path / "o.jsonl", "--to", "labels")
    assert code == 2
    assert "50 different answers in 50 rows: no labels" in said


def test_the_labels_that_answers_may_mean_can_be_those_of_a_file(whichtune, labelled, tmp_path):
    rows = [{"prompt": "where is it", "completion": "Cards"}]
    path, out = written(tmp_path / "said.jsonl", rows), tmp_path / "o.jsonl"
    flags = ("--kind", "prompt_completion", "--to", "labels", "--labels", labelled)
    whichtune("convert", path, out, *flags)
    assert lines(out)[0]["label"] == "cards"


def test_several_labels_come_back_from_a_csv_of_instructions(whichtune, tmp_path):
    rows = [
        {"text": "fast, but dear", "labels": ["speed", "price"]},
        {"text": "it is blue", "labels": []},
        {"text": "too dear", "labels": ["price"]},
    ]
    path = written(tmp_path / "tags.jsonl", rows)
    there, back = tmp_path / "there.csv", tmp_path / "back.csv"
    assert whichtune("convert", path, there, "--to", "instructions")[0] == 0
    assert whichtune("convert", there, back, "--to", "labels")[0] == 0
    found = data.read(back)
    assert found.mapping.kind == "multi_label"
    assert [row.labels for row in found.rows] == [("speed", "price"), (), ("price",)]


def test_a_file_is_never_written_over(whichtune, labelled, tmp_path):
    out = tmp_path / "there.jsonl"
    out.write_text("mine")
    code, _, said = whichtune("convert", labelled, out, "--to", "chat")
    assert code == 2
    assert "this file exists already" in said
    assert out.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.jsonl", "tickets.csv"]


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.json"])
def test_a_name_that_says_no_form_is_refused_before_anything_is_read(whichtune, tmp_path, name):
    code, _, said = whichtune("convert", tmp_path / "missing.csv", tmp_path / name)
    assert code == 2
    assert f"no form to write: {name!r}" in said
    assert ".jsonl, .csv, .tsv, .parquet" in said


def test_turns_are_not_squeezed_into_a_cell_of_csv(whichtune, labelled, tmp_path):
    code, _, said = whichtune("convert", labelled, tmp_path / "chat.csv", "--to", "chat")
    assert code == 2
    assert "a cell of a table holds no list of turns" in said


def test_pairs_of_answers_are_no_instructions(whichtune, tmp_path):
    rows = [{"prompt": f"q {n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(5)]
    path = written(tmp_path / "pairs.jsonl", rows)
    code, _, said = whichtune("convert", path, tmp_path / "o.jsonl", "--to", "instructions")
    assert code == 2
    assert "no template for rows of the kind preference" in said


def test_a_conversation_of_several_turns_is_left_out_of_instructions_with_its_line(
    whichtune, tmp_path
):
    short = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    path = written(tmp_path / "chat.jsonl", [{"messages": short}, {"messages": short * 2}])
    out = tmp_path / "o.jsonl"
    _, shown, _ = whichtune("convert", path, out, "--to", "instructions")
    assert "left out  1: a conversation of several turns" in shown
    assert "line 2" in shown
    assert lines(out) == [
        {"id": "chat:1", "instruction": "hi", "input": "", "output": "hello", "template": "kept"}
    ]


def test_without_to_only_the_format_changes(whichtune, tmp_path):
    rows = [{"a": "x", "n": 1}, {"a": "y\rz", "n": 2.5, "tags": ["p", "q"]}]
    path = written(tmp_path / "rows.jsonl", rows)
    for name in ("one.parquet", "two.csv", "three.jsonl"):
        assert whichtune("convert", path, tmp_path / name)[0] == 0
    table = pq.read_table(tmp_path / "one.parquet").to_pylist()
    assert table == [
        {"a": "x", "n": 1.0, "tags": None},
        {"a": "y\rz", "n": 2.5, "tags": ["p", "q"]},
    ]
    text = (tmp_path / "two.csv").read_bytes().decode()
    assert text == 'a,n,tags\r\nx,1,\r\n"y\rz",2.5,"[""p"", ""q""]"\r\n'
    assert lines(tmp_path / "three.jsonl") == rows


def test_a_column_of_numbers_and_texts_is_one_of_texts_in_parquet(whichtune, tmp_path):
    path = written(tmp_path / "rows.jsonl", [{"a": 1}, {"a": "x"}, {"a": {"b": True}}, {"a": None}])
    whichtune("convert", path, tmp_path / "o.parquet")
    found = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert [row["a"] for row in found] == ["1", "x", '{"b": true}', None]


def test_a_line_that_cannot_be_read_is_told_when_the_format_changes(whichtune, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": \n{"a": 2}\n')
    _, shown, _ = whichtune("convert", path, tmp_path / "o.csv")
    assert "2 rows of 3 records" in shown
    assert "left out  1: not JSON" in shown
    assert "line 2" in shown


def test_conversion_as_json_follows_its_schema(whichtune, labelled, tmp_path):
    out = tmp_path / "o.jsonl"
    _, shown, _ = whichtune("convert", labelled, out, "--to", "chat", "--json")
    found = json.loads(shown)
    schema = json.loads((SCHEMAS / "convert.v1.json").read_text("utf-8"))
    jsonschema.validate(found, schema)
    assert found["converted"]["rows"] == 6
    assert len(found["converted"]["examples"]) == 3


@pytest.mark.parametrize("flag", ["--template", "--labels"])
def test_a_flag_that_would_do_nothing_is_refused(whichtune, labelled, tmp_path, flag):
    code, _, said = whichtune("convert", labelled, tmp_path / "o.jsonl", flag, "classify")
    assert code == 2
    assert "--to" in said


@pytest.fixture
def unlabelled(tmp_path):
    path = tmp_path / "mails.jsonl"
    words = ["card", "loan", "fee", "app", "pin", "rent", "tax", "visa", "cash", "bill"]
    rows = [{"text": f"a question about my {word} and how it works"} for word in words]
    return written(path, [*rows, rows[0]])


def typed(tmp_path, *answers):
    path = tmp_path / f"typed{len(list(tmp_path.iterdir()))}.txt"
    path.write_text("".join(f"{answer}\n" for answer in answers), "utf-8")
    return path


def test_rows_without_labels_become_an_evaluation_set(whichtune, unlabelled, tmp_path):
    out = tmp_path / "eval.jsonl"
    said = ("yes", "2", "yes", "no", "1", "1", "No!", "1", "1", "1", "1")
    flags = ("--label", "yes", "--label", "no", "--answers", typed(tmp_path, *said))
    code, shown, talk = whichtune("label", unlabelled, "--out", out, *flags)
    assert code == 0
    rows = lines(out)
    assert sorted(row["label"] for row in rows) == ["no"] * 3 + ["yes"] * 7
    assert len({row["text"] for row in rows}) == 10, "a repeat was asked twice"
    assert "10 of 10 rows labelled" in shown
    assert f"--evaluation {out}" in talk
    found = data.read(out)
    assert (found.mapping.kind, len(found.rows)) == ("classification", 10)


def test_labelling_goes_on_where_it_stopped(whichtune, unlabelled, tmp_path):
    out = tmp_path / "eval.jsonl"
    start = ("label", unlabelled, "--out", out, "--label", "a", "--label", "b", "--rows", 5)
    assert "2 of 5 rows labelled" in whichtune(*start, stdin="a\nb\nq\n")[1]
    first = lines(out)
    code, shown, talk = whichtune("label", unlabelled, "--out", out, stdin="1\n1\n1\n")
    assert code == 0
    assert "[3/5]" in talk
    assert "[2/5]" not in talk
    assert "5 of 5 rows labelled" in shown
    assert lines(out)[:2] == first


def test_the_last_answer_can_be_taken_back(whichtune, unlabelled, tmp_path):
    out = tmp_path / "eval.jsonl"
    flags = ("--label", "a", "--label", "b", "--rows", 3)
    whichtune("label", unlabelled, "--out", out, *flags, stdin="a\na\nu\nb\ns\n")
    assert [row["label"] for row in lines(out)] == ["a", "b"]


def test_a_typing_error_makes_no_label(whichtune, unlabelled, tmp_path):
    out = tmp_path / "eval.jsonl"
    flags = ("--label", "spam", "--label", "ham", "--rows", 2)
    _, _, talk = whichtune("label", unlabelled, "--out", out, *flags, stdin="spma\n+other\n3\n")
    assert "no label 'spma'; did you mean 'spam'? else type +spma to make it a label" in talk
    assert [row["label"] for row in lines(out)] == ["other", "other"]


def test_a_line_of_a_file_that_is_no_answer_is_named_and_what_came_before_is_kept(
    whichtune, unlabelled, tmp_path
):
    out = tmp_path / "eval.jsonl"
    flags = ("--label", "a", "--rows", 3, "--answers", typed(tmp_path, "a", "bb"))
    code, _, said = whichtune("label", unlabelled, "--out", out, *flags)
    assert code == 2
    assert "--answers:2: no label 'bb'" in said
    assert [row["label"] for row in lines(out)] == ["a"]


def test_answers_can_be_given_by_id(whichtune, unlabelled, tmp_path):
    out = tmp_path / "eval.jsonl"
    told = [{"id": "mails:3", "answer": "a"}, {"id": "mails:7", "answer": "b"}]
    answers = written(tmp_path / "told.jsonl", told)
    flags = ("--label", "a", "--label", "b", "--answers", answers, "--json")
    _, shown, _ = whichtune("label", unlabelled, "--out", out, *flags)
    found = json.loads(shown)
    jsonschema.validate(found, json.loads((SCHEMAS / "label.v1.json").read_text("utf-8")))
    assert (found["answered"], found["skipped"]) == (2, 8)
    assert {row["id"]: row["label"] for row in lines(out)} == {"mails:3": "a", "mails:7": "b"}


def test_labels_that_rows_have_are_spread_and_compared_but_not_shown(whichtune, tmp_path):
    rows = [{"text": f"message about thing {n}", "label": "ab"[n < 6]} for n in range(24)]
    path, out = written(tmp_path / "rows.jsonl", rows), tmp_path / "eval.jsonl"
    _, shown, talk = whichtune("label", path, "--out", out, "--rows", 8, stdin="a\n" * 8)
    session = json.loads((tmp_path / "eval.session.json").read_text("utf-8"))
    assert sorted(item["known"] for item in session["items"]) == ["a"] * 6 + ["b"] * 2
    assert "agreed  6 of 8" in shown
    assert "a\n" not in talk.replace("about", "")


def test_texts_whose_labels_are_missing_are_the_ones_that_are_asked(whichtune, tmp_path):
    rows = [{"text": f"message about thing {n}", "label": "xy"[n % 2]} for n in range(30)]
    rows += [{"text": f"another question, number {n}", "label": ""} for n in range(6)]
    path, out = written(tmp_path / "rows.jsonl", rows), tmp_path / "eval.jsonl"
    whichtune("label", path, "--out", out, "--rows", 4, stdin="x\n" * 4)
    assert all("another question" in row["text"] for row in lines(out))


def test_questions_get_an_answer_in_words_and_enter_keeps_the_one_they_have(whichtune, tmp_path):
    rows = [{"question": f"What is {n} + {n}?", "answer": f"It is {2 * n}."} for n in range(9)]
    path, out = written(tmp_path / "sums.jsonl", rows), tmp_path / "eval.jsonl"
    whichtune("label", path, "--out", out, "--rows", 2, stdin="\nten at most\n")
    made = lines(out)
    assert made[0] in [{"id": f"sums:{n}", **row} for n, row in enumerate(rows, 1)]
    assert made[1]["answer"] == "ten at most"


def test_several_labels_are_given_by_numbers_with_commas(whichtune, tmp_path):
    rows = [{"text": f"post number {n}", "tags": ["p", "q"][: n % 3]} for n in range(9)]
    path, out = written(tmp_path / "posts.jsonl", rows), tmp_path / "eval.jsonl"
    whichtune("label", path, "--out", out, "--rows", 2, stdin="1, q\n-\n")
    assert [row["tags"] for row in lines(out)] == [["p", "q"], []]


def test_the_same_seed_draws_the_same_rows_and_another_seed_others(whichtune, labelled, tmp_path):
    drawn = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        out = tmp_path / f"{name}.jsonl"
        whichtune("label", labelled, "--out", out, "--rows", 4, "--seed", seed, stdin="q\n")
        session = json.loads((tmp_path / f"{name}.session.json").read_text("utf-8"))
        drawn.append([item["id"] for item in session["items"]])
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_file_that_is_not_ours_is_not_labelled_over(whichtune, unlabelled, tmp_path):
    out = tmp_path / "eval.jsonl"
    out.write_text("mine")
    code, _, said = whichtune("label", unlabelled, "--out", out, "--label", "a", stdin="a\n")
    assert code == 2
    assert "this file exists already" in said
    assert out.read_text() == "mine"


def test_rows_that_changed_since_are_not_mixed_with_old_answers(whichtune, unlabelled, tmp_path):
    out = tmp_path / "eval.jsonl"
    whichtune("label", unlabelled, "--out", out, "--label", "a", "--rows", 3, stdin="a\nq\n")
    with unlabelled.open("a") as file:
        file.write('{"text": "one more question"}\n')
    code, _, said = whichtune("label", unlabelled, "--out", out, stdin="a\n")
    assert code == 2
    assert "the rows have changed since it was begun" in said


def test_every_row_has_the_same_chance_to_be_drawn():
    texts = [f"word{n} " * (n % 7 + 1) for n in range(40)]
    times = [0] * 40
    for seed in range(400):
        for place in draw.draw(texts, [""] * 40, 10, seed).places:
            times[place] += 1
    # 100 draws of each are expected; a fair coin strays by 9, a systematic sample by less or so.
    assert all(60 < count < 140 for count in times)


def test_near_repeats_are_not_both_drawn():
    texts = ["please send me the new card today", "Please send me the new card today !"]
    found = draw.draw([*texts, "how high is the fee abroad"], [""] * 3, 3, 0)
    assert len(found.places) == 2
