"""Where answers from an index went wrong: each cause is planted, and found."""

import json

import pytest

from runners import rag
from runners.base import Row, silent
from runners.retrieval import index
from runners.retrieval.passages import NOT_FOUND

TEXTS = {
    "card": "A lost card is blocked by phone.",
    "money": "Money is given back within ten days.",
    "pin": "A forgotten number is sent by letter.",
    "leak": "Which colour has the sky over Rome? It is azure.",
}
LOST = Row(id="lost", input="How is a lost card blocked?", target="by phone", documents=("card",))
REFUND = Row(
    id="refund", input="When is my money given back?", target="at noon", documents=("money",)
)
MISSED = Row(
    id="missed", input="When is my money given back soon?", target="by letter", documents=("pin",)
)
GONE = Row(id="gone", input="Why does a volcano erupt?", target="of heat", documents=("nowhere",))
LEAK = Row(id="leak", input="Which colour has the sky over Rome?", target="azure")


@pytest.fixture(scope="module")
def reader(tmp_path_factory, encoder):
    folder = tmp_path_factory.mktemp("corpus")
    lines = (json.dumps({"id": key, "text": text}) for key, text in TEXTS.items())
    (folder / "help.jsonl").write_text("\n".join(lines), "utf-8")
    index.build(folder, folder / "index", index.IndexSettings(), silent)

    def make(artifact, **settings):
        given = {"index": str(folder / "index"), "reader": "extract", "top_k": 1, **settings}
        artifact.mkdir()
        about = {**rag.Settings.model_validate(given).model_dump(), "revision": ""}
        (artifact / "rag.json").write_text(json.dumps(about), "utf-8")
        return rag.load(artifact)

    return make


def judged(reader, rows):
    return reader.judged(rows, reader.predict(rows))


def test_each_wrong_answer_has_its_cause_and_retrieval_its_numbers(reader, tmp_path):
    card = judged(reader(tmp_path / "a"), [LOST, REFUND, MISSED, GONE])
    failed = card.failures
    assert (failed.wrong, failed.not_judged) == (3, 0)
    assert failed.examples == {
        "reader_missed": ("refund",),
        "retrieval_missed": ("missed",),
        "not_in_corpus": ("gone",),
    }
    assert (card.by, card.questions, card.top_k) == ("documents", 4, 1)
    assert card.metrics["recall@1"].value == pytest.approx(2 / 4)
    assert 2 / 4 < card.metrics["mrr"].value < 3 / 4  # the letter is found, but later
    assert set(card.metrics) == {"recall@1", "mrr", "ndcg@10"}
    assert card.leaked == ()


def test_without_named_documents_the_answers_words_tell(reader, tmp_path):
    rows = [row.model_copy(update={"documents": ()}) for row in (LOST, MISSED, GONE)]
    card = judged(reader(tmp_path / "a"), rows)
    assert card.by == "answers"
    assert card.metrics["found@1"].value == pytest.approx(1 / 3)
    assert card.failures.examples == {"retrieval_missed": ("missed",), "not_in_corpus": ("gone",)}


def test_whether_the_right_questions_are_left_unanswered(reader, tmp_path):
    told = Row(id="told", input="Where do penguins sleep?", target=NOT_FOUND)
    open_ended = judged(reader(tmp_path / "a"), [LOST, GONE, told]).abstention
    assert (open_ended.refused, open_ended.unanswerable, open_ended.answered_anyway) == (0, 2, 2)
    careful = judged(reader(tmp_path / "b", abstain_below=0.4), [LOST, GONE, told]).abstention
    assert (careful.refused, careful.refused_rightly, careful.answered_anyway) == (2, 2, 0)
    assert careful.risk_coverage is not None
    assert careful.risk_coverage < 1 / 3


def test_a_data_file_among_the_documents_is_noticed(reader, tmp_path):
    assert judged(reader(tmp_path / "a"), [LOST, LEAK]).leaked == ("leak",)


def test_a_question_that_nothing_judges_is_counted_as_such(reader, tmp_path):
    row = Row(id="no", input="Is a lost card blocked by letter?", target="no")
    assert judged(reader(tmp_path / "a"), [row]).failures.not_judged == 1
