"""rag for labels: what is found stands before the text and is cited; a label stays a label."""

import pytest

from rules.errors import SettingError, UserError
from runners import rag
from runners.base import Row, silent
from runners.retrieval import index, passages

ROWS = (
    Row(id="lost", input="My card was stolen on the train", target="block_card"),
    Row(id="late", input="When is my money given back?", target="refund_late"),
)
STRANGE = Row(id="strange", input="Why do volcanoes erupt on Iceland?", target="refund_late")
POLICY = """# Cards

Stolen or lost: the card is blocked. Whoever lost a card or
had it stolen on a train or in a shop calls us by phone, at night too.

# Refunds

Money is given back within ten days. Whoever asks when their
money is given back is told the day on which it was sent.
"""


@pytest.fixture
def labelled(tmp_path, encoder, llama, new_plan):
    """Fits on two labels and reopens."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "policy.md").write_text(POLICY, "utf-8")
    settings = index.IndexSettings.model_validate({"tokens": 32, "overlap": 0})
    index.build(folder, tmp_path / "index", settings, silent)

    def make(base_model=llama, **given):
        given = {"index": str(tmp_path / "index"), "mode": "dense", **given}
        plan = new_plan(tmp_path / "run", "rag", base_model=str(base_model), settings=given)
        rag.fit(plan, ROWS, silent)
        return rag.load(plan.artifact)

    return make


def test_a_label_is_chosen_with_what_is_cited(labelled):
    few, many = labelled(top_k=1).predict(ROWS), labelled(top_k=2).predict(ROWS)
    for one, two in zip(few, many, strict=True):
        assert {one.prediction, two.prediction} <= {"block_card", "refund_late"}
        assert (len(one.sources), len(two.sources)) == (1, 2)
        assert two.sources[0] == one.sources[0]
        assert two.tokens > one.tokens
        assert not one.abstained
    assert few[0].sources != few[1].sources


def test_a_small_window_keeps_the_text(labelled):
    predictor = labelled(top_k=2)
    whole = predictor.model.count(ROWS[0])
    hits = predictor.passages.of(ROWS[:1])[0]
    with_best = predictor.model.count(
        ROWS[0].model_copy(
            update={"input": passages.before(ROWS[0].input, [hits[0].chunk.passage])}
        )
    )
    for room, sources in ((with_best, 1), (whole, 0)):
        predictor.model.prompt_tokens = room
        (answer,) = predictor.predict(ROWS[:1])
        assert len(answer.sources) == sources


def test_what_no_passage_speaks_of_is_marked(labelled):
    known, strange = labelled(abstain_below=0.4).predict([ROWS[1], STRANGE])
    assert (known.abstained, strange.abstained) == (False, True)
    assert strange.prediction in {"block_card", "refund_late"}


def test_what_cannot_choose_a_label_is_refused(labelled, encoder):
    with pytest.raises(SettingError, match=r"(?s)no label.*few_shot"):
        labelled(reader="extract")
    with pytest.raises(UserError, match="does not write"):
        labelled(base_model=encoder)
