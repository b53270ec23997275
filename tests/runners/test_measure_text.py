"""Texts are measured as sacrebleu and rouge-score measure them, each question once."""

import time

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from rules.errors import SettingError
from runners import _measure_text, _measuring, _preferences
from runners.base import Prediction, Row, silent

ASKED = [("a", "The red door."), ("a", "A door in red."), ("b", "A green hat."), ("c", "Ships.")]
SAID = {"a": "The red door .", "b": "A green hat.", "c": "A blue stone is here"}


def rows_of(pairs):
    return [Row(id=str(n), input=text, target=target) for n, (text, target) in enumerate(pairs)]


def answers(rows, said, **more):
    return [Prediction(id=row.id, prediction=said[row.input], **more) for row in rows]


@pytest.fixture
def rows():
    return rows_of(ASKED)


@pytest.fixture
def card(rows):
    return _measure_text.measure(rows, answers(rows, SAID))


def test_rows_that_ask_the_same_are_one_question_with_several_right_answers(card):
    assert (card.rows, card.references) == (3, 4)


def test_an_answer_is_exact_if_it_is_any_of_the_references(rows):
    said = {**SAID, "a": "A door in red."}
    card = _measure_text.measure(rows, answers(rows, said))
    assert card.metrics["exact_match"].value == pytest.approx(2 / 3)


def test_bleu_and_chrf_are_those_of_sacrebleu(card):
    said = list(SAID.values())
    references = [
        ["The red door.", "A green hat.", "Ships."],
        ["A door in red.", None, None],
    ]
    assert card.metrics["bleu"].value == pytest.approx(
        BLEU(force=True).corpus_score(said, references).score
    )
    assert card.metrics["chrf"].value == pytest.approx(CHRF().corpus_score(said, references).score)


def test_rouge_l_is_that_of_the_best_reference(card):
    scorer = RougeScorer(["rougeL"])
    each = [
        max(
            scorer.score(target, SAID[asked])["rougeL"].fmeasure
            for text, target in ASKED
            if text == asked
        )
        for asked in SAID
    ]
    assert card.metrics["rouge_l"].value == pytest.approx(np.mean(each))


@pytest.mark.parametrize(
    ("one", "other"), [("красная дверь", "красная дверь"), ("红色的门", "红色的门")]
)
def test_rouge_l_reads_other_scripts_than_latin(one, other):
    rows = rows_of([("a", one)])
    card = _measure_text.measure(rows, answers(rows, {"a": other}))
    assert card.metrics["rouge_l"].value == 1


@pytest.mark.parametrize(
    ("right", "said", "match", "f1"),
    [
        ("Denver Broncos", "the Denver  broncos.", 1, 1.0),
        ("24-10", "24\N{EN DASH}10", 1, 1.0),
        ("a cat sat on the mat", "The cat slept on a mat!", 0, 0.75),
        ("yes", "no", 0, 0.0),
        ("yes", "", 0, 0.0),
        ("红色的门", "门是红色的", 0, 8 / 9),
        ("«дверь»", "Дверь", 1, 1.0),
    ],
)
def test_squad_puts_capitals_punctuation_and_articles_aside(right, said, match, f1):
    rows = rows_of([("a", right)])
    card = _measure_text.measure(rows, answers(rows, {"a": said}))
    assert card.metrics["squad_match"].value == match
    assert card.metrics["token_f1"].value == pytest.approx(f1)


def test_of_several_right_answers_the_nearest_counts():
    rows = rows_of([("a", "within ten days"), ("a", "ten days")])
    card = _measure_text.measure(rows, answers(rows, {"a": "Ten days."}))
    assert card.metrics["squad_match"].value == card.metrics["token_f1"].value == 1


def test_runs_can_be_ordered_by_it_and_tokens_are_only_told(card):
    assert "token_f1" in _measure_text.RANKING
    assert "tokens" not in _measure_text.RANKING


def test_every_value_lies_in_its_interval(card):
    others = {"bits_per_byte", "valid", "tokens", "written_tokens", *_preferences.METRICS}
    assert set(card.metrics) == set(_measure_text.TITLES) - others
    assert all(item.low <= item.value <= item.high for item in card.metrics.values())


def test_more_rows_narrow_the_interval():
    def width(times):
        rows = rows_of([(f"{text}{n}", target) for n in range(times) for text, target in ASKED])
        said = [Prediction(id=row.id, prediction=SAID[row.input[0]]) for row in rows]
        found = _measure_text.measure(rows, said).metrics["chrf"]
        return found.high - found.low

    assert width(40) < width(4) / 2


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    """Answers that are right with a known chance: 95 % intervals of BLEU hold the long-run BLEU."""
    random = np.random.default_rng(1)

    def sample(count):
        rows = rows_of(
            [(f"q{n}", f"the {n} ships sail to the north tonight") for n in range(count)]
        )
        said = [
            Prediction(
                id=row.id,
                prediction=row.target if random.random() < 0.6 else "the ships sail to the south",
            )
            for row in rows
        ]
        return rows, said

    truth = _measure_text.count("bleu", *sample(5_000)).value
    hits = 0
    for _ in range(60):
        counted = _measure_text.count("bleu", *sample(100))
        low, high = np.percentile(_measure_text.draws(counted), [2.5, 97.5])
        hits += low <= truth <= high
    assert 50 <= hits < 60  # 57 on average; half the width would hold 40


def test_bits_per_byte_add_up_over_rows_of_any_length():
    rows = [Row(id="1", input="abcd"), Row(id="2", input="abcdefgh")]
    said = [
        Prediction(id="1", prediction="", target_bits=4.0, target_bytes=4),
        Prediction(id="2", prediction="", target_bits=20.0, target_bytes=8),
    ]
    card = _measure_text.measure(rows, said)
    assert card.main == "bits_per_byte"
    assert set(card.metrics) == {"bits_per_byte"}
    assert card.metrics["bits_per_byte"].value == pytest.approx(2.0)


def test_an_answer_that_was_cut_off_did_not_end(rows):
    card = _measure_text.measure(rows, answers(rows, SAID, cut=True))
    assert card.metrics["ended"].value == 0
    assert card.metrics["ended"].high > 0.1


@pytest.mark.parametrize(
    ("form", "valid"),
    [
        (r"A .*", 2 / 3),
        ('{"type": "object", "required": ["a"]}', 1 / 3),
    ],
)
def test_the_form_of_an_answer_is_checked(rows, form, valid):
    said = {"a": '{"a": 1}', "b": "A hat", "c": "A stone"}
    card = _measure_text.measure(rows, answers(rows, said), form)
    assert card.metrics["valid"].value == pytest.approx(valid)


@pytest.mark.parametrize(
    ("form", "message"),
    [("(", "is not a regular expression"), ('{"type": 1}', "this is not a JSON schema")],
)
def test_a_form_that_is_none_is_refused(rows, form, message):
    with pytest.raises(SettingError, match=message):
        _measure_text.measure(rows, answers(rows, SAID), form)


def test_the_answer_of_a_chat_is_the_last_turn_of_the_assistant():
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "who are you?"},
        {"role": "assistant", "content": "a ship"},
    ]
    rows = [Row(id="1", messages=tuple(turns))]
    card = _measure_text.measure(rows, [Prediction(id="1", prediction="a ship")])
    assert card.metrics["exact_match"].value == 1


def test_the_scores_of_rows_put_the_worst_answer_last(rows):
    scores = _measure_text.row_scores(rows, answers(rows, SAID))
    assert scores[0] == scores[1]
    assert scores[2] == 100
    assert scores[3] < scores[0]


def test_copying_the_question_needs_no_model():
    rows = rows_of([("same words", "same words"), ("other", "words")])
    card = _measure_text.measure(rows, _measure_text.copied(rows))
    assert card.metrics["exact_match"].value == 0.5


def test_space_around_an_answer_does_not_make_it_wrong():
    rows = rows_of([("a", "A red door . "), ("a", "A red door ."), ("b", " Hats")])
    card = _measure_text.measure(rows, answers(rows, {"a": "A red door .", "b": "Hats"}))
    assert card.metrics["exact_match"].value == 1
    assert card.references == 2


def test_tokens_are_told_where_every_answer_knows_them(rows):
    said = answers(rows, SAID, tokens=30, written_tokens=4)
    card = _measure_text.measure(rows, said)
    assert card.metrics["tokens"].value == 30
    assert card.metrics["written_tokens"].value == 4
    said[0] = said[0].model_copy(update={"tokens": None, "written_tokens": None})
    assert not {"tokens", "written_tokens"} & set(_measure_text.measure(rows, said).metrics)


class Slow:
    """Takes long for whatever it is asked first."""

    def __init__(self):
        self.asked = []

    def predict(self, rows):
        time.sleep(0.2 if not self.asked else 0.005)
        self.asked.append([row.input for row in rows])
        return [Prediction(id=row.id, prediction="x") for row in rows]


def test_one_slow_question_shows_in_p95_alone(text_plan, tmp_path):
    plan = text_plan(tmp_path / "run", "zero_shot")
    rows = rows_of([(f"question {n % 40}", "x") for n in range(80)])
    predictor = Slow()
    found = _measuring.latency(plan, predictor, rows, silent)
    assert found is not None
    assert (found.questions, found.at_once) == (40, 1)  # each once, though each has two answers
    assert predictor.asked == [[f"question {n}"] for n in range(40)]
    assert 5 <= found.p50_ms <= found.p95_ms < 200
    few = _measuring.latency(plan, Slow(), rows[:3], silent)
    assert few is not None
    assert few.p95_ms > 150
    assert _measuring.latency(plan, Slow(), [Row(id="1", input="prose alone")], silent) is None
