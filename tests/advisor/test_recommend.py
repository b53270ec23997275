"""The recommendation: how sure, who came second and why, what comes first, what to measure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.advice import consider
from advisor.facts import Known, Situation
from advisor.recommend import recommend
from rules import engine
from rules.facts import Facts
from rules.node import KINDS

TUNABLE = {
    "task": "generation",
    "goal": "behaviour",
    "data_kind": "prompt_response",
    "n_examples": 2000,
    "access": "weights",
    "gpu_memory_gb": 24.0,
    "n_gpus": 1,
    "model_params_b": 7.0,
}


def values(name):
    kind, options = KINDS[name]
    if kind == "truth":
        return st.booleans()
    if kind == "choice":
        return st.sampled_from(options)
    if name in ("gpu_memory_gb", "model_params_b"):
        return st.one_of(st.sampled_from([0.0, 0.3, 7.0, 24.0, 80.0]), st.floats(0, 1e6))
    return st.one_of(st.integers(1, 3000), st.integers(1, 10**14))


ROWS = st.fixed_dictionaries({}, optional={name: values(name) for name in KINDS})


def situation(row):
    return Situation(known={k: Known(value=v, origin="answer", how="") for k, v in row.items()})


@given(row=ROWS)
def test_any_facts_give_an_answer_or_a_question_and_never_an_exception(row):
    said = consider(situation(row))
    found = said.recommendation
    assert found.top or all(item.status == "ruled_out" for item in found.ranking)
    assert said.around.top == found.top
    assert said.around.same <= said.around.total
    assert (found.experiment is not None) == (found.margin.verdict == "toss-up")
    assert found.margin.because


@given(row=ROWS)
def test_the_same_facts_give_the_same_bytes(row):
    from advisor.outputs_advice import advise

    one, two = (advise(consider(situation(row))).model_dump_json() for _ in range(2))
    assert one == two


@given(row=ROWS)
def test_a_fact_that_no_rule_looks_at_changes_nothing(row):
    # The ids of files, domains and people are no facts at all: they are refused.
    assert set(row) <= set(KINDS)
    facts = Facts(**row)
    assert recommend(facts) == recommend(Facts(**dict(reversed(row.items()))))


@given(row=ROWS)
def test_the_first_is_ahead_by_what_the_margin_says(row):
    found = recommend(Facts(**row))
    if found.runner_up:
        first, second = found.ranking[:2]
        assert found.margin.points == first.score - second.score == found.runner_up.points_behind
        assert (first.approach, second.approach) == (found.top, found.runner_up.approach)
        assert found.margin.verdict != "clear" or found.runner_up.points_behind > 5
    elif found.top:
        assert found.margin.points is None


def test_every_approach_that_is_ruled_out_names_its_rule():
    for item in recommend(Facts(task="classification", citations_needed=True)).ranking:
        gates = [reason for reason in item.verdict.reasons if reason.effect == "rules_out"]
        assert bool(gates) == (item.status == "ruled_out")


def test_a_count_near_a_switch_is_a_toss_up_and_prescribes_the_cheap_experiment():
    found = recommend(
        Facts(task="classification", data_kind="labelled", n_examples=45, labels=5, n_gpus=0)
    )
    assert found.margin.verdict == "toss-up"
    assert found.experiment is not None
    assert found.experiment.approaches == ("zero_shot", "few_shot", "heads")


def test_facts_that_agree_on_everything_give_a_clear_margin():
    found = recommend(
        Facts(
            task="qa_documents",
            goal="knowledge",
            data_kind="documents",
            n_documents=5000,
            document_tokens=10_000_000,
            freshness="daily",
            access="api_only",
            citations_needed=True,
            personalization="none",
            target_met=False,
            has_evaluation_set=True,
        )
    )
    assert (found.top, found.margin.verdict) == ("rag", "clear")
    assert found.experiment is None


def test_the_runner_up_says_what_kept_it_from_first_place():
    found = recommend(Facts(**TUNABLE))
    assert found.runner_up is not None
    assert found.runner_up.why
    if found.runner_up.rule:
        fired = {r.rule for item in found.ranking[:2] for r in item.verdict.reasons}
        assert found.runner_up.rule in fired


@pytest.mark.parametrize(
    ("row", "gate", "stops"),
    [
        ({"has_evaluation_set": False, "n_examples": 0}, "build_evaluation_set", True),
        ({"has_evaluation_set": False, "data_kind": "documents"}, "build_evaluation_set", True),
        ({"has_evaluation_set": False, "n_examples": 500}, "set_rows_aside", False),
        ({"target_met": True}, "target_met", True),
        ({"privacy": True, "access": "api_only"}, "data_stays", False),
    ],
)
def test_a_gate_says_what_comes_first(row, gate, stops):
    (found,) = recommend(Facts(**row)).gates
    assert (found.id, found.stop) == (gate, stops)


@pytest.mark.parametrize("fact", ["has_evaluation_set", "target_met", "privacy"])
def test_no_gate_closes_on_what_is_not_known(fact):
    assert recommend(Facts()).gates == ()
    assert recommend(Facts(**{fact: fact == "has_evaluation_set"})).gates == ()


def test_what_meets_its_target_stops_at_prompting():
    for row in (TUNABLE, {"task": "classification", "n_examples": 5000, "labels": 5}):
        assert recommend(Facts(**row, target_met=True)).top == "zero_shot"


@pytest.mark.parametrize(
    ("task", "able", "unable"),
    [
        ("qa_documents", {"rag", "hybrid", "long_context", "lora", "zero_shot"}, {"heads", "dpo"}),
        ("style", {"lora", "few_shot"}, {"heads"}),
        ("domain_knowledge", {"rag", "lora", "continued_pretraining"}, {"heads"}),
        ("classification", {"heads", "rag", "lora"}, {"hybrid", "dpo"}),
    ],
)
def test_advice_is_called_advice_only_where_no_runner_takes_such_rows(task, able, unable):
    ranking = recommend(Facts(task=task)).ranking
    found = {item.approach for item in ranking if item.can_run}
    assert able <= found
    assert not unable & found


def test_all_rules_given_are_used_and_no_others():
    heads = tuple(item for item in engine.load() if item.name in ("heads", "zero_shot"))
    assert {item.approach for item in recommend(Facts(), heads).ranking} == {"heads", "zero_shot"}
