"""Any file opens by the same door, whatever it was packed, printed or saved with."""

import bz2
import gzip
import io
import json
import lzma
import os
import socket
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from advisor import data, source
from advisor.columns import Columns
from advisor.opening import open_any
from rules.errors import DataError, UserError

HORROR = Path(__file__).resolve().parents[3] / "shared/data/messy/messytables_horror"
ROWS = [("where is my card", "cards"), ("send the money", "transfers"), ("a lost card", "cards")]
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
CSV = "text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS)


def said(table: data.Table) -> list[tuple[str, str]]:
    return [(row.input, row.target) for row in table.rows]


def refusal(path: Path, columns: Columns | None = None) -> str:
    with pytest.raises(UserError) as caught:
        data.read(path, columns or Columns())
    return str(caught.value)


def as_table() -> pa.Table:
    texts, labels = zip(*ROWS, strict=True)
    return pa.table({"text": list(texts), "label": list(labels)})


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """The least that a spreadsheet program calls a workbook."""
    kept = io.BytesIO()
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    part = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(kept, "w") as file:
        named = "".join(
            f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in enumerate(sheets, 1)
        )
        file.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{kinds}"><sheets>{named}</sheets></workbook>',
        )
        links = "".join(
            f'<Relationship Id="r{n}" Type="{kinds}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}/relationships">{links}</Relationships>',
        )
        file.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship'
            f' Id="r1" Type="{kinds}/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>",
        )
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{part}.worksheet+xml"/>'
            for n in range(1, len(sheets) + 1)
        )
        file.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default '
            f'Extension="xml" ContentType="application/xml"/>{parts}</Types>',
        )
        for n, rows in enumerate(sheets.values(), 1):
            body = "".join("<row>" + "".join(map(cell, row)) + "</row>" for row in rows)
            file.writestr(
                f"xl/worksheets/sheet{n}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
            )
    return kept.getvalue()  # fmt: skip


def cell(value: object) -> str:
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


HTML = "<html><body><table><tr><td>menu</td></tr></table><table><tr><th>text<th>label</tr>" + (
    "".join(f"<tr><td>{text}<script>x</script></td><td>{label}</td></tr>" for text, label in ROWS)
    + "</table></body></html>"
)
HEADED = [["text", "label"], *[list(row) for row in ROWS]]


def written(folder: Path, name: str) -> Path:
    """The three rows in the form that the name says."""
    path = folder / name
    plain = CSV.encode()
    if name.endswith(".parquet"):
        pq.write_table(as_table(), path)
    elif name.endswith((".arrow", ".feather")):
        feather.write_feather(as_table(), path, compression="uncompressed")
    elif name.endswith(".zip"):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("__MACOSX/._rows.csv", "x")
            file.writestr("inner/rows.csv", plain)
    else:
        pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
        sheets = {"notes": [["read me"]], "rows": [["Export of today"], [], *HEADED]}
        other = {".xlsx": lambda _: workbook(sheets), ".html": lambda _: HTML.encode()}
        path.write_bytes({**pack, **other}[path.suffix](plain))
    return path


FORMS = ("r.parquet", "r.arrow", "r.feather", "r.csv.gz", "r.bz2", "r.xz", "r.zip", "r.xlsx")


@pytest.mark.parametrize("name", [*FORMS, "r.html", "wrong name.txt.gz"])
def test_the_same_rows_come_out_of_every_form(tmp_path, name):
    table = data.read(written(tmp_path, name))
    assert said(table) == ROWS
    assert table.records_read == len(ROWS)
    assert not table.excluded
    assert len(table.sha256) == 64


def test_nothing_unpacked_is_left_behind(tmp_path, monkeypatch):
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    data.read(written(tmp_path, "r.csv.gz"))
    refusal_of = gzip.compress(b'text,label\n"open,cards\nmore,cards\n')
    (tmp_path / "bad.csv.gz").write_bytes(refusal_of)
    assert f"{tmp_path / 'bad.csv.gz'}/bad.csv:2" in refusal(tmp_path / "bad.csv.gz")
    assert list((tmp_path / "t").iterdir()) == []


def test_a_part_is_chosen_by_name_and_the_others_are_named(tmp_path):
    path = tmp_path / "two.xlsx"
    path.write_bytes(workbook({"one": HEADED[:2], "two": HEADED}))
    assert "read 'two'; also there: 'one' (--part)" in data.read(path).notes
    assert said(data.read(path, Columns(part="one"))) == ROWS[:1]
    assert "did you mean 'one'" in refusal(path, Columns(part="ones"))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as file:
        file.writestr("a.csv", CSV)
        file.writestr("b.csv", CSV + "x y,z\n")
    assert "several parts in one file: 'a.csv', 'b.csv'" in refusal(tmp_path / "two.zip")
    assert len(data.read(tmp_path / "two.zip", Columns(part="b.csv")).rows) == 4
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps({"test": ROWS[:1], "train": ROWS}))
    assert said(data.read(splits)) == ROWS
    assert said(data.read(splits, Columns(part="test"))) == ROWS[:1]
    (tmp_path / "rows.parquet").write_bytes(written(tmp_path, "r.parquet").read_bytes())
    assert "leave it out" in refusal(tmp_path / "rows.parquet", Columns(part="x"))


def test_cells_of_a_workbook_read_as_a_person_would_type_them(tmp_path):
    path = tmp_path / "r.xlsx"
    path.write_bytes(workbook({"s": [["text", "label"], ["one", 3.0], ["two", True], ["x", 2.5]]}))
    assert [row.target for row in data.read(path).rows] == ["3", "true", "2.5"]


def test_cells_that_span_stand_in_every_place_and_hidden_text_in_none(tmp_path):
    page = (
        "<table><tr><th>text<th>label</tr><tr><td>a b</td><td rowspan=2>one</td></tr>"
        "<tr><td>c d<span style='display: none'>no</span></td></tr>"
        "<tr><td colspan='2'>both</td></tr></table>"
    )
    (tmp_path / "r.html").write_text(page)
    assert said(data.read(tmp_path / "r.html")) == [("a b", "one"), ("c d", "one"), ("both",) * 2]


def test_a_folder_is_its_documents(tmp_path):
    (tmp_path / "b.md").write_text("# Title\n\nSome text.")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.html").write_text("<p>Hello <b>you</b></p><script>no()</script>")
    (tmp_path / "c.txt").write_text("\n")
    (tmp_path / ".hidden.md").write_text("no")
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    table = data.read(tmp_path)
    assert table.mapping.kind == "raw_text"
    assert [row.input for row in table.rows] == ["# Title\n\nSome text.", "Hello you"]
    assert [(record.line, record.reason) for record in table.excluded] == [(2, "the file is empty")]
    assert "left aside, being no texts: .png" in table.notes
    before = table.sha256
    (tmp_path / "b.md").write_text("# Title\n\nOther text.")
    assert data.read(tmp_path).sha256 != before


def test_a_book_is_one_document(tmp_path):
    book = "It was, as he said, late.\n\nShe came, saw, and left.\nNothing else.\n" * 20
    (tmp_path / "book.txt").write_text(book)
    (row,) = data.read(tmp_path / "book.txt").rows
    assert row.input == book


def test_a_very_long_document_is_read_in_pieces_that_make_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("advisor.read_documents._PIECE", 100)
    book = "".join(f"Paragraph {n} is here.\n\n" for n in range(50))
    (tmp_path / "book.md").write_text(book)
    rows = data.read(tmp_path / "book.md").rows
    assert len(rows) > 5
    assert "".join(row.input for row in rows) == book


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["cards", "transfers"])
    features = datasets.Features({"text": datasets.Value("string"), "label": names})
    texts, labels = zip(*ROWS, strict=True)
    rows = datasets.Dataset.from_dict({"text": list(texts), "label": list(labels)}, features)
    folder = tmp_path_factory.mktemp("saved")
    rows.save_to_disk(str(folder / "one"))
    datasets.DatasetDict({"train": rows, "test": rows}).save_to_disk(str(folder / "two"))
    return folder


def test_a_saved_data_set_opens_with_the_names_of_its_labels(saved):
    assert said(data.read(saved / "one")) == ROWS
    both = data.read(saved / "two")
    assert said(both) == ROWS
    assert "read 'train'; also there: 'test' (--part)" in both.notes
    assert "no part 'dev'" in refusal(saved / "two", Columns(part="dev"))


def test_an_id_on_a_hub_that_cannot_be_reached_says_so(monkeypatch):
    pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    text = refusal(Path("nobody/nothing"))
    assert text.startswith("nobody/nothing: cannot be opened as a data set")
    assert "name a file" in text


def test_an_encoding_can_be_given(tmp_path):
    path = tmp_path / "r.csv"
    path.write_bytes("text,label\nüber,a\nschön,b\n".encode("mac_roman"))
    assert said(data.read(path, Columns(encoding="mac_roman"))) == [("über", "a"), ("schön", "b")]
    assert "no encoding 'utf-9'" in refusal(path, Columns(encoding="utf-9"))
    assert "did you mean 'utf-8'" in refusal(path, Columns(encoding="utf-9"))
    assert "is no text in utf-8" in refusal(path, Columns(encoding="utf-8"))


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(CSV * 3)
    opened = open_any(path, Columns())
    next(opened.records.items)
    with path.open("a") as file:
        file.write("more,rows\n")
    with pytest.raises(DataError, match="changed while it was read"):
        list(opened.records.items)


def test_what_is_no_file_is_named(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "cat '" in refusal(tmp_path / "pipe.csv")
    assert "this is a device" in refusal(Path("/dev/null"))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        assert "this is a socket" in refusal(tmp_path / "s")
    (tmp_path / "empty").mkdir()
    assert "this is a folder" in refusal(tmp_path / "empty")


def test_a_line_without_end_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "_LONGEST", 1000)
    path = tmp_path / "r.csv"
    path.write_text(CSV + "x" * 5000)
    assert f"{path}:5: a line of more than" in refusal(path)


def test_a_json_document_too_large_to_be_read_whole_says_what_to_type(tmp_path, monkeypatch):
    monkeypatch.setattr("advisor.records._WHOLE", 10)
    path = tmp_path / "r.json"
    path.write_text(json.dumps([{"text": "a", "label": "b"}] * 3))
    assert "jq -c '.[]'" in refusal(path)


@pytest.mark.parametrize("cut", [10, 60, -4])
@pytest.mark.parametrize("name", [name for name in FORMS if name != "r.feather"])
def test_a_file_cut_short_is_refused_by_name(tmp_path, name, cut):
    path = written(tmp_path, name)
    path.write_bytes(path.read_bytes()[:cut])
    assert str(path) in refusal(path)


SUFFIXES = st.sampled_from(
    [".csv", ".json", ".jsonl", ".txt", ".html", ".parquet", ".xlsx", ".zip", ".gz", ".md", ""]
)
MAGIC = st.sampled_from(
    [b"", b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", b"ARROW1", b"<html><table>", b"[", b"{", b"BZh9"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=FIXTURES)
@given(content=st.binary(max_size=300), magic=MAGIC, suffix=SUFFIXES)
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, magic, suffix):
    path = tmp_path_factory.mktemp("bytes") / f"rows{suffix}"
    path.write_bytes(magic + content)
    try:
        table = data.read(path)
    except UserError as error:
        told = error
    else:
        told = None
        assert table.records_read == len(table.rows) + len(table.excluded) > 0
    assert told is None or (str(path) in told.where and told.fix)


LINES = st.lists(
    st.one_of(st.just('{"text": "a", "label": "b"}'), st.just("{bad"), st.just("[1]"), st.just("")),
    max_size=12,
)


@given(lines=LINES)
@settings(max_examples=100, deadline=None, suppress_health_check=FIXTURES)
def test_every_line_of_json_is_a_row_or_an_exclusion(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("lines") / "rows.jsonl"
    path.write_text("\n".join(['{"text": "x", "label": "y"}', *lines]) + "\n")
    table = data.read(path)
    assert table.records_read == 1 + sum(bool(line) for line in lines)
    assert len(table.rows) + len(table.excluded) == table.records_read


# Counted by hand: lines of the file less its header, rows of the page's largest table.
TABLES = {
    "211.csv": ("csv", 96, 2132),
    "complex.html": ("html", 1, 2),
    "example.tsv": ("tsv", 17, 140),
    "long.csv": ("csv", 1, 4000),
    "null.csv": ("csv", 4, 10),
    "rowcolspan.html": ("html", 5, 10),
    "simple.psv": ("csv with |", 6, 28),
    "simple.zip": ("csv", 3, 6),
    "spanish_chars.csv": ("csv", 8, 116),
    "sparse_with_column_errors.csv": ("csv", 3, 2237),
    "utf-16le_encoded.csv": ("csv", 19, 327),
}


@pytest.mark.skipif(not HORROR.is_dir(), reason=f"the messy tables are not at {HORROR}")
@pytest.mark.parametrize("path", sorted(HORROR.glob("*.*")), ids=lambda path: path.name)
def test_every_messy_table_opens(path):
    if path.name == "simple.unknown":
        assert "the file is empty" in refusal(path)
        return
    opened = open_any(path, Columns())
    records = list(opened.records.items)
    assert opened.records.columns
    found = (opened.records.format, len(opened.records.columns), len(records))
    assert found == TABLES.get(path.name, found)
    assert all(record.line > 0 for record in records)


LICENCE = (
    "MIT License\n\nCopyright (c) 2026 Nobody\n\n"
    "Permission is hereby granted, free of charge, to any person obtaining a copy\n"
    "of this software, to deal in it without restriction, including the rights to use,\n"
    'copy, modify, merge and publish it ("as is"), and to permit persons to do so,\n'
    "subject to the following conditions:\nThe notice shall be kept.\n"
)


def test_a_text_whose_name_says_nothing_is_one_document(tmp_path):
    path = tmp_path / "LICENSE"
    path.write_text(LICENCE)
    found = data.read(path)
    assert found.mapping.kind == "raw_text"
    assert [row.input for row in found.rows] == [LICENCE]


def test_a_table_whose_name_says_nothing_is_a_table(tmp_path):
    path = tmp_path / "rows"
    path.write_text('text,label\n"dear, or cheap",a\n"big, red, loud",b\nsmall,a\n')
    assert said(data.read(path)) == [
        ("dear, or cheap", "a"), ("big, red, loud", "b"), ("small", "a"),
    ]  # fmt: skip


def test_a_table_below_titles_is_parted_by_its_own_delimiter(tmp_path):
    path = tmp_path / "export.csv"
    rows = "".join(f"{n};text {n}, said by {n};{'ab'[n % 2]};x;y;z\n" for n in range(30))
    path.write_text(f"Messages, all of them, of the year\n****\nRegion:;Berlin\n\n"
                    f"nr;text;label;p;q;r\n{rows}")  # fmt: skip
    found = data.read(path)
    assert found.format == "csv with ;"
    assert said(found)[0] == ("text 0, said by 0", "a")
    assert len(found.rows) == 30
    assert any("Region:" in note for note in found.notes)


def test_a_header_is_kept_although_most_rows_below_have_more_cells(tmp_path):
    path = tmp_path / "chat.csv"
    rows = "".join(f"{'ab'[n % 2]},one, two, three, four, five {n}\n" for n in range(20))
    path.write_text(f"label,text\n{rows}")
    found = data.read(path)
    assert said(found)[0] == ("one, two, three, four, five 0", "a")
    assert len(found.rows) == 20


def test_a_json_list_of_texts_is_texts_and_one_of_names_is_refused(tmp_path):
    path = tmp_path / "texts.json"
    path.write_text(json.dumps([f"this is a whole sentence, number {n}" for n in range(5)]))
    assert data.read(path).mapping.kind == "raw_text"
    path.write_text(json.dumps([f"name_of_a_label_number_{n}" for n in range(5)]))
    assert "one column only" in refusal(path)


def test_an_object_of_many_values_is_no_row(tmp_path):
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({str(n): "yes" for n in range(500)}))
    assert "500 names with one value each" in refusal(path)


def test_a_text_of_one_very_long_line_is_one_document(tmp_path):
    (tmp_path / "book.txt").write_text('It was "the best of times, it was the worst. ' * 10_000)
    table = data.read(tmp_path / "book.txt")
    assert (table.mapping.kind, len(table.rows)) == ("raw_text", 1)
