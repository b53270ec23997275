"""What the rules together must never do, over generated facts, and what they say in plain cases."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rules import engine
from rules.condition import KINDS, parse
from rules.facts import Facts

APPROACHES = engine.load()
TRAINING = {
    *("setfit", "heads", "hosted", "lora", "adapters", "qlora", "dpo", "full_sft", "rlhf"),
    *("continued_pretraining", "pretraining"),
}
TUNED = TRAINING - {"dpo", "rlhf", "continued_pretraining", "pretraining"}
RETRIEVAL = {"rag", "hybrid"}
FRESHNESS = ("static", "monthly", "weekly", "daily", "realtime")
PAIRS = {"task": "generation", "goal": "behaviour", "data_kind": "prompt_response"}
TUNABLE = PAIRS | {"n_examples": 2000, "access": "weights", "n_gpus": 1, "model_params_b": 7}
LABELS = {"task": "classification", "labels": 10, "access": "weights"}
PREFERENCES = {"task": "preference_alignment", "data_kind": "preference_pairs"}


def values(name):
    kind, options = KINDS[name]
    if kind == "truth":
        return st.booleans()
    if kind == "choice":
        return st.sampled_from(options)
    if name in ("gpu_memory_gb", "model_params_b"):
        return st.one_of(st.sampled_from([0.0, 0.1, 0.5, 1.0, 7.0, 24.0, 80.0]), st.floats(0, 1e4))
    if name in ("labels", "n_gpus", "rarest_label", "n_documents"):
        return st.integers(1 if name == "labels" else 0, 300)
    return st.one_of(st.integers(0, 2000), st.sampled_from([0, 10**6, 10**9, 10**11]))


ROWS = st.fixed_dictionaries({}, optional={name: values(name) for name in KINDS})
LABELLED = ROWS.map(
    lambda row: (
        {k: v for k, v in row.items() if k != "rarest_label"}
        | {"task": "classification", "goal": "classification", "data_kind": "labelled"}
    )
)


def ranking(row):
    verdicts = [engine.judge(approach, Facts(**row)) for approach in APPROACHES]
    return sorted(verdicts, key=lambda verdict: (verdict.ruled_out, -verdict.score, verdict.rung))


def first(row):
    return ranking(row)[0].approach


def out(row):
    return {verdict.approach for verdict in ranking(row) if verdict.ruled_out}


@given(row=ROWS)
def test_any_facts_give_a_verdict_on_every_approach_that_adds_up(row):
    verdicts = ranking(row)
    assert len({verdict.approach for verdict in verdicts}) == len(APPROACHES)
    efforts = {approach.name: approach.effort for approach in APPROACHES}
    for verdict in verdicts:
        points = sum(reason.points for reason in verdict.reasons)
        assert verdict.score == points - efforts[verdict.approach]
        for reason in verdict.reasons:
            assert not set("[]{}") & set(reason.text), reason
        for undecided in verdict.undecided:
            assert undecided.facts


def test_nothing_known_rules_nothing_out_and_begins_with_the_cheapest():
    verdicts = ranking({})
    assert not any(verdict.ruled_out or verdict.reasons for verdict in verdicts)
    assert verdicts[0].approach == "zero_shot"


@given(row=ROWS, data=st.data())
def test_what_is_ruled_out_without_a_fact_is_ruled_out_with_it(row, data):
    assume(row)
    dropped = data.draw(st.sampled_from(sorted(row)))
    assert out({name: row[name] for name in row if name != dropped}) <= out(row)


@given(row=ROWS, more=st.floats(1, 100), cards=st.integers(0, 64))
def test_more_memory_never_removes_an_approach(row, more, cards):
    less = {"gpu_memory_gb": 8.0, "n_gpus": 1} | row
    bigger = {"gpu_memory_gb": less["gpu_memory_gb"] * more, "n_gpus": less["n_gpus"] + cards}
    assert out(less | bigger) <= out(less)


@given(
    size=st.floats(0.01, 200),
    memory=st.floats(0, 200),
    share=st.floats(0, 1),
    cards=st.integers(0, 16),
    rows=st.integers(0, 200_000),
)
def test_less_memory_never_moves_qlora_to_full_tuning(size, memory, share, cards, rows):
    row = TUNABLE | {"model_params_b": size, "n_gpus": cards, "n_examples": rows}
    if first(row | {"gpu_memory_gb": memory}) == "qlora":
        assert first(row | {"gpu_memory_gb": memory * share}) != "full_sft"


@given(row=ROWS, speeds=st.tuples(st.integers(0, 4), st.integers(0, 4)))
def test_faster_facts_never_move_from_retrieval_to_training(row, speeds):
    slow, fast = (FRESHNESS[speed] for speed in sorted(speeds))
    assume(first(row | {"freshness": slow}) in RETRIEVAL)
    assert first(row | {"freshness": fast}) not in TRAINING


@given(row=ROWS)
def test_citations_never_remove_retrieval(row):
    without, cited = row | {"citations_needed": False}, row | {"citations_needed": True}
    assert out(cited) & RETRIEVAL == out(without) & RETRIEVAL
    if first(without) in RETRIEVAL:
        assert first(cited) in RETRIEVAL
    assert first(cited) in RETRIEVAL | {"long_context"}


@given(row=LABELLED, counts=st.tuples(st.integers(0, 50_000), st.integers(0, 50_000)))
def test_more_labels_never_move_classification_from_tuning_to_prompting(row, counts):
    fewer, more = sorted(counts)
    assume(first(row | {"n_examples": fewer}) in TUNED)
    assert first(row | {"n_examples": more}) not in {"zero_shot", "few_shot"}


@given(row=ROWS)
def test_private_data_never_go_to_a_provider_for_training(row):
    private = row | {"privacy": True}
    assert "hosted" in out(private)
    if row.get("access") == "api_with_finetuning":
        assert {"hosted", "dpo", "rlhf", "hybrid"} <= out(private)


@given(row=ROWS)
def test_what_needs_weights_is_out_where_there_is_only_an_api(row):
    weights = {"setfit", "lora", "adapters", "qlora", "full_sft", "continued_pretraining"}
    assert weights | {"hosted", "dpo", "rlhf", "hybrid"} <= out(row | {"access": "api_only"})
    assert weights <= out(row | {"access": "api_with_finetuning"})


@given(row=ROWS)
def test_a_verdict_hangs_on_nothing_but_the_facts_its_rules_name(row):
    for approach in APPROACHES:
        named = {name for rule in approach.rules for name in parse(rule.when, rule.id).names}
        part = Facts(**{name: value for name, value in row.items() if name in named})
        assert engine.judge(approach, part) == engine.judge(approach, Facts(**row))


@given(row=ROWS)
def test_a_missing_gpu_never_excludes_a_classifier_of_unknown_or_small_size(row):
    row = {name: value for name, value in row.items() if name not in ("citations_needed", "access")}
    row |= {"task": "classification", "gpu_memory_gb": 0.0, "n_gpus": 0, "n_examples": 100}
    row.pop("model_params_b", None)
    small = row | {"model_params_b": 0.3}
    for case in (row, small):
        assert not {"heads", "setfit", "lora", "full_sft"} & out(case)


PLAIN = [
    ({"task": "classification", "n_examples": 120, "labels": 3}, {"heads", "setfit"}),
    ({"task": "classification", "n_examples": 20, "labels": 5}, {"few_shot"}),
    ({"task": "classification", "n_examples": 0, "data_kind": "none"}, {"zero_shot"}),
    ({"task": "qa_documents", "freshness": "daily"}, {"rag"}),
    ({"task": "qa_documents", "n_documents": 1, "freshness": "static"}, {"long_context"}),
    ({"task": "domain_knowledge", "data_kind": "documents", "n_documents": 300}, {"rag"}),
    ({"task": "style", "n_examples": 20}, {"few_shot"}),
    ({"task": "generation", "goal": "format", "n_examples": 5000}, {"lora"}),
    ({"task": "generation", "n_examples": 5000, "access": "api_with_finetuning"}, {"hosted"}),
    ({"task": "preference_alignment", "preference_pairs": 5000}, {"dpo"}),
    ({"task": "preference_alignment", "preference_pairs": 100}, {"few_shot"}),
    (
        {"task": "generation", "goal": "behaviour", "checkable_reward": True, "n_examples": 1000},
        {"rlhf"},
    ),
    ({"task": "new_language", "raw_tokens": 50 * 10**9}, {"continued_pretraining"}),
    ({"task": "qa_documents", "privacy": True, "access": "api_only"}, {"rag", "zero_shot"}),
]


@pytest.mark.parametrize(("row", "expected"), PLAIN)
def test_plain_situations_get_the_plain_answer(row, expected):
    assert first(row) in expected


@pytest.mark.parametrize(
    ("row", "change", "before", "after"),
    [
        (TUNABLE, "gpu_memory_gb", (24, "lora"), (12, "qlora")),
        (TUNABLE | {"n_gpus": 8}, "gpu_memory_gb", (16, "lora"), (80, "full_sft")),
        (TUNABLE | {"gpu_memory_gb": 24}, "freshness", ("static", "lora"), ("daily", "hybrid")),
        (TUNABLE | {"gpu_memory_gb": 24}, "n_examples", (20, "few_shot"), (500, "lora")),
        (LABELS, "n_examples", (50, "few_shot"), (200, "setfit")),
        (LABELS | {"model_params_b": 0.3}, "n_examples", (1000, "setfit"), (5000, "full_sft")),
        (LABELS | {"n_examples": 1000}, "access", ("weights", "setfit"), ("api_only", "heads")),
        (PREFERENCES, "preference_pairs", (200, "few_shot"), (2000, "dpo")),
        (PREFERENCES | {"preference_pairs": 50000}, "n_gpus", (8, "dpo"), (32, "rlhf")),
        ({"task": "qa_documents"}, "n_documents", (2, "long_context"), (500, "rag")),
    ],
)
def test_one_fact_across_its_threshold_flips_the_answer(row, change, before, after):
    for value, expected in (before, after):
        assert first(row | {change: value}) == expected
