"""The interview: what decides most comes first, and it ends when nothing decides any more."""

import pytest

from advisor import find_out, phrases, plausible, questions
from advisor.interview import LIMIT, next_question, worth_asking
from advisor.recommend import recommend
from rules.facts import Facts

DOCUMENTS = {"task": "qa_documents", "document_tokens": 2_000_000, "target_met": False}
STYLE = {
    "task": "style",
    "goal": "format",
    "data_kind": "prompt_response",
    "n_examples": 2000,
    "access": "weights",
    "gpu_memory_gb": 12.0,
    "n_gpus": 1,
    "model_params_b": 8.0,
    "target_met": False,
    "freshness": "static",
    "personalization": "none",
}


def held(truth):
    known, asked = {}, []
    while (item := next_question(Facts(**known), asked)) is not None:
        asked.append(item.question.id)
        if item.question.id in truth:
            known[item.question.id] = truth[item.question.id]
    return known, asked


def test_the_first_question_is_the_task():
    first = next_question(Facts())
    assert first is not None
    assert first.question.id == "task"


@pytest.mark.parametrize(("truth", "most"), [(DOCUMENTS, 4), (STYLE, 10)])
def test_it_ends_early_with_the_answer_that_all_facts_give(truth, most):
    known, asked = held(truth)
    assert len(asked) <= most
    assert recommend(Facts(**known)).top == recommend(Facts(**truth)).top


def test_all_i_dont_know_ends_too_and_asks_nothing_twice():
    known, asked = held({})
    assert known == {}
    assert len(asked) == len(set(asked)) <= LIMIT
    measured = recommend(Facts()).experiment
    assert measured is not None
    assert measured.approaches == ("zero_shot", "few_shot")


def test_a_question_says_why_it_is_asked_now_and_between_what_it_decides():
    for item in worth_asking(Facts(task="classification", data_kind="labelled", n_examples=500)):
        assert len(item.between) >= 2
        assert "of 100 plausible cases" in item.why_now


def test_the_order_is_always_the_same():
    facts = Facts(task="generation", n_examples=300)
    assert worth_asking(facts) == worth_asking(facts)


def test_what_is_beside_the_point_is_not_asked():
    wanted = {item.question.id for item in worth_asking(Facts(task="qa_documents"))}
    assert not wanted & {"labels", "rarest_label"}


def test_where_everything_is_known_nothing_is_asked():
    truth = STYLE | {q.id: None for q in questions.QUESTIONS if q.id not in STYLE}
    asked = [fact for fact, value in truth.items() if value is None]
    assert next_question(Facts(**STYLE), asked) is None


def test_every_fact_has_shares_that_add_up_words_and_a_way_to_find_it_out():
    for question in questions.QUESTIONS:
        assert question.id in find_out.HOW
        for _, shares in plausible.TABLE[question.id]:
            assert sum(shares.values()) == pytest.approx(1)
            for value in shares:
                assert questions.check(question.id, value, "here") == value
                assert phrases.told(question.id, value)


def ask(whichtune, *arguments, answers=""):
    return whichtune("ask", "--no-machine", "--answers", "-", *arguments, stdin=answers)


def test_answers_from_a_pipe_lead_to_the_verdict(whichtune):
    code, out, talk = ask(whichtune, answers="3\n5,000\n?\n")
    assert code == 0
    assert "why now: changes first place in about" in talk
    assert "qa_documents" in out


def test_knowing_nothing_ends_with_an_experiment_and_two_facts_to_find_out(whichtune):
    code, out, talk = ask(whichtune)
    assert code == 0
    assert "toss-up: zero_shot or few_shot" in out
    assert "50 rows tell" in out
    helpful = talk.split("What would help most to know")[1]
    assert "task: " in helpful
    assert "whichtune doctor" in helpful
