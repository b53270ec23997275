"""The index: what is touched, what a kill leaves behind, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from rules.errors import DataError, RunError, SettingError, UserError
from runners import _models
from runners.base import silent
from runners.retrieval.index import IndexSettings, build, open_index, stale

pytest.importorskip("chromadb")


@pytest.fixture
def corpus(tmp_path):
    """Twenty short documents in a folder."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for n in range(20):
        (folder / f"{n:02}.txt").write_text(f"Document {n} tells of {'cats' if n % 2 else 'dogs'}.")
    return folder


@pytest.fixture
def where(tmp_path, encoder):
    del encoder
    return tmp_path / "index"


def made(corpus, where, **settings):
    return build(corpus, where, IndexSettings(**settings), silent)


def held(where):
    """The texts of every document in the index, and the number of chunks."""
    with open_index(where) as index:
        chunks = list(index.chunks())
        texts: dict[str, list[str]] = {}
        for chunk in chunks:
            texts.setdefault(chunk.document, []).append(chunk.text)
        assert len({chunk.id for chunk in chunks}) == len(chunks) == index.count()
        assert set(index.documents()) == set(texts)
    return texts


def test_a_question_finds_the_document_that_answers_it(corpus, where):
    (corpus / "x.md").write_text("# Cards\n\nA lost card is blocked by calling the bank.")
    done = made(corpus, where)
    assert (done.documents, done.added, done.chunks) == (21, 21, 21)
    with open_index(where) as index:
        vectors = index.encode(["how do I block my bank card?", "dogs"])
        assert vectors.shape == (2, 384)
        first, second = index.nearest(vectors, 3)
        (chunk,) = index.get([first[0][0]])
        assert (chunk.document, chunk.heading) == ("x.md", "Cards")
        assert first[0][1] > first[1][1]
        exact = float(vectors[0] @ index.encode([chunk.passage])[0])
        assert first[0][1] == pytest.approx(exact, abs=1e-4)
        assert all("dogs" in chunk.text for chunk in index.get([key for key, _ in second]))


def test_a_filter_holds_for_what_is_nearest(tmp_path, where):
    rows = [{"text": f"the cat {n}", "user": "ann" if n % 4 else "bob"} for n in range(40)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    made(path, where)
    with open_index(where) as index:
        (found,) = index.nearest(index.encode(["a cat"]), 40, {"user": "bob"})
        assert len(found) == 10
        assert {chunk.metadata["user"] for chunk in index.get([k for k, _ in found])} == {"bob"}


def test_only_what_has_changed_is_touched(corpus, where):
    made(corpus, where)
    with open_index(where) as index:
        before, revision = {chunk.id for chunk in index.chunks()}, index.revision
    (corpus / "03.txt").write_text("Document 3 tells of birds.")
    (corpus / "04.txt").unlink()
    (corpus / "new.txt").write_text("A new one.")
    os.utime(corpus / "05.txt", (1, 1))
    done = made(corpus, where)
    assert (done.added, done.changed, done.deleted, done.unchanged) == (1, 1, 1, 18)
    texts = held(where)
    assert texts["03.txt"] == ["Document 3 tells of birds."]
    assert "04.txt" not in texts
    with open_index(where) as index:
        assert len({chunk.id for chunk in index.chunks()} & before) == 18
        assert index.revision != revision


def test_an_index_that_is_up_to_date_needs_no_encoder_and_keeps_its_revision(corpus, where):
    made(corpus, where)
    with open_index(where) as index:
        revision = index.revision
    done = made(corpus, where)
    assert (done.added, done.changed, done.deleted, done.unchanged) == (0, 0, 0, 20)
    assert done.encode_seconds == 0
    with open_index(where) as index:
        assert index.revision == revision


def test_of_rows_only_those_that_changed_are_touched(tmp_path, where):
    path = tmp_path / "rows.jsonl"
    rows = [{"_id": n, "text": f"the text {n}"} for n in range(100)]
    path.write_text("\n".join(map(json.dumps, rows)))
    made(path, where)
    rows[17]["text"] = "another text"
    path.write_text("\n".join(map(json.dumps, rows)))
    done = made(path, where)
    assert (done.added, done.changed, done.deleted, done.unchanged) == (0, 1, 0, 99)
    assert held(where)["rows.jsonl#17"] == ["another text"]


def test_what_a_row_says_never_stands_for_what_the_index_says(tmp_path, where):
    path = tmp_path / "rows.jsonl"
    row = {"text": "t", "_document": "other", "_start": 5, "": 1, "n": 2**70, "x": float("nan")}
    path.write_text(json.dumps({**row, "chroma:document": "y", "kept": True}))
    made(path, where)
    with open_index(where) as index:
        (chunk,) = index.chunks()
    assert (chunk.document, chunk.start, chunk.metadata) == ("rows.jsonl#1", 0, {"kept": True})


def test_documents_with_the_same_text_are_kept_and_counted(corpus, where):
    shutil.copy(corpus / "01.txt", corpus / "copy.txt")
    done = made(corpus, where)
    assert (done.documents, done.duplicates) == (21, 1)
    assert held(where)["copy.txt"] == held(where)["01.txt"]


def test_what_was_left_out_is_named_and_the_rest_is_indexed(corpus, where):
    (corpus / "a.bin").write_bytes(b"\0")
    done = made(corpus, where)
    assert [(item.path, item.reason) for item in done.skipped] == [
        ("a.bin", "of no kind that is read: .bin")
    ]
    assert done.documents == 20


def test_an_empty_folder_is_refused_and_an_index_that_was_there_stays(corpus, where, tmp_path):
    made(corpus, where)
    moved = corpus.rename(tmp_path / "elsewhere")
    corpus.mkdir()
    with pytest.raises(DataError, match="no document to index"):
        made(corpus, where)
    (corpus / "a.txt").write_text(" ")
    with pytest.raises(DataError, match=r"no document to index: a.txt: no text in it"):
        made(corpus, where)
    corpus.joinpath("a.txt").unlink()
    corpus.rmdir()
    moved.rename(corpus)
    assert len(held(where)) == 20


KILLER = textwrap.dedent(
    """
    import json, os, shutil, signal, sys
    from pathlib import Path
    from chromadb import Collection
    from runners import _encoder, _models
    from runners.base import silent
    from runners.retrieval import work
    from runners.retrieval.index import IndexSettings, build

    encoder = _encoder.open_encoder(_models.DEFAULT_ENCODER)  # opened once, for all children
    _encoder.open_encoder = lambda name: encoder
    _models.fingerprint(_models.DEFAULT_ENCODER)
    work.BLOCK = 2

    def kill_at(number):
        # The real SIGKILL, right before the database is written to for the n-th time.
        written = 0
        def counted(real):
            def write(*args, **kwargs):
                nonlocal written
                written += 1
                if written == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **kwargs)
            return write
        for name in ("upsert", "delete", "update", "modify"):
            setattr(Collection, name, counted(getattr(Collection, name)))

    def child(where, number=0):
        pid = os.fork()
        if pid == 0:
            if number:
                kill_at(number)
            build(Path(corpus), where, IndexSettings(), silent)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    corpus, start, to, only = sys.argv[1:]
    codes, number = [], int(only) or 1
    while not codes or codes[-1] == -signal.SIGKILL:
        where = f"{to}{number}"
        if Path(start).exists():
            shutil.copytree(start, where)
        codes.append(child(where, number))
        if int(only):
            break
        assert child(where) == 0
        number += 1
    print(json.dumps(codes))
    """
)


def killed(corpus, start, to, only=0):
    """Index copies of what is at a start, each killed one write later than the last, then anew.

    Returns:
        The exit codes of the killed ones, up to the first that had no write left to be killed at.
    """
    done = subprocess.run(
        [sys.executable, "-c", KILLER, *map(str, (corpus, start, to, only))],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_kill_before_any_write_of_the_first_indexing_loses_and_doubles_nothing(
    corpus, where, tmp_path
):
    for path in sorted(corpus.iterdir())[5:]:
        path.unlink()
    codes = killed(corpus, where, tmp_path / "index")
    assert len(codes) >= 11  # three blocks of three writes, and a new revision before and after
    assert set(codes[:-1]) == {-9}
    for number in range(1, len(codes) + 1):
        texts = held(tmp_path / f"index{number}")
        assert texts == {path.name: [path.read_text()] for path in corpus.iterdir()}


@pytest.mark.slow
@pytest.mark.slow
def test_a_kill_before_any_write_of_a_refresh_loses_and_doubles_nothing(corpus, where, tmp_path):
    for path in sorted(corpus.iterdir())[8:]:
        path.unlink()
    made(corpus, where)
    for n in (1, 2, 5):
        (corpus / f"{n:02}.txt").write_text(f"Document {n} was rewritten.")
    (corpus / "03.txt").unlink()
    (corpus / "new.txt").write_text("A new one.")
    codes = killed(corpus, where, tmp_path / "index")
    assert len(codes) >= 11
    assert set(codes[:-1]) == {-9}
    for number in range(1, len(codes) + 1):
        texts = held(tmp_path / f"index{number}")
        assert texts == {path.name: [path.read_text()] for path in corpus.iterdir()}


@pytest.mark.slow
def test_a_file_that_is_changed_back_after_a_kill_is_whole_again(corpus, where, tmp_path):
    made(corpus, where)
    before = held(where)
    old = (corpus / "03.txt").read_text()
    (corpus / "03.txt").write_text("changed for a moment")
    # Before its fourth write: its old chunk is gone, and no new one is there.
    assert killed(corpus, where, tmp_path / "cut", only=4) == [-9]
    with open_index(tmp_path / "cut4") as index:
        assert "03.txt" not in {chunk.document for chunk in index.chunks()}
    (corpus / "03.txt").write_text(old)
    assert made(corpus, tmp_path / "cut4").changed == 1
    assert held(tmp_path / "cut4") == before


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"tokens": 128}, "made with tokens 256, not 128"),
        ({"overlap": 16}, "made with overlap 32, not 16"),
        ({"encoder": "all-MiniLM-L6-v2"}, "made with encoder sentence-transformers/all-MiniLM"),
    ],
)
def test_another_way_of_indexing_is_refused(corpus, where, settings, what):
    made(corpus, where)
    with pytest.raises(SettingError, match=what):
        made(corpus, where, **settings)
    assert len(held(where)) == 20


def test_another_corpus_is_refused(corpus, where, tmp_path):
    made(corpus, where)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_text("a")
    with pytest.raises(SettingError, match="an index belongs to one corpus"):
        made(other, where)
    assert len(held(where)) == 20


def test_an_encoder_whose_files_have_changed_is_refused(corpus, where, encoder_copy):
    model = encoder_copy()
    made(corpus, where, encoder=str(model))
    config = model / "config.json"
    config.write_text(config.read_text().rstrip() + "\n\n")
    _models.fingerprint.cache_clear()
    for act in (lambda: open_index(where), lambda: made(corpus, where)):
        with pytest.raises(RunError, match="are not those it was made with"):
            act()


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"tokens": 512}, "512 tokens, and .* reads 256 at most\n  fix: give at most 256"),
        ({"tokens": 64, "overlap": 40}, "40 of 64 tokens\n  fix: give at most 31"),
    ],
)
def test_sizes_that_would_cut_chunks_short_are_refused_before_anything_is_made(
    corpus, where, settings, what
):
    with pytest.raises(SettingError, match=what):
        made(corpus, where, **settings)
    assert made(corpus, where).added == 20


def test_a_place_without_an_index_stays_empty(where):
    with pytest.raises(
        UserError, match=r"there is no index here\n  fix: make one: whichtune index"
    ):
        open_index(where)
    assert not where.exists()


def test_an_index_that_vanished_is_made_again(corpus, where):
    made(corpus, where)
    shutil.rmtree(where)
    with pytest.raises(UserError, match="there is no index here"):
        open_index(where)
    assert made(corpus, where).added == 20


@pytest.mark.parametrize("content", [b"not a database at all" * 300, b""])
def test_a_corrupt_database_is_named_with_what_to_do(corpus, where, content):
    made(corpus, where)
    (where / "chroma.sqlite3").write_bytes(content)
    with pytest.raises(UserError, match="index"):
        open_index(where)


def test_an_index_of_another_format_is_refused(corpus, where):
    made(corpus, where)
    with open_index(where) as index:
        index.stored.modify(metadata={**(index.stored.metadata or {}), "format": 99})
    with pytest.raises(RunError, match="an index of format 99, and this version reads 1"):
        open_index(where)


def test_two_processes_never_write_to_one_folder(corpus, where):
    from filelock import FileLock

    made(corpus, where)
    with FileLock(where / "indexing.lock"), pytest.raises(RunError, match="is indexing here"):
        made(corpus, where)
    assert made(corpus, where).unchanged == 20


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://127.0.0.1:9", "the Chroma server does not answer.*\n  fix: start it: chroma run"),
        ("http://:x", "this is no address of a server"),
    ],
)
def test_a_server_that_is_down_is_named(corpus, url, what, encoder):
    del encoder
    with pytest.raises(UserError, match=what):
        made(corpus, url)


def test_documents_that_nobody_changed_for_long_are_named_oldest_first(corpus, where):
    import time

    day = 86400
    for name, age in (("03.txt", 400), ("07.txt", 800), ("08.txt", 10)):
        os.utime(corpus / name, (0, time.time() - age * day))
    made(corpus, where)
    assert [(item.document, item.days) for item in stale(where, 365)] == [
        ("07.txt", 800),
        ("03.txt", 400),
    ]
    os.utime(corpus / "07.txt")
    made(corpus, where)
    assert [item.document for item in stale(where, 365)] == ["03.txt"]
