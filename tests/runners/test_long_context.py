"""long_context: every document is read before each question, or it is refused."""

import pytest

from rules.errors import DataError, SettingError
from runners import _render, long_context
from runners._references import question
from runners.base import Row, silent

LOST = Row(id="lost", input="How is a lost card blocked?", target="by phone")
LONG = Row(id="long", input="card " * 205, target="by phone")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "docs"
    made.mkdir()
    (made / "a.txt").write_text("A lost card is blocked by phone.", "utf-8")
    (made / "b.md").write_text("# Refunds\n\nWithin ten days.", "utf-8")
    return made


@pytest.fixture
def opened(text_plan, tmp_path, folder):
    """Fits and reopens."""

    def make(rows=(LOST,), report=silent, **settings):
        given = {"documents": str(folder), "instruction": "", **settings}
        plan = text_plan(tmp_path / "run", "long_context", settings=given)
        long_context.fit(plan, rows, report)
        return long_context.load(plan.artifact)

    return make


def test_every_document_stands_before_the_question(opened):
    reader = opened()
    row, read = reader.shown(question(LOST))
    assert read == ["a.txt", "b.md"]
    assert "A lost card is blocked by phone." in row.input
    assert "Within ten days." in row.input
    (answer,) = reader.predict([LOST])
    assert answer.sources == ("a.txt", "b.md")
    ((bits, size),) = reader.bits([LOST])
    assert size == len("by phone")
    assert bits != reader.writer.bits([LOST])[0].bits


def test_the_tokens_that_are_told_are_those_of_the_prompt(opened):
    news = []
    reader = opened(report=news.append)
    row, _ = reader.shown(question(LOST))
    _, ids = _render.prompt(reader.writer.framed(row, []), reader.writer.tokenizer)
    assert f"2 documents: {len(ids)} tokens for each question" in news[-1].message


def test_documents_that_the_model_cannot_read_at_once_are_refused(opened, folder):
    (folder / "c.txt").write_text("card " * 300, "utf-8")
    with pytest.raises(SettingError, match=r"3 documents take .* tokens(.|\n)*--approach rag"):
        opened()


def test_a_longer_question_than_any_learned_from_loses_documents_not_words(opened):
    row, read = opened().shown(question(LONG))
    assert LONG.input in row.input
    assert read in ([], ["a.txt"])


def test_what_is_a_users_own_is_read_for_that_user_alone(opened, folder):
    (folder / "own.jsonl").write_text('{"id": "1", "text": "Ann is rich.", "user": "ann"}', "utf-8")
    reader = opened()
    for user, seen in (("ann", True), ("bob", False), (None, False)):
        row, _ = reader.shown(question(LOST.model_copy(update={"user": user})))
        assert ("Ann is rich." in row.input) == seen


def test_the_run_keeps_what_it_read(opened, folder):
    reader = opened()
    (folder / "a.txt").unlink()
    assert reader.shown(question(LOST))[1] == ["a.txt", "b.md"]


def test_what_cannot_be_read_is_told(opened, folder):
    (folder / "x.pdf").write_bytes(b"%PDF-1.4 broken")
    news = []
    opened(report=news.append)
    assert any(item.warning and "x.pdf" in item.message for item in news)


def test_a_folder_without_text_or_no_folder_is_refused(opened, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no document"):
        opened(documents=str(empty))
    with pytest.raises(SettingError, match="--setting documents=DIR"):
        long_context.require_ready(long_context.Settings(documents=str(tmp_path / "none")))
