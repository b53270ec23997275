"""Documents: every kind is read, and what cannot be is named with its reason."""

import os

import pytest

from rules.errors import DataError
from runners.retrieval.documents import Document, read

pypdf = pytest.importorskip("pypdf")


def pdf(*pages, password=None, algorithm=None, title=None):
    """The bytes of a PDF with a line of text on each page; an empty one has none."""
    import io

    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(300, 300)
        if text:
            fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
            page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
            stream = DecodedStreamObject()
            stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
            page[NameObject("/Contents")] = writer._add_object(stream)
    if title:
        writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password, algorithm=algorithm or "RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def parted(root):
    """The documents by id, and the reasons by path."""
    found = list(read(root))
    documents = {item.id: item for item in found if isinstance(item, Document)}
    return documents, {item.path: item.reason for item in found if not isinstance(item, Document)}


def test_texts_markdown_and_web_pages_are_read_below_their_folders(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / "a.txt").write_text("plain")
    (tmp_path / "b" / "x.md").write_text("# One\n\nmarked")
    (tmp_path / "b" / "c" / "y.html").write_text(
        "<html><head><title>The page</title></head><body><script>no()</script>"
        "<h2>Part</h2><p>seen</p><p hidden>not seen</p></body></html>"
    )
    documents, skipped = parted(tmp_path)
    assert list(documents) == ["a.txt", "b/c/y.html", "b/x.md"]
    assert not skipped
    page = documents["b/c/y.html"]
    assert (page.title, page.text, page.markdown) == ("The page", "## Part\n\nseen", True)
    assert documents["a.txt"].metadata == {"kind": "text"}


def test_a_document_keeps_its_hash_until_its_content_changes(tmp_path):
    (tmp_path / "a.txt").write_text("plain")
    before = parted(tmp_path)[0]["a.txt"].sha256
    os.utime(tmp_path / "a.txt", (1, 1))
    assert parted(tmp_path)[0]["a.txt"].sha256 == before
    (tmp_path / "a.txt").write_text("plainer")
    assert parted(tmp_path)[0]["a.txt"].sha256 != before


def test_the_pages_of_a_pdf_are_read_and_the_empty_ones_counted(tmp_path):
    (tmp_path / "p.pdf").write_bytes(pdf("first page", "", "third page", title="Handbook"))
    document = parted(tmp_path)[0]["p.pdf"]
    assert document.title == "Handbook"
    assert [page.strip() for page in document.text.split("\f")] == ["first page", "", "third page"]
    assert document.metadata == {"kind": "pdf", "pages": 3, "empty_pages": 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pdf("secret", password="word"), "needs a password"),
        (pdf("", ""), "no text on its 2 pages"),
        (b"%PDF-1.7\nnot really", "a broken PDF"),
        (pdf("cut short")[:200], "a broken PDF"),
        (b"", "empty"),
    ],
    ids=["password", "pictures", "broken", "cut", "empty"],
)
def test_a_pdf_that_gives_no_text_is_named(tmp_path, content, reason):
    (tmp_path / "p.pdf").write_bytes(content)
    (tmp_path / "good.txt").write_text("good")
    documents, skipped = parted(tmp_path)
    assert list(documents) == ["good.txt"]
    assert skipped["p.pdf"].startswith(reason)


def test_binary_files_and_files_of_other_kinds_are_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\x7fELF\x02\x01" + bytes(900))
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    (tmp_path / "c.txt").write_text(" \n ")
    (tmp_path / "LICENSE").write_text("free")
    _, skipped = parted(tmp_path)
    assert skipped["a.txt"] == "this is binary, not text"
    assert skipped["b.png"] == "of no kind that is read: .png"
    assert skipped["c.txt"] == "no text in it"
    assert skipped["LICENSE"] == "of no kind that is read: a name without an ending"


def test_encodings_may_differ_from_file_to_file(tmp_path):
    said = "Größe: naïve façade über Ärger, schön und süß"
    for name, encoding in (("u", "utf-8"), ("w", "utf-16"), ("l", "cp1252"), ("b", "utf-8-sig")):
        (tmp_path / f"{name}.txt").write_bytes(f"{said}\r\nnext".encode(encoding))
    documents, _ = parted(tmp_path)
    assert {document.text for document in documents.values()} == {f"{said}\nnext"}


def test_links_are_not_followed_neither_in_circles_nor_outside(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    corpus = tmp_path / "corpus"
    (corpus / "sub").mkdir(parents=True)
    (corpus / "a.txt").write_text("a")
    (corpus / "sub" / "loop").symlink_to(corpus)
    (corpus / "out").symlink_to(outside)
    (corpus / "out.txt").symlink_to(outside / "secret.txt")
    (corpus / "gone.txt").symlink_to(outside / "none.txt")
    documents, skipped = parted(corpus)
    assert list(documents) == ["a.txt"]
    assert set(skipped) == {"sub/loop", "out", "out.txt", "gone.txt"}
    assert set(skipped.values()) == {"a link; only real files are read"}


def test_a_file_of_200_mb_is_named_and_not_read(tmp_path):
    with (tmp_path / "big.txt").open("wb") as file:
        file.truncate(200 << 20)
    (tmp_path / "a.txt").write_text("a")
    documents, skipped = parted(tmp_path)
    assert list(documents) == ["a.txt"]
    assert skipped["big.txt"] == "200 MiB, and a document has 64 MiB at most: part it"


def test_a_pipe_is_named_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "p.txt")
    assert parted(tmp_path)[1] == {"p.txt": "no file: a pipe, a socket or a device"}


def test_hidden_files_and_indexes_are_no_part_of_a_corpus(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "a.txt").write_text("a")
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "chroma.sqlite3").write_text("")
    (tmp_path / "index" / "b.txt").write_text("b")
    assert parted(tmp_path) == ({}, {})


def test_no_such_folder_is_said(tmp_path):
    with pytest.raises(DataError, match="there is no such folder or file"):
        list(read(tmp_path / "none"))


def test_rows_of_json_have_ids_titles_and_metadata(tmp_path):
    (tmp_path / "r.jsonl").write_text(
        '{"_id": "7", "title": "T", "text": "seven", "user": "ann", "year": 2026, "tags": ["x"]}\n'
        "\n"
        "{broken\n"
        '{"_id": "7", "text": "again"}\n'
        '{"_id": "8", "text": ""}\n'
        '{"_id": "9", "body": ["two", "sentences"]}\n'
        "[1]\n"
        '{"note": "no text"}\n'
    )
    documents, skipped = parted(tmp_path)
    assert list(documents) == ["r.jsonl#7", "r.jsonl#9"]
    seven = documents["r.jsonl#7"]
    assert (seven.title, seven.text) == ("T", "seven")
    assert seven.metadata == {"user": "ann", "year": 2026}
    assert documents["r.jsonl#9"].text == "two sentences"
    assert skipped["r.jsonl:3"].startswith("no JSON: ")
    assert skipped["r.jsonl:4"] == "its id stands in line 1 already"
    assert skipped["r.jsonl:5"] == "a row without text"
    assert skipped["r.jsonl:7"] == "no JSON object"
    assert skipped["r.jsonl:8"].startswith("no column of text among note")


def test_rows_of_a_table_are_read_whatever_parts_their_cells(tmp_path):
    (tmp_path / "a.csv").write_bytes(
        'id;Text;team\n1;"two\nlines";red\n2;x;blue;more\n3;end;\n'.encode("utf-16")
    )
    (tmp_path / "b.tsv").write_text("text\tn\nhello, you\t1\n")
    (tmp_path / "c.csv").write_text("id,label\n1,x\n2,y\n")
    documents, skipped = parted(tmp_path)
    assert list(documents) == ["a.csv#1", "a.csv#3", "b.tsv#2"]
    assert documents["a.csv#1"].text == "two\nlines"
    assert documents["a.csv#1"].metadata == {"team": "red"}
    assert documents["b.tsv#2"].text == "hello, you"
    assert skipped == {
        "a.csv:4": "4 cells, and the first line names 3",
        "c.csv": "no column of text among id, label; name it one of text, body, content, contents",
    }


def test_a_line_that_never_ends_is_named(tmp_path, monkeypatch):
    from runners.retrieval import rows

    monkeypatch.setattr(rows, "_LONGEST", 1000)
    (tmp_path / "r.jsonl").write_text('{"text": "' + "x" * 2000 + '"}')
    assert "is a line end missing" in parted(tmp_path)[1]["r.jsonl"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "a.txt").chmod(0)
    assert parted(tmp_path)[1]["a.txt"] == "cannot be read: Permission denied"
