# ruff: noqa: RUF001 -- curly quotes are among what is mended
"""``profile --fix``: a new file with all columns, a log of every change, the input untouched."""

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import examination
from advisor.columns import Columns
from advisor.data import read
from advisor.mend import Mended, Wanted, check, mend
from rules.errors import DataError, UserError

SHARED = Path(__file__).parents[3] / "shared" / "data"
NEEDS_SHARED = "the optional folder ../shared/data is not there"
HEADER = "no,text,label,note"
ROWS = (
    "1,where is my card,lost,first",
    "2,where is my card,lost,a repeat",
    "3,itâ€™s late,late,damaged",
    "4,Tom &amp; I paid,paid,marked",
    "5,I paid twice,PAID,spelt",
    "6,they paid me,paid,plain",
    "7,,paid,no text",
    "8,it is late again,late,plain",
    "9,I lost it,lost,plain",
    "10,paid in full,paid,plain",
)


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "tickets.csv") -> Path:
    path = folder / name
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def mended(
    path: Path,
    out: Path | None,
    *only: str,
    columns: Columns = Columns(),  # noqa: B008 -- it is frozen
    evaluation: Path | None = None,
) -> Mended:
    wanted = Wanted(out, only)
    check(path, wanted)
    table = read(path, columns)
    held_out = read(evaluation) if evaluation else None
    asked = examination.Asked(embed=False)
    found = examination.examine(table, held_out, asked=asked).found
    done = mend(table, found, columns, wanted)
    assert done.records == table.records_read == done.written + done.left_out
    return done


def log(path: Path) -> list[dict[str, Any]]:
    lines = path.read_text("utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if "line" in entry]


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_new_file_has_all_columns_and_every_remedy(tmp_path: Path):
    path, out = write(tmp_path, *ROWS), tmp_path / "clean.csv"
    before = path.read_bytes()
    done = mended(path, out)
    assert path.read_bytes() == before
    assert (done.records, done.written, done.left_out, done.changed) == (10, 8, 2, 3)
    assert [row["no"] for row in cells(out)] == ["1", "3", "4", "5", "6", "8", "9", "10"]
    rows = {row["no"]: row for row in cells(out)}
    assert rows["3"] == {"no": "3", "text": "it’s late", "label": "late", "note": "damaged"}
    assert rows["4"]["text"] == "Tom & I paid"
    assert rows["5"]["label"] == "paid"
    assert rows["6"] == {"no": "6", "text": "they paid me", "label": "paid", "note": "plain"}


def test_every_changed_row_is_a_line_of_the_log_and_none_is_lost(tmp_path: Path):
    out = tmp_path / "clean.csv"
    done = mended(write(tmp_path, *ROWS), out)
    entries = log(tmp_path / "clean.csv.changes.jsonl")
    assert done.log == str(tmp_path / "clean.csv.changes.jsonl")
    assert [(e["line"], e["id"], e["codes"], e["left_out"]) for e in entries] == [
        (3, "tickets:3", ["repeats"], True),
        (4, "tickets:4", ["damaged_letters"], False),
        (5, "tickets:5", ["markup"], False),
        (6, "tickets:6", ["label_spelling"], False),
        (8, "", ["excluded"], True),
    ]
    assert entries[0]["before"] == {
        "no": "2",
        "text": "where is my card",
        "label": "lost",
        "note": "a repeat",
    }
    assert entries[0]["after"] is None
    assert (entries[1]["before"], entries[1]["after"]) == (
        {"text": "itâ€™s late"},
        {"text": "it’s late"},
    )
    assert entries[4]["done"] == ["left out: no text"]
    assert entries[4]["before"]["note"] == "no text"
    assert sum(e["left_out"] for e in entries) == done.left_out


def test_one_finding_alone_can_be_chosen(tmp_path: Path):
    out = tmp_path / "clean.csv"
    done = mended(write(tmp_path, *ROWS), out, "repeats")
    assert (done.by_finding, done.left_out, done.changed) == ({"repeats": 1}, 1, 0)
    rows = {row["no"]: row for row in cells(out)}
    assert rows["3"]["text"] == "itâ€™s late"
    assert rows["7"]["text"] == ""


def test_a_finding_that_is_for_a_person_to_decide_is_refused_by_name(tmp_path: Path):
    path = write(tmp_path, *ROWS, "11,mail ada@gmail.com,paid,personal")
    with pytest.raises(UserError, match="'personal_data' is for you to decide") as error:
        mended(path, None, "personal_data")
    assert error.value.fix.startswith("these can be: excluded")
    with pytest.raises(UserError, match="no 'repaets' found"):
        mended(path, None, "repaets")


def test_a_preview_writes_nothing_and_counts_the_same(tmp_path: Path):
    path = write(tmp_path, *ROWS)
    preview = mended(path, None)
    assert list(tmp_path.iterdir()) == [path]
    done = mended(path, tmp_path / "clean.jsonl")
    assert preview.model_copy(update={"file": done.file, "log": done.log}) == done


def test_leaks_are_left_out(tmp_path: Path):
    path = write(tmp_path, *ROWS)
    evaluation = write(tmp_path, "1,I LOST it,lost,e", "2,never,late,e", name="test.csv")
    done = mended(path, tmp_path / "clean.csv", "leak", evaluation=evaluation)
    assert (done.left_out, done.by_finding) == (1, {"leak": 1})
    assert "I lost it" not in (tmp_path / "clean.csv").read_text("utf-8")


def test_what_cannot_be_repaired_is_counted_and_stays(tmp_path: Path):
    path = write(tmp_path, *ROWS, "11,lost \ufffd letter,paid,x")
    done = mended(path, tmp_path / "clean.csv", "damaged_letters")
    assert (done.by_finding, done.unmended) == ({"damaged_letters": 1}, {"damaged_letters": 1})
    assert "lost \ufffd letter" in (tmp_path / "clean.csv").read_text("utf-8")


def test_a_record_of_several_rows_is_left_out_only_with_all_of_them(tmp_path: Path):
    def entry(query: str, *questions: str) -> dict[str, Any]:
        return {"sql": [query], "sentences": [{"text": q, "variables": {}} for q in questions]}

    path = tmp_path / "asked.json"
    entries = [
        entry("SELECT a FROM t", "what is a", "show me a"),
        entry("SELECT a FROM t", "what is a", "and a?"),
        entry("SELECT a FROM t", "what is a", "Show me A"),
    ]
    path.write_text(json.dumps(entries), "utf-8")
    done = mended(path, tmp_path / "clean.jsonl", "repeats")
    assert (done.records, done.written, done.left_out) == (3, 2, 1)
    assert done.unmended == {"repeats": 1}
    kept = [json.loads(line) for line in (tmp_path / "clean.jsonl").read_text().splitlines()]
    assert kept == entries[:2]


def test_turns_of_a_conversation_are_mended_in_place(tmp_path: Path):
    path = tmp_path / "chats.jsonl"
    turns = [
        {"role": "user", "content": "Whatâ€™s new?", "at": 1},
        {"role": "assistant", "content": "Salt &amp; pepper."},
    ]
    path.write_text(json.dumps({"messages": turns, "source": "aâ€™b"}) + "\n", "utf-8")
    mended(path, tmp_path / "clean.jsonl")
    (kept,) = map(json.loads, (tmp_path / "clean.jsonl").read_text("utf-8").splitlines())
    assert kept["messages"] == [
        {"role": "user", "content": "What’s new?", "at": 1},
        {"role": "assistant", "content": "Salt & pepper."},
    ]
    assert kept["source"] == "aâ€™b"


def test_turns_are_not_written_into_cells(tmp_path: Path):
    path = tmp_path / "chats.jsonl"
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    path.write_text(json.dumps({"messages": turns}) + "\n", "utf-8")
    with pytest.raises(
        UserError, match=r"`messages` holds lists, which \.csv cannot keep"
    ) as error:
        mended(path, tmp_path / "clean.csv")
    assert error.value.fix.endswith("clean.jsonl")
    assert list(tmp_path.iterdir()) == [path]


def test_lists_beside_the_texts_become_json_text_in_a_cell(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    lines = [{"text": f"text {n}", "label": "ab"[n % 2], "scores": [n]} for n in range(4)]
    path.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    done = mended(path, tmp_path / "clean.csv", columns=Columns(input="text", target="label"))
    assert cells(tmp_path / "clean.csv")[1]["scores"] == "[1]"
    assert done.notes == ("lists in `scores` are written as JSON text; a .jsonl keeps them",)


def test_cells_beyond_the_header_are_joined_and_logged(tmp_path: Path):
    rows = ("x,fine so far", "y,parted, by a comma", "x,all good", "y,as it was")
    path = write(tmp_path, *rows, header="label,text")
    mended(path, tmp_path / "clean.csv")
    assert cells(tmp_path / "clean.csv")[1] == {"label": "y", "text": "parted, by a comma"}
    (entry,) = log(tmp_path / "clean.csv.changes.jsonl")
    assert (entry["line"], entry["codes"], entry["left_out"]) == (3, ["joined"], False)


def test_a_broken_record_is_logged_with_what_stands_there(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": f"text {n}", "label": "ab"[n % 2]}) for n in range(6)]
    path.write_text("\n".join([*lines[:3], '{"text": "cut', *lines[3:]]), "utf-8")
    done = mended(path, tmp_path / "clean.jsonl", "excluded")
    assert (done.records, done.left_out) == (7, 1)
    (entry,) = log(tmp_path / "clean.jsonl.changes.jsonl")
    assert entry["before"] == {"": '{"text": "cut\n'}


@pytest.mark.parametrize("name", ["clean.csv", "clean.tsv", "clean.jsonl", "clean.parquet"])
def test_every_format_is_read_back_as_the_same_rows(tmp_path: Path, name: str):
    rows = ('1,"two\nlines, ""quoted""",a,x', "2,a\ttab,b,y", "3,plain,a,", "4,ünïcode 你好,b,z")
    path = write(tmp_path, *rows)
    mended(path, tmp_path / name)
    texts = [(row.input, row.target) for row in read(tmp_path / name).rows]
    assert texts == [(row.input, row.target) for row in read(path).rows]


def test_a_compressed_file_is_mended_into_a_plain_one(tmp_path: Path):
    path = tmp_path / "tickets.csv.gz"
    path.write_bytes(gzip.compress("\n".join((HEADER, *ROWS)).encode()))
    assert mended(path, tmp_path / "clean.csv").written == 8


def test_a_file_of_which_nothing_would_be_left_is_not_written(tmp_path: Path):
    path = write(tmp_path, *ROWS)
    with pytest.raises(DataError, match="nothing would be left"):
        mended(path, tmp_path / "clean.csv", "excluded", "leak", evaluation=path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_changed_meanwhile_is_refused(tmp_path: Path):
    path = write(tmp_path, *ROWS)
    table = read(path)
    write(tmp_path, *ROWS, "11,new,late,row")
    with pytest.raises(DataError, match="the file changed since it was read"):
        mend(table, (), Columns(), Wanted(tmp_path / "clean.csv"))
    assert list(tmp_path.iterdir()) == [path]


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=12)


@settings(max_examples=20)
@given(st.lists(st.tuples(_CELL, st.sampled_from(["a", "b", "B", ""])), min_size=4, max_size=12))
def test_rows_in_are_rows_out_and_rows_left_out(rows: Sequence[tuple[str, str]]):
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, out = folder / "rows.jsonl", folder / "clean.jsonl"
        lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
        lines += [json.dumps({"text": f"more of {n}", "label": "ab"[n % 2]}) for n in range(4)]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        done = mended(path, out)
        entries = log(folder / "clean.jsonl.changes.jsonl")
        assert len(out.read_text("utf-8").splitlines()) == done.written
        assert sum(entry["left_out"] for entry in entries) == done.left_out
        assert len(entries) == done.left_out + done.changed
        assert done.records == len(lines)


@pytest.mark.skipif(not SHARED.exists(), reason=NEEDS_SHARED)
def test_the_repeats_and_damaged_letters_of_the_sms_collection_are_mended(tmp_path: Path):
    path, out = SHARED / "classification" / "sms_spam" / "spam.csv", tmp_path / "clean.csv"
    done = mended(path, out)
    assert done.records == 5572
    assert done.by_finding["repeats"] == 415
    assert done.by_finding["damaged_letters"] > 300
    text = out.read_text("utf-8")
    assert "Ü dun need to pick ur gf?" in text
    assert "å£" not in text
    assert len(read(out).rows) == done.written
