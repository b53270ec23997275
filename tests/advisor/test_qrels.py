"""Judgements are joined to the questions they are about, and nothing is lost on the way unsaid."""

import json

import pytest

QUESTIONS = [{"_id": 1, "text": "one?"}, {"_id": 2, "text": "two?"}, {"_id": 3, "text": "three?"}]
BEIR = "query-id\tcorpus-id\tscore\n1\td 1\t2\n1\td2\t0\n1\td3\t1\n2\td1\t0\n9\td1\t1\n"
TREC = "1 0 d1 2\n1 0 d2 -1\n\n1 Q0 d3 1\n2 0 d1 0\n9 0 d1 1\n"


@pytest.fixture
def joined(tmp_path, whichtune):
    """Convert with these judgements."""

    def join(judgements, questions=QUESTIONS, out="rows.jsonl", *more):
        (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, questions)))
        (tmp_path / "qrels").write_text(judgements)
        sent = ("convert", tmp_path / "asked.jsonl", tmp_path / out)
        code, said, err = whichtune(*sent, "--qrels", tmp_path / "qrels", *more)
        made = tmp_path / out
        rows = list(map(json.loads, made.read_text().splitlines())) if made.exists() else []
        return code, rows, " ".join(f"{said} {err}".split())

    return join


@pytest.mark.parametrize(("judgements", "first"), [(BEIR, "d 1"), (TREC, "d1")])
def test_both_forms_are_read_and_what_is_left_out_is_told(joined, judgements, first):
    code, rows, said = joined(judgements)
    assert code == 0
    assert rows == [{"_id": 1, "text": "one?", "documents": [first, "d3"]}]
    assert "1 rows of 3 records" in said
    assert "2: no document is said to answer it; line 2, 3" in said
    assert "not asked: 1, such as '9'" in said


@pytest.mark.parametrize(
    ("judgements", "questions", "out", "more", "wrong"),
    [
        ("1\td1\n", QUESTIONS, "rows.jsonl", (), "qrels:1: no judgement: '1 d1'"),
        ("1\td1\tyes\n", QUESTIONS, "rows.jsonl", (), "qrels:1: no judgement: '1 d1 yes'"),
        ("1\td1\t0\n", QUESTIONS, "rows.jsonl", (), "no document answers any question"),
        ("7\td1\t1\n", QUESTIONS, "rows.jsonl", (), "none of the 3 records can be converted"),
        (BEIR, [{"text": "one?"}], "rows.jsonl", (), "no column with the ids of the questions"),
        (BEIR, [{"id": 1, "documents": "d"}], "rows.jsonl", (), "a column 'documents' already"),
        (BEIR, QUESTIONS, "rows.csv", (), "a cell of a table holds no list of documents"),
        (BEIR, QUESTIONS, "rows.jsonl", ("--to", "chat"), "questions as they are"),
        (BEIR, QUESTIONS, "rows.jsonl", ("--id", "key"), "--id COLUMN, one of _id, text"),
    ],
)
def test_what_cannot_be_joined_is_refused(joined, judgements, questions, out, more, wrong):
    code, rows, said = joined(judgements, questions, out, *more)
    assert (code, rows) == (2, [])
    assert wrong in said
