"""The embedding cache: once per text and encoder, also among processes, also after a crash."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.errors import UserError
from runners import _embedding_cache, _encoder
from runners.base import silent


class Counting:
    """An encoder that remembers what it was asked; a text's vector follows from the text."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked += texts
        return np.array(
            [[len(text), sum(map(ord, text)) % 997] for text in texts], dtype=np.float32
        )


def cached(texts, embed, name="f"):
    return _embedding_cache.embeddings(name, texts, embed, lambda step, steps: None)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A cache of the test's own."""
    monkeypatch.setenv("WHICHTUNE_CACHE", str(tmp_path))
    return tmp_path


def test_each_text_is_embedded_once_whatever_is_asked_again(own):
    first, second = Counting(), Counting()
    cached(["a", "b", "a"], first)
    cached(["b", "c", "c", "a"], second)
    assert (sorted(first.asked), second.asked) == (["a", "b"], ["c"])


def test_each_encoder_has_embeddings_of_its_own(own):
    cached(["a"], Counting(), "one")
    other = Counting()
    cached(["a"], other, "two")
    assert other.asked == ["a"]


@given(st.lists(st.text(max_size=4), max_size=30))
@settings(max_examples=30)
def test_vectors_come_in_the_order_of_the_texts_repeats_included(tmp_path_factory, texts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHICHTUNE_CACHE", str(tmp_path_factory.mktemp("own")))
        patch.setattr(_embedding_cache, "BLOCK", 7)
        vectors = cached(texts, Counting())
        again = cached(texts, Counting())
    assert len(vectors) == len(texts)
    assert vectors.dtype == np.float32
    assert [row.tolist() for row in vectors] == [Counting()([text])[0].tolist() for text in texts]
    assert np.array_equal(vectors, again)


def test_the_longest_texts_come_first_over_all_blocks(own, monkeypatch):
    monkeypatch.setattr(_embedding_cache, "BLOCK", 2)
    counting = Counting()
    cached(["aa", "aaaa", "a", "aaa"], counting)
    assert counting.asked == ["aaaa", "aaa", "aa", "a"]


def test_texts_that_utf_8_cannot_hold_are_embedded_too(own):
    assert len(cached(["\ud800", "\udfff"], Counting())) == 2


def test_progress_counts_the_missing_texts_only(own, monkeypatch):
    monkeypatch.setattr(_embedding_cache, "BLOCK", 2)
    cached(["a"], Counting())
    seen = []
    _embedding_cache.embeddings("f", ["a", "b", "c", "d"], Counting(), lambda *n: seen.append(n))
    assert seen == [(0, 3), (2, 3), (3, 3)]


def test_embeddings_are_those_of_the_encoder_without_a_cache(own, encoder, train):
    texts = [row.input for row in train[:20]]
    plain = _encoder.encode(_encoder.open_encoder(encoder), texts)
    through = _encoder.embed(encoder, [*texts, texts[0]], silent)
    assert through == pytest.approx(np.vstack([plain, plain[:1]]), abs=1e-5)
    assert np.linalg.norm(through, axis=1) == pytest.approx(np.ones(21), abs=1e-5)


def test_an_encoder_is_opened_only_when_a_text_is_missing(own, encoder, monkeypatch):
    first = _encoder.embed(encoder, ["one text"], silent)
    monkeypatch.setattr(_encoder, "open_encoder", lambda base_model: pytest.fail("opened"))
    assert np.array_equal(_encoder.embed(encoder, ["one text"], silent), first)


CHILD = """
import json, sys, time
import numpy as np
from runners import _embedding_cache as cache

name, texts, block, seconds, begin = json.loads(sys.argv[1])
cache.BLOCK = block
asked = []

def embed(texts):
    asked.extend(texts)
    time.sleep(seconds)
    return np.array([[len(text)] for text in texts], dtype=np.float32)

time.sleep(max(0, begin - time.time()))
vectors = cache.embeddings(name, texts, embed, lambda step, steps: print(step, flush=True))
print(json.dumps([asked, vectors[:, 0].tolist()]))
"""


def child(folder, *values):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, json.dumps(values)],
        env={**os.environ, "WHICHTUNE_CACHE": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_want_the_same_texts_at_once_embed_each_text_once_in_all(tmp_path):
    texts = [f"{n:03d} " + "x" * n for n in range(40)]
    for number in range(4):  # new files: to create one is a race of its own
        begin = time.time() + 0.6
        children = [child(tmp_path, f"f{number}", texts, 7, 0.02, begin) for _ in range(3)]
        asked = []
        for process in children:
            output, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
            mine, lengths = json.loads(output.splitlines()[-1])
            assert lengths == [len(text) for text in texts]
            asked += mine
        assert sorted(asked) == sorted(texts)


def test_what_was_finished_before_a_kill_is_not_embedded_again(own):
    texts = [f"{n:02d}" for n in range(12)]
    process = child(own, "f", texts, 3, 0.5, 0)
    assert process.stdout is not None
    while process.stdout.readline().strip() != "6":
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = child(own, "f", texts, 3, 0, 0)
    output, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert json.loads(output.splitlines()[-1])[0] == texts[6:]


def test_a_block_that_fails_leaves_the_blocks_before_it(own, monkeypatch):
    monkeypatch.setattr(_embedding_cache, "BLOCK", 1)

    def fail(texts):
        if texts == ["bb"]:
            raise RuntimeError("out of memory")
        return Counting()(texts)

    with pytest.raises(RuntimeError, match="out of memory"):
        cached(["aaa", "bb", "c"], fail)
    counting = Counting()
    cached(["aaa", "bb", "c"], counting)
    assert counting.asked == ["bb", "c"]


def test_a_file_that_is_no_database_is_named_with_the_way_out(own):
    path = own / "embeddings" / "f.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, whatever its name says" * 40)
    with pytest.raises(UserError, match="not a database") as caught:
        cached(["a"], Counting())
    assert caught.value.where == str(path)
    assert "WHICHTUNE_CACHE" in caught.value.fix
    assert "delete the file" in caught.value.fix


def test_a_cache_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("WHICHTUNE_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="embedding cache") as caught:
        cached(["a"], Counting())
    assert "WHICHTUNE_CACHE" in caught.value.fix


FULL = """
import resource, sys
import numpy as np
from rules.errors import UserError
from runners import _embedding_cache as cache

def embed(texts):
    return np.zeros((len(texts), 384), dtype=np.float32)

cache.embeddings("f", ["first"], embed, lambda step, steps: None)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    cache.embeddings("f", [str(n) for n in range(400)], embed, lambda step, steps: None)
except UserError as error:
    print(error)
"""


def test_a_full_disk_is_called_by_its_name(own):
    done = subprocess.run(
        [sys.executable, "-c", FULL], capture_output=True, text=True, check=True, timeout=60
    )
    assert "full" in done.stdout or "disk I/O error" in done.stdout
    assert "no transaction" not in done.stdout
    assert cached(["first"], Counting()).shape == (1, 384)


def test_the_cache_stands_in_the_users_cache_folder_unless_named(monkeypatch, tmp_path):
    monkeypatch.delenv("WHICHTUNE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _embedding_cache.folder() == tmp_path / "whichtune"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _embedding_cache.folder() == tmp_path / ".cache" / "whichtune"
