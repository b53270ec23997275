"""Every kind of rows is recognised without flags, and becomes the rows that it should."""

import json
from pathlib import Path

import pytest

from advisor import data, mapping
from advisor.columns import Columns
from advisor.schema import COMMON, schemas
from rules.errors import DataError
from runners.base import Row

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
ASK, ANSWER = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}
TRANSCRIPT = "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: more\n\nAssistant: "
WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")


def table(tmp_path: Path, records: list[object], columns: Columns | None = None) -> data.Table:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return data.read(path, columns or Columns())


def prose(n: int) -> str:
    return f"a long answer number {n} about {WORDS[n % 8]} and {WORDS[n // 8 % 8]}, as prose"


CASES: list[tuple[str, list[object], dict[str, object]]] = [
    ("classification", [{"text": "pay", "label": "a"}, {"text": "go", "label": "b"}],
     {"input": "pay", "target": "a"}),
    ("multi_label", [{"text": "pay", "labels": ["a", "b"]}, {"text": "go", "labels": ["b"]}],
     {"input": "pay", "labels": ("a", "b")}),
    ("multi_label", [{"text": f"t{n}", "tags": "a|b" if n % 2 else "b"} for n in range(1, 30)],
     {"input": "t1", "labels": ("a", "b")}),
    ("prompt_completion", [{"prompt": f"q{n}", "completion": prose(n)} for n in range(30)],
     {"input": "q0", "target": prose(0)}),
    ("prompt_completion", [{"left": prose(n), "right": prose(n + 1)} for n in range(30)],
     {"input": prose(0), "target": prose(1)}),
    ("instruction", [{"instruction": "Sum.", "input": "1 2", "output": f"{n}"} for n in range(30)],
     {"input": "Sum.\n\n1 2", "target": "0"}),
    ("instruction", [{"instruction": "Sum.", "output": "3", "system": "Be brief."}],
     {"messages": ({"role": "system", "content": "Be brief."},
                   {"role": "user", "content": "Sum."}, {"role": "assistant", "content": "3"})}),
    ("chat", [{"messages": [ASK, ANSWER]}], {"messages": (ASK, ANSWER)}),
    ("chat", [{"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value":
     "hello"}]}], {"messages": (ASK, ANSWER)}),
    ("chat", [{"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}, ANSWER],
     "system": "S"}], {"messages": ({"role": "system", "content": "S"}, ASK, ANSWER)}),
    ("preference", [{"prompt": "hi", "chosen": "yes", "rejected": "no"}],
     {"input": "hi", "target": "yes", "rejected": "no"}),
    ("preference", [{"chosen": [ASK, ANSWER], "rejected": [ASK, {**ANSWER, "content": "go"}]}],
     {"messages": (ASK,), "target": "hello", "rejected": "go"}),
    ("preference", [{"chosen": TRANSCRIPT + "yes", "rejected": TRANSCRIPT + "no"}],
     {"messages": (ASK, ANSWER, {"role": "user", "content": "more"}), "target": "yes",
      "rejected": "no"}),
    ("preference", [{"chosen": "the sky is blue", "rejected": "the sky is green"}],
     {"input": "the sky is", "target": "blue", "rejected": "green"}),
    ("preference", [{"conversations": [{"from": "human", "value": "hi"}],
     "chosen": {"from": "gpt", "value": "yes"}, "rejected": {"from": "gpt", "value": "no"}}],
     {"messages": (ASK,), "target": "yes", "rejected": "no"}),
    ("ranked_pairs", [{"instruction": "Say", "input": "it", "response1": "one", "response2": "two",
     "annotator1": 2, "annotator2": 2, "annotator3": 0}],
     {"input": "Say\n\nit", "target": "two", "rejected": "one"}),
    ("ranked_pairs", [{"prompt": "Say", "response_a": "one", "response_b": "two",
     "winner": "model_a"}], {"input": "Say", "target": "one", "rejected": "two"}),
    ("liked", [{"prompt": "hi", "completion": "yes", "label": True}],
     {"input": "hi", "target": "yes", "liked": True}),
    ("liked", [{"messages": [ASK, ANSWER], "label": False}],
     {"messages": (ASK,), "target": "hello", "liked": False}),
    ("question_context", [{"question": "who?", "context": "She did.", "answers": {"text": ["she"],
     "answer_start": [0]}}], {"input": "who?", "documents": ("She did.",), "target": "she"}),
    ("question_documents", [{"_id": "7", "text": "who?", "documents": ["d1", 2]}],
     {"id": "7", "input": "who?", "documents": ("d1", "2")}),
    ("raw_text", [{"_id": "7", "title": "T", "text": "Body."}], {"id": "7", "input": "T\n\nBody."}),
    ("slots", [{"mr": "name[Aromi], food[Chinese]", "ref": "Aromi is Chinese."}],
     {"input": "name[Aromi], food[Chinese]", "target": "Aromi is Chinese."}),
    ("slots", [{"slots": "name : Aromi | food : Thai", "text": "Aromi is Thai."}],
     {"input": "name : Aromi | food : Thai", "target": "Aromi is Thai."}),
    ("text_to_sql", [{"question": "how many?", "context": "CREATE TABLE t (a)", "answer":
     "SELECT COUNT(*) FROM t"}],
     {"input": "CREATE TABLE t (a)\n\nhow many?", "target": "SELECT COUNT(*) FROM t"}),
    ("text_to_sql", [{"sql": ["SELECT x FROM t WHERE n = \"n0\""], "sentences": [
     {"text": "which x has n0?", "variables": {"n0": "5"}}]}],
     {"input": "which x has 5?", "target": 'SELECT x FROM t WHERE n = "5"',
      "group": 'SELECT x FROM t WHERE n = "n0"'}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "records", "first"), CASES)
def test_a_kind_is_recognised_and_read(tmp_path, kind, records, first):
    found = table(tmp_path, records)
    assert found.mapping.kind == kind, found.mapping.how
    assert found.rows[0] == Row(**{"id": "rows:1", **first})
    assert not found.excluded


def test_every_kind_has_a_case():
    assert {kind for kind, _, _ in CASES} == schemas().keys()


@pytest.mark.parametrize("name", sorted(schemas()))
def test_a_kind_names_only_roles_that_it_knows(name, tmp_path):
    for kind, records, _ in CASES:
        if kind == name:
            roles = table(tmp_path, records).mapping.roles
            assert roles.keys() <= schemas()[name].ROLES.keys() | COMMON.keys()


REFUSED: list[tuple[list[object], str]] = [
    ([{"messages": [ASK]}, {"messages": [ASK, ANSWER]}], "no turn of the assistant"),
    ([{"messages": [{"role": "wizard", "content": "x"}]}, {"messages": [ASK, ANSWER]},
      {"messages": [ASK, ANSWER]}], "turn 1 of the conversation has the role 'wizard'"),
    ([{"prompt": "p", "chosen": "a", "rejected": "a"}, {"prompt": "p", "chosen": "a",
      "rejected": "b"}], "both answers are the same"),
    ([{"prompt": "p", "chosen": True, "rejected": "a"}, {"prompt": "p", "chosen": "a",
      "rejected": "b"}], "the better answer is a boolean"),
    ([{"instruction": "p", "output": ""}, {"instruction": "p", "output": "x"}], "no answer"),
    ([{"question": "p", "context": [], "answer": "a"}, {"question": "p", "context": ["c"],
      "answer": "a"}], "no passage"),
    ([{"text": "t", "labels": [["a"]]}, {"text": "t", "labels": ["a"]}],
     "one of the labels is a list"),
    ([{"prompt": "p", "response1": "a", "response2": "b", "winner": "tie"}, {"prompt": "p",
      "response1": "a", "response2": "b", "winner": "1"}], "a tie: neither answer"),
]  # fmt: skip


@pytest.mark.parametrize(("records", "reason"), REFUSED)
def test_what_cannot_be_used_is_counted_with_its_reason(tmp_path, records, reason):
    found = table(tmp_path, records)
    assert reason in found.excluded[0].reason
    assert found.excluded[0].line == 1
    assert len(found.rows) + len(found.excluded) == found.records_read == len(records)


def test_a_row_without_any_label_is_kept_and_remarked(tmp_path):
    found = table(tmp_path, [{"text": "a", "labels": []}, {"text": "b", "labels": ["x"]}])
    assert [row.labels for row in found.rows] == [(), ("x",)]
    assert [(r.line, r.reason) for r in found.remarks] == [(1, "no label at all")]


def test_the_user_can_say_what_the_rows_are(tmp_path):
    records: list[object] = [{"a": "p", "b": "yes", "c": "no"}]
    with pytest.raises(DataError, match="--kind NAME"):
        table(tmp_path, records)
    roles = {"rejected": "c"}
    said = Columns(input="a", target="b", roles=roles, kind="preference")
    found = table(tmp_path, records, said)
    assert found.rows[0] == Row(id="rows:1", input="p", target="yes", rejected="no")
    assert found.mapping.how.startswith("given")
    saved = tmp_path / "mapping.yaml"
    mapping.save(found.mapping, saved)
    assert table(tmp_path, records, mapping.columns(saved, Columns())).rows == found.rows
    told = Columns(encoding="utf-8", part="x")
    mapping.save(found.mapping, tmp_path / "more.yaml", told)
    again = mapping.columns(tmp_path / "more.yaml", Columns(target="z", part="y"))
    assert (again.encoding, again.part, again.target, again.input) == ("utf-8", "y", "z", "a")
    with pytest.raises(DataError, match="exists already"):
        mapping.save(found.mapping, saved)


@pytest.mark.parametrize(
    ("said", "where", "fix"),
    [
        (Columns(kind="prefrence"), "--kind", "did you mean 'preference'"),
        (Columns(roles={"targt": "b"}), "--role", "did you mean 'target'"),
        (Columns(roles={"rejected": "z"}), "--role rejected=", "the columns are"),
        (Columns(kind="chat"), "rows.jsonl", "--role messages=COLUMN"),
    ],
)
def test_a_wrong_word_is_named(tmp_path, said, where, fix):
    with pytest.raises(DataError) as caught:
        table(tmp_path, [{"a": "p", "b": "yes"}], said)
    assert where in caught.value.where
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("kind: chat\ncolums: {}\n", "unknown key 'colums'"),
        ("- a\n", "no mapping"),
        ("columns: {input: 3}\n", "wrong form"),
        ("a: [\n", "cannot be read as a mapping"),
    ],
)
def test_a_wrong_mapping_file_says_what_is_wrong(tmp_path, body, said):
    path = tmp_path / "mapping.yaml"
    path.write_text(body)
    with pytest.raises(DataError, match=said):
        mapping.columns(path, Columns())
    with pytest.raises(DataError, match="No such file"):
        mapping.columns(tmp_path / "none.yaml", Columns())


def test_the_users_word_for_a_kind_counts_more_than_repeating_answers(tmp_path):
    records: list[object] = [{"prompt": f"is {n} even?", "completion": "no"} for n in range(30)]
    found = table(tmp_path, records, Columns(kind="prompt_completion"))
    assert {row.target for row in found.rows} == {"no"}


def test_empty_answers_are_missed_as_answers_and_not_as_labels(tmp_path):
    records: list[object] = [{"prompt": f"is {n} even?", "completion": ""} for n in range(30)]
    with pytest.raises(DataError, match=r"no answer \(30\)") as caught:
        table(tmp_path, records)
    assert "target in `completion`" in str(caught.value)


def test_rows_whose_label_is_missing_can_be_read_as_texts(tmp_path):
    records: list[object] = [{"claim": f"{n} is odd", "label": "", "topic": n} for n in range(5)]
    with pytest.raises(DataError, match="no label") as caught:
        table(tmp_path, records)
    assert "whichtune label" in str(caught.value)
    found = table(tmp_path, records, Columns(kind="raw_text", input="claim"))
    assert [row.input for row in found.rows][:2] == ["0 is odd", "1 is odd"]


def test_a_list_of_labels_in_a_cell_is_read_as_json(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('text,labels\none,"[""a, b"", ""c""]"\ntwo,[]\nthree,"[""c""]"\n')
    assert [row.labels for row in data.read(path).rows] == [("a, b", "c"), (), ("c",)]


FILES = {
    "instruction/gsm8k/train.jsonl": ("prompt_completion", 7473, 0),
    "instruction/text2sql_advising/advising.json": ("text_to_sql", 4387, 0),
    "preference/llamafactory_demo/dpo_en_demo.json": ("preference", 300, 0),
    "preference/llamafactory_demo/kto_en_demo.json": ("liked", 300, 0),
    "preference/pandalm_testset/testset-v1.json": ("ranked_pairs", 886, 113),
    "rag/pubmedqa/ori_pqal.json": ("question_context", 1000, 0),
    "rag/scifact/beir_format/queries.jsonl": ("raw_text", 1109, 0),
    "rag/scifact/original/claims_train.csv": ("classification", 957, 304),
    "classification/sms_spam/spam.csv": ("classification", 5572, 0),
}


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data sets are not at {SHARED}")
@pytest.mark.parametrize("name", sorted(FILES))
def test_real_files_need_no_flag(name):
    found = data.read(SHARED / name)
    assert (found.mapping.kind, len(found.rows), len(found.excluded)) == FILES[name]


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real data sets are not at {SHARED}")
def test_booleans_for_answers_are_found():
    found = data.read(SHARED / "preference/pandalm_testset/testset-v1.json")
    assert sum("boolean" in record.reason for record in found.excluded) == 6
    assert sum("tie" in record.reason for record in found.excluded) == 105
