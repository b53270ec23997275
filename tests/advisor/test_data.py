"""Reading: every record is a row or excluded with its reason, and bad input says what to do."""

import csv
import io
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.data import Columns, Table, fingerprint, read
from rules.errors import DataError

EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"
SHARED = Path(__file__).parents[3] / "shared" / "data"
HORROR = SHARED / "messy" / "messytables_horror"
SPAM = SHARED / "classification" / "sms_spam" / "spam.csv"
NEEDS_SHARED = "the optional folder ../shared/data is not there"

TICKETS = (
    "text,label\nI was charged twice,billing\nI cannot log in,login\nWhere is my bill?,billing\n"
)


def write(folder: Path, content: str | bytes, name: str = "tickets.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def taken(path: Path, columns: Columns | None = None) -> Table:
    """Read, and check what must hold of every table."""
    table = read(path, columns or Columns())
    assert table.records_read == len(table.rows) + len(table.excluded)
    assert len({row.id for row in table.rows}) == len(table.rows)
    return table


def pairs(table: Table) -> list[tuple[str, str]]:
    return [(row.input, row.target) for row in table.rows]


# What comes out of a good file.


def test_columns_are_found_by_name_and_rows_numbered_by_line(tmp_path: Path):
    table = taken(write(tmp_path, TICKETS))
    assert table.mapping.how == "sure: the columns are called `text` and `label`"
    assert table.rows[1].model_dump(include={"id", "input", "target"}) == {
        "id": "tickets:3",
        "input": "I cannot log in",
        "target": "login",
    }
    assert (table.format, table.encoding, table.notes, table.excluded) == ("csv", "utf-8", (), ())


def test_the_example_that_ships_is_clean():
    for name, rows in (("train.csv", 770), ("test.csv", 1540)):
        table = taken(EXAMPLE / name)
        assert (len(table.rows), table.excluded, table.notes) == (rows, (), ())
        assert len({row.target for row in table.rows}) == 77


@pytest.mark.parametrize(
    ("name", "delimiter"), [("t.tsv", "\t"), ("t.csv", ";"), ("t.psv", "|"), ("t.csv", "\t")]
)
def test_the_delimiter_is_found_even_when_texts_hold_others(
    tmp_path: Path, name: str, delimiter: str
):
    lines = ["text;label", "Hello, how are you;greeting", "Yes, no, maybe;answer", "Bye;greeting"]
    table = taken(write(tmp_path, "\n".join(lines).replace(";", delimiter), name))
    assert ("Yes, no, maybe", "answer") in pairs(table)


def test_the_delimiter_that_a_spreadsheet_declares_is_believed(tmp_path: Path):
    table = taken(write(tmp_path, "sep=;\ntext;label\na, b;x\nc, d;y\n"))
    assert pairs(table) == [("a, b", "x"), ("c, d", "y")]
    assert table.rows[0].id == "tickets:3"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_one(tmp_path: Path, end: str):
    assert len(taken(write(tmp_path, TICKETS.replace("\n", end))).rows) == 3


def test_a_quoted_newline_stays_in_its_cell_and_lines_are_still_counted(tmp_path: Path):
    table = taken(write(tmp_path, 'text,label\n"Dear all,\nhello",a\nbye,b\n'))
    assert [(row.id, row.input) for row in table.rows] == [
        ("tickets:2", "Dear all,\nhello"),
        ("tickets:4", "bye"),
    ]


def test_json_lines_are_known_by_their_content(tmp_path: Path):
    lines = [{"idx": 7, "query": "hi", "intent": "greet"}, {"idx": 8, "query": "bye", "intent": 1}]
    path = write(tmp_path, "\n".join(map(json.dumps, lines)), "tickets.csv")
    table = taken(path)
    assert pairs(table) == [("hi", "greet"), ("bye", "1")]
    assert [row.id for row in table.rows] == ["7", "8"]
    assert "in spite of the name tickets.csv" in table.notes[0]


@pytest.mark.parametrize(
    "document",
    [
        [{"text": "hi", "label": 1.0}, {"text": "bye", "label": 0}],
        {"version": 2, "data": [{"text": "hi", "label": 1}, {"text": "bye", "label": 0}]},
        {"text": ["hi", "bye"], "label": [1, 0]},
        {"text": {"0": "hi", "1": "bye"}, "label": {"0": 1, "1": 0}},
        {"a": {"text": "hi", "label": 1}, "b": {"text": "bye", "label": 0}},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_document_may_have_any_usual_shape(
    tmp_path: Path, document: object, indent: int | None
):
    table = taken(write(tmp_path, json.dumps(document, indent=indent), "t.json"))
    assert pairs(table) == [("hi", "1"), ("bye", "0")]


def test_a_flag_wins_over_the_name_and_ignores_case(tmp_path: Path):
    path = write(tmp_path, "text,Subject,label,Team\nlong text,short,a,x\nanother,other,b,y\n")
    table = taken(path, Columns(input="subject", target="TEAM"))
    assert pairs(table) == [("short", "x"), ("other", "y")]
    assert table.mapping.how == "given: --input and --target"


def test_a_second_candidate_for_the_label_is_told(tmp_path: Path):
    table = taken(write(tmp_path, "text,topic,sentiment\nsome words,a,x\nmore words,b,y\n"))
    assert table.mapping.target == "sentiment"
    assert table.mapping.how.endswith("--target could also be `topic`")


def test_two_unknown_columns_are_told_apart_by_what_they_hold(tmp_path: Path):
    body = "".join(f"k{n % 3},this is sentence number {n}\n" for n in range(30))
    table = taken(write(tmp_path, f"foo,bar\n{body}"))
    assert (table.mapping.input, table.mapping.target) == ("bar", "foo")
    assert table.mapping.how.startswith("likely: `foo` holds 3 distinct short values")


def test_a_file_without_a_header_keeps_its_first_row(tmp_path: Path):
    body = "".join(f"this is sentence number {n},k{n % 3}\n" for n in range(30))
    table = taken(write(tmp_path, body))
    assert len(table.rows) == 30
    assert table.rows[0].input == "this is sentence number 0"
    assert "no header: line 1 is taken as a row" in table.notes


def test_a_header_whose_word_is_also_a_label_stays_a_header(tmp_path: Path):
    table = taken(write(tmp_path, "text,spam\nbuy now,spam\nhello,ham\n"))
    assert pairs(table) == [("buy now", "spam"), ("hello", "ham")]


def test_an_index_column_without_a_name_is_passed_over(tmp_path: Path):
    table = taken(write(tmp_path, ",text,label\n0,hi,a\n1,bye,b\n"))
    assert pairs(table) == [("hi", "a"), ("bye", "b")]


@given(
    rows=st.lists(
        st.tuples(st.text('ab ,;|\t"\n\r{[é\u2028', max_size=12), st.sampled_from("xyz")),
        min_size=1,
        max_size=8,
    ),
    labels_first=st.booleans(),
)
@settings(deadline=None, max_examples=200)
def test_what_a_csv_writer_wrote_comes_back_letter_for_letter(
    rows: list[tuple[str, str]], labels_first: bool
):
    order = -1 if labels_first else 1
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("text", "label")[::order], *(row[::order] for row in rows)])
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), text.getvalue())
        if not any(content.strip() for content, _ in rows):
            assert "none of the" in refusal(path)
            return
        table = taken(path)
    assert pairs(table) == [row for row in rows if row[0].strip()]
    assert len(table.excluded) == sum(not content.strip() for content, _ in rows)


# What is repaired is told.


def test_a_byte_order_mark_is_left_out_and_told(tmp_path: Path):
    table = taken(write(tmp_path, TICKETS.encode("utf-8-sig")))
    assert table.columns == ("text", "label")
    assert table.notes == ("byte order mark left out",)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_read(tmp_path: Path, encoding: str):
    table = taken(write(tmp_path, TICKETS.encode(encoding)))
    assert len(table.rows) == 3
    assert table.notes[0].startswith("read as utf-")


def test_latin_1_is_read_as_cp1252_and_told(tmp_path: Path):
    text = "text,label\nWo ist meine Karte? Grüße aus Köln,karte\nIch möchte zurück,reise\n"
    table = taken(write(tmp_path, text.encode("latin-1")))
    assert table.rows[0].input.endswith("Grüße aus Köln")
    assert "read as cp1252, a guess" in table.notes[0]


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("cp1251", "Здравствуйте, где моя карта? Я жду её уже две недели"),
        ("big5", "請問我的信用卡什麼時候會寄到我已經等了兩個星期"),
        ("shift_jis", "カードはどこですか、まだ届いていません"),
    ],
)
def test_other_encodings_are_guessed(tmp_path: Path, encoding: str, sentence: str):
    text = "text,label\n" + "".join(f'"{sentence} {n}",k{n % 2}\n' for n in range(20))
    assert taken(write(tmp_path, text.encode(encoding))).rows[0].input == f"{sentence} 0"


def test_a_wrong_byte_does_not_spoil_a_file_of_utf_8(tmp_path: Path):
    good = "".join(f"Où est ma carte n° {n} ?,carte\n" for n in range(20))
    path = write(tmp_path, f"text,label\n{good}".encode() + b"d\xe9j\xe0 vu,autre\n")
    table = taken(path)
    assert table.rows[0].input == "Où est ma carte n° 0 ?"
    assert table.rows[-1].input == "déjà vu"
    assert table.notes == ("lines that are not UTF-8, their wrong bytes read as cp1252: 1",)


def test_one_strange_byte_among_many_lines_is_repaired_and_among_few_refused(tmp_path: Path):
    body = "".join(f"a plain sentence {n},k{n % 2}\n" for n in range(40))
    table = taken(write(tmp_path, f"text,label\n{body}".encode() + b"caf\x81\xff,k1\n"))
    assert len(table.rows) == 41
    assert "wrong bytes read as cp1252: 1" in table.notes[0]
    noise = bytes(random.Random(0).sample(range(128, 256), 60))
    said = refusal(write(tmp_path, b"text,label\ntext " + noise + b",a\nbye,b\n"))
    assert "neither UTF-8 nor any encoding that can be recognised" in said
    assert "fix: say which it is: --encoding NAME" in said


def test_nul_characters_are_left_out_and_told(tmp_path: Path):
    table = taken(write(tmp_path, "text,label\nhel\0lo,a\nbye there you all,b\n"))
    assert table.rows[0].input == "hello"
    assert table.notes == ("NUL characters left out: 1",)


def test_a_cell_of_ten_megabytes_is_read_and_told(tmp_path: Path):
    table = taken(write(tmp_path, f"text,label\n{'word ' * 2_000_000},a\nshort,b\n"))
    assert len(table.rows[0].input) == 10_000_000
    assert table.notes == ("very long texts, up to 10,000,000 characters: 1 at line 2",)


def test_repeated_ids_are_replaced_and_listed(tmp_path: Path):
    table = taken(write(tmp_path, "id,text,label\n7,one,a\n8,two,b\n7,three,a\n"))
    assert [row.id for row in table.rows] == ["tickets:2", "tickets:3", "tickets:4"]
    assert table.mapping.id is None
    assert table.notes == ("ids in `id` repeat or are empty: 7; rows are numbered instead",)


def test_unique_ids_are_kept(tmp_path: Path):
    table = taken(write(tmp_path, "ticket,text,label\nA1,one,a\nA2,two,b\n"), Columns(id="ticket"))
    assert [row.id for row in table.rows] == ["A1", "A2"]


def test_text_split_at_a_comma_is_joined_again_when_it_is_the_last_column(tmp_path: Path):
    table = taken(write(tmp_path, "label,text\na,Hello, how are you\nb,fine\n"))
    assert pairs(table) == [("Hello, how are you", "a"), ("fine", "b")]
    assert table.notes[0].startswith(
        "more cells than the header names, joined to `text` with ',': 1 at line 2"
    )


def test_titles_above_the_header_are_passed_over_and_told(tmp_path: Path):
    table = taken(write(tmp_path, f"Report for 2024,\n,\n\n{TICKETS}"))
    assert len(table.rows) == 3
    assert table.rows[0].id == "tickets:5"
    assert table.notes == ("passed over above the table: 'Report for 2024'",)


def test_spaces_round_a_label_are_left_out_and_told(tmp_path: Path):
    table = taken(write(tmp_path, "text,label\none, a\ntwo,a\nthree,b\n"))
    assert [row.target for row in table.rows] == ["a", "a", "b"]
    assert table.notes == ("labels with spaces round them, left out: 1",)


def test_half_a_surrogate_pair_can_be_written_out_again(tmp_path: Path):
    lines = '{"text": "broken \\ud83d here", "label": "a", "\\ud83d": 1}\n'
    lines += '{"text": "b", "label": "b"}\n{"text": "", "label": "\\ud83d"}\n'
    table = taken(write(tmp_path, lines, "t.jsonl"))
    assert [row.model_dump_json() for row in table.rows]
    assert table.rows[0].input.encode() == "broken \ufffd here".encode()


def test_backslashes_before_quotes_are_understood(tmp_path: Path):
    table = taken(write(tmp_path, 'text,label\n"He said \\"hi\\" to me",a\nbye,b\n'))
    assert table.rows[0].input == 'He said "hi" to me'
    assert "rows with quotes that are neither closed nor doubled: 1" in table.notes


def test_a_space_after_a_quote_is_understood(tmp_path: Path):
    table = taken(write(tmp_path, 'text,label\n"one, two" ,a\nbye,"b" \n'))
    assert pairs(table) == [("one, two", "a"), ("bye", "b")]


def test_quotes_inside_a_cell_that_are_not_doubled_are_kept_and_told(tmp_path: Path):
    table = taken(write(tmp_path, 'text,label\n"He said "hi" to me",a\nbye,b\n'))
    assert table.rows[0].input == '"He said "hi" to me"'
    assert table.notes == ("rows with quotes that are neither closed nor doubled: 1",)


def test_lone_quotes_in_tab_separated_text_are_text(tmp_path: Path):
    path = write(tmp_path, 'text\tlabel\n"so he left\ta\n5" screen\tb\n', "t.tsv")
    table = taken(path)
    assert pairs(table) == [('"so he left', "a"), ('5" screen', "b")]
    assert table.notes == ("quotes are taken as plain text, since they are not in pairs",)


# What cannot be used is listed.


def test_ragged_rows_are_excluded_and_listed(tmp_path: Path):
    table = taken(write(tmp_path, "text,label\none,a\ntwo\nthree, four,b\nfive,b\n"))
    assert [(e.line, e.reason, e.shown) for e in table.excluded] == [
        (3, "1 cell where the header has 2", "two"),
        (4, "3 cells where the header has 2", "three |  four | b"),
    ]


def test_empty_cells_and_json_nulls_are_excluded_and_listed(tmp_path: Path):
    table = taken(write(tmp_path, "text,label\none,a\n  ,a\nthree,\nfour,b\n,\n"))
    assert [(e.line, e.reason) for e in table.excluded] == [
        (3, "no text"),
        (4, "no label"),
        (6, "no text"),
    ]
    lines = '{"text": null, "label": "a"}\n{"text": "x", "label": NaN}\n{"label": "a"}\n'
    lines += '{"text": "x", "label": "a"}\n'
    table = taken(write(tmp_path, lines, "t.jsonl"))
    assert [e.reason for e in table.excluded] == ["no text", "no label", "no text"]


def test_json_values_that_are_no_text_are_excluded_and_listed(tmp_path: Path):
    values = [True, ["a"], {"a": 1}, "fine", 5]
    lines = "\n".join(json.dumps({"text": value, "label": "a"}) for value in values)
    table = taken(write(tmp_path, f"{lines}\n{{broken\n[1]\n", "t.jsonl"))
    assert [row.input for row in table.rows] == ["fine", "5"]
    assert [(e.line, e.reason) for e in table.excluded][:3] == [
        (1, "the text is a boolean"),
        (2, "the text is a list"),
        (3, "the text is an object"),
    ]
    assert table.excluded[3].reason.startswith("not JSON: ")
    assert table.excluded[4].reason == "not an object but a list"


def test_labels_that_are_json_numbers_or_booleans_become_their_text(tmp_path: Path):
    values = [1, 1.0, 0.5, True]
    lines = "\n".join(json.dumps({"text": f"t {value}", "label": value}) for value in values)
    table = taken(write(tmp_path, lines, "t.jsonl"))
    assert [row.target for row in table.rows] == ["1", "1", "0.5", "true"]


def test_a_header_that_comes_again_is_excluded(tmp_path: Path):
    table = taken(write(tmp_path, TICKETS + TICKETS))
    assert len(table.rows) == 6
    assert [(e.line, e.reason) for e in table.excluded] == [(5, "the header again")]


# What cannot be read says what to do.


def refusal(path: Path, columns: Columns | None = None) -> str:
    with pytest.raises(DataError) as caught:
        read(path, columns or Columns())
    return str(caught.value)


def test_a_missing_file_names_its_nearest_neighbour(tmp_path: Path):
    write(tmp_path, TICKETS)
    said = refusal(tmp_path / "tikets.csv")
    assert "no such file: 'tikets.csv'" in said
    assert f"fix: did you mean '{tmp_path / 'tickets.csv'}'?" in said


def test_a_missing_folder_names_its_nearest_neighbour(tmp_path: Path):
    (tmp_path / "corpus").mkdir()
    assert f"did you mean '{tmp_path / 'corpus'}'?" in refusal(tmp_path / "corpsu" / "a.csv")


def test_a_folder_names_a_file_in_it(tmp_path: Path):
    path = write(tmp_path, TICKETS)
    said = refusal(tmp_path)
    assert "this is a folder, not a file" in said
    assert str(path) in said


@pytest.mark.parametrize("content", [b"", b"\n\r\n  ", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_an_empty_file_is_called_empty(tmp_path: Path, content: bytes):
    assert "the file is empty" in refusal(write(tmp_path, content))


def test_a_header_alone_asks_for_rows(tmp_path: Path):
    said = refusal(write(tmp_path, "text,label\n"))
    assert "a header and no rows" in said
    assert "fix: add rows below the header" in said


def test_one_column_of_short_words_asks_for_labels(tmp_path: Path):
    said = refusal(write(tmp_path, "name\nhello\nbye\n"))
    assert "one column only: 'name'" in said
    assert "fix: add a column with the label of each row" in said


def test_an_unknown_column_names_the_nearest_and_lists_all(tmp_path: Path):
    said = refusal(write(tmp_path, TICKETS), Columns(target="labl"))
    assert said.startswith("--target: no column 'labl' in ")
    assert "fix: did you mean 'label'? the columns are: 'text', 'label'" in said


def test_one_column_for_both_is_refused(tmp_path: Path):
    said = refusal(write(tmp_path, TICKETS), Columns(input="text", target="text"))
    assert "'text' is both input and target" in said


def test_free_text_is_no_label(tmp_path: Path):
    body = "".join(
        f"question number {n},an answer of many words that is different, {n}\n".replace(", ", " ")
        for n in range(40)
    )
    table = taken(write(tmp_path, f"question,output\n{body}"))
    assert table.mapping.kind == "prompt_completion"
    said = refusal(write(tmp_path, f"subject,other,url\n{body}".replace(" ", ",", 1)))
    assert "cannot tell which column is the label" in said
    assert "--input subject --target COLUMN" in said


def test_several_unknown_columns_ask_for_flags(tmp_path: Path):
    said = refusal(write(tmp_path, "a,b,c\nx,y,z\nu,v,w\n"))
    assert "cannot tell which column is the text and which the label" in said
    assert "--input COLUMN --target COLUMN; the columns are: 'a', 'b', 'c'" in said


def test_columns_without_names_ask_for_a_header(tmp_path: Path):
    said = refusal(write(tmp_path, "1,x,y\n2,x,y\n3,u,v\n"))
    assert "fix: write a header such as text,label into the first line" in said


def test_rows_that_are_all_unusable_are_counted_by_reason(tmp_path: Path):
    said = refusal(write(tmp_path, "text,label\none,\ntwo,\n,b\n"))
    assert "tickets.csv: none of the 3 records can be used: no label (2)" in said


def test_a_quote_left_open_is_found_at_its_line(tmp_path: Path):
    said = refusal(write(tmp_path, 'text,label\none,a\n"two,b\nthree,a\nfour,b\n'))
    assert "tickets.csv:3: the quote opened here does not end its cell in the next 2 lines" in said


def test_a_quote_that_swallows_whole_rows_is_found(tmp_path: Path):
    swallowing = 'text,label\none,a\n"two,b\nthree,a\nfour",b\nfive,b\n'
    said = refusal(write(tmp_path, swallowing))
    assert "tickets.csv:3: the quote opened here runs over 2 more lines" in said


def test_broken_json_names_the_line(tmp_path: Path):
    said = refusal(write(tmp_path, '[{"text": "a"},\n{"text" "b"}]\n', "t.json"))
    assert "t.json:2: not JSON: Expecting ':' delimiter" in said


def test_json_without_records_is_refused(tmp_path: Path):
    said = refusal(write(tmp_path, '{"a": [["x", "y"]], "b": 1}', "t.json"))
    assert "no list of records, an object with 'a', 'b'" in said
    said = refusal(write(tmp_path, '{"text": ["a", "b"], "label": ["x"]}', "t.json"))
    assert "columns of different lengths: {'text': 2, 'label': 1}" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "a damaged archive"),
        (b"\x1f\x8brest", "cannot be unpacked"),
        (b"<!DOCTYPE html><p>", "a page without text"),
        (b"%PDF-1.7", "a PDF"),
        (bytes(range(256)) + b"\0" * 300, "binary, not text"),
        ("ab".encode("utf-16") + b"x", "not whole utf-16 text"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(tmp_path: Path, content: bytes, said: str):
    assert said in refusal(write(tmp_path, content))


# Real files.


@pytest.mark.skipif(not HORROR.exists(), reason=NEEDS_SHARED)
@pytest.mark.parametrize("name", sorted(p.name for p in HORROR.glob("*")) or ["none"])
def test_a_broken_table_is_read_or_refused_with_a_fix(name: str):
    try:
        taken(HORROR / name)
    except DataError as error:
        refused = error
    else:
        return
    assert str(HORROR / name) in refused.where
    assert refused.fix


@pytest.mark.skipif(not HORROR.exists(), reason=NEEDS_SHARED)
@pytest.mark.parametrize(
    ("name", "text", "label", "encoding", "rows", "excluded"),
    [
        ("211.csv", "PublicName", "TaxonomyLevelName", "cp1250", 2131, 1),
        ("characters.csv", "景點中文名稱", "景點分類代碼1", "big5", 382, 0),
        ("sparse_with_column_errors.csv", "Bezeichnung", "LP", "cp1252", 1891, 346),
        ("spanish_chars.csv", "Descripción", "GF_ID", "cp1252", 3, 113),
        ("simple.psv", "Year", "New dwellings", "utf-8", 28, 0),
        ("utf-16le_encoded.csv", "Organisation_name", "Reporting_period", "utf-16", 327, 0),
        ("mixedGLB.csv", "Year", "Jan", "utf-8", 133, 0),
        ("excel_pasting.csv", "Year", "2000", "utf-8", 14, 3),
    ],
)
def test_a_broken_table_can_be_read_with_flags(
    name: str, text: str, label: str, encoding: str, rows: int, excluded: int
):
    table = taken(HORROR / name, Columns(input=text, target=label))
    assert (table.encoding, len(table.rows), len(table.excluded)) == (encoding, rows, excluded)


@pytest.mark.skipif(not SPAM.exists(), reason=NEEDS_SHARED)
def test_the_sms_collection_loses_no_row():
    table = taken(SPAM)
    assert (table.mapping.input, table.mapping.target) == ("masseges", "label")
    assert (len(table.rows), table.excluded) == (5572, ())
    assert "joined to `masseges` with ',': 50 at line 97, 284, " in table.notes[0]


# What the package promises about itself.


def test_texts_that_differ_in_case_spacing_or_letter_variants_are_the_same():
    assert fingerprint("  Where\nIS my Card\uff1f") == fingerprint("where is my card?")
    assert fingerprint("where is my card") != fingerprint("where is my card?")


def test_importing_the_reader_loads_nothing_heavy():
    code = (
        "import sys, advisor.data, advisor.profile, advisor.split;"
        "heavy = {'numpy', 'torch', 'sklearn', 'pandas', 'charset_normalizer', 'textual'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
