"""Chunks: they fit, they cover the document, they know their headings, and keep their names."""

from itertools import pairwise

import pytest

from rules.errors import SettingError
from runners.retrieval.chunks import split
from runners.retrieval.documents import Document

pytest.importorskip("semantic_text_splitter")

PARTS = "\n\n".join(
    f"## Part {n}\n\n" + " ".join(f"Sentence {n}.{m} tells of cats and dogs." for m in range(40))
    for n in range(4)
)


@pytest.fixture(scope="module")
def tokenizer(encoder):
    from runners import _encoder

    return _encoder.open_encoder(encoder).tokenizer


def document(text, **more):
    return Document(id="d", path="d", text=text, **more)


@pytest.mark.parametrize("markdown", [True, False])
@pytest.mark.parametrize("tokens", [40, 100, 256])
def test_no_chunk_is_longer_than_asked_with_its_headings(tokenizer, tokens, markdown):
    chunks = split(document(PARTS, markdown=markdown, title="All"), tokens, 8, tokenizer)
    sizes = [len(tokenizer(chunk.passage)["input_ids"]) for chunk in chunks]
    assert max(sizes) <= tokens
    assert len(chunks) > 4


def test_chunks_stand_where_they_say_and_leave_no_word_out(tokenizer):
    chunks = split(document(PARTS, markdown=True), 64, 0, tokenizer)
    assert all(PARTS[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks).split() == PARTS.split()


def test_an_overlap_repeats_the_end_of_the_chunk_before(tokenizer):
    chunks = split(document("One two three. " * 200), 64, 16, tokenizer)
    pairs = list(pairwise(chunks))
    assert pairs
    assert all(after.start < before.end for before, after in pairs)


def test_a_chunk_knows_the_headings_above_it_and_is_embedded_below_them(tokenizer):
    text = (
        "intro\n\n# Top\n\n"
        + "a word. " * 60
        + "\n\n## Sub\n\n```\n# no heading\n```\n\n"
        + "the end. " * 60
    )
    chunks = split(document(text, markdown=True, title="Book"), 64, 0, tokenizer)
    assert chunks[0].heading == "Book"
    assert chunks[-1].heading == "Book > Top > Sub"
    assert {chunk.heading for chunk in chunks} == {"Book", "Book > Top", "Book > Top > Sub"}
    middle = next(chunk for chunk in chunks if chunk.text.startswith("a word"))
    assert middle.passage.startswith("Book > Top\na word.")


def test_a_plain_text_has_no_headings(tokenizer):
    (chunk,) = split(document("# not a heading\n\ntext"), 64, 0, tokenizer)
    assert chunk.heading == ""
    assert chunk.passage == chunk.text


def test_chunks_far_from_an_edit_keep_their_names(tokenizer):
    before = split(document(PARTS, markdown=True), 64, 0, tokenizer)
    after = split(
        document(PARTS.replace("Sentence 3.39", "Word 3.39"), markdown=True), 64, 0, tokenizer
    )
    kept = {chunk.id for chunk in before} & {chunk.id for chunk in after}
    assert len(before) - 2 <= len(kept) < len(before)


def test_the_same_text_twice_in_a_document_has_two_names_and_others_have_others(tokenizer):
    text = "\n\n".join(["The same words over and over again, many a time. " * 4] * 6)
    chunks = split(document(text), 64, 0, tokenizer)
    other = split(Document(id="e", path="e", text=text), 64, 0, tokenizer)
    assert len({chunk.text for chunk in chunks}) < len(chunks)
    assert len({chunk.id for chunk in (*chunks, *other)}) == 2 * len(chunks)


def test_chunks_of_a_pdf_know_their_page(tokenizer):
    pages = "\n\f\n".join(f"Page {n}. " + "Some words stand here. " * 30 for n in range(1, 4))
    chunks = split(document(pages, metadata={"kind": "pdf"}), 64, 0, tokenizer)
    assert {chunk.metadata["page"] for chunk in chunks} == {1, 2, 3}
    for chunk in chunks:
        assert chunk.metadata["page"] == pages[: chunk.start].count("\f") + 1
        assert chunk.metadata["kind"] == "pdf"


def test_a_text_without_spaces_or_with_a_long_title_still_fits(tokenizer):
    for text, title in (("x" * 5000, ""), ("漢字" * 800, ""), ("word " * 300, "long title " * 80)):
        chunks = split(document(text, title=title), 64, 8, tokenizer)
        assert "".join(chunk.text for chunk in chunks)
        assert max(len(tokenizer.tokenize(chunk.text)) for chunk in chunks) <= 64


def test_an_overlap_without_room_for_new_text_is_refused(tokenizer):
    with pytest.raises(SettingError, match=r"32 of 64 tokens\n  fix: give at most 31"):
        split(document("text"), 64, 32, tokenizer)
