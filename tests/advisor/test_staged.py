"""Plans of several steps: the order, commands that exist, and honesty about those that do not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.staged import plan
from rules import engine
from rules.facts import Facts
from runners import base

EVIDENCE = (engine.FOLDER.parents[1] / "docs" / "evidence.md").read_text("utf-8")
APPROACHES = [approach.name for approach in engine.load()]
LOCAL = {"access": "weights", "model_params_b": 7, "gpu_memory_gb": 24, "n_gpus": 1}


def order(top, **facts):
    return [step.approach for step in plan(Facts(**facts), top)]


def anchors():
    headings = re.findall(r"^#+ (.+)$", EVIDENCE, re.MULTILINE)
    slugs = {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', EVIDENCE))


@pytest.mark.parametrize(
    ("top", "facts", "expected"),
    [
        ("dpo", {"preference_pairs": 3000, **LOCAL}, ["zero_shot", "lora", "dpo"]),
        (
            "dpo",
            {"preference_pairs": 3000, **LOCAL, "gpu_memory_gb": 12},
            ["zero_shot", "qlora", "dpo"],
        ),
        (
            "dpo",
            {"preference_pairs": 3000, "access": "api_with_finetuning"},
            ["zero_shot", "hosted", "dpo"],
        ),
        ("hybrid", {"n_examples": 2000, **LOCAL}, ["rag", "lora", "hybrid"]),
        (
            "continued_pretraining",
            {"raw_tokens": 10**10, "n_examples": 5000, **LOCAL},
            ["zero_shot", "continued_pretraining", "lora"],
        ),
        (
            "continued_pretraining",
            {"raw_tokens": 10**10, **LOCAL},
            ["zero_shot", "continued_pretraining", "few_shot"],
        ),
        (
            "lora",
            {"task": "new_language", "raw_tokens": 10**10, "n_examples": 5000, **LOCAL},
            ["zero_shot", "continued_pretraining", "lora"],
        ),
        (
            "lora",
            {"task": "style", "n_examples": 2000, "preference_pairs": 1000, **LOCAL},
            ["zero_shot", "few_shot", "lora", "dpo"],
        ),
        (
            "rlhf",
            {"data_kind": "prompt_response", "checkable_reward": True, **LOCAL},
            ["zero_shot", "lora", "rlhf"],
        ),
        (
            "rlhf",
            {"data_kind": "preference_pairs", "preference_pairs": 50000, **LOCAL},
            ["zero_shot", "lora", "dpo", "rlhf"],
        ),
        ("rag", {"n_examples": 3000, "access": "weights"}, ["rag", "hybrid"]),
        ("rag", {"n_examples": 3000, "access": "api_only"}, ["rag"]),
        ("setfit", {"task": "classification"}, ["zero_shot", "setfit"]),
        ("zero_shot", {"target_met": True, "n_examples": 5000}, ["zero_shot"]),
        ("pretraining", {"raw_tokens": 10**10}, ["pretraining", "full_sft"]),
        (None, {}, []),
    ],
)
def test_what_comes_before_what(top, facts, expected):
    assert order(top, **facts) == expected


def test_a_command_is_shown_only_where_it_works():
    steps = plan(Facts(task="classification"), "setfit", data="tickets.csv")
    assert [step.command for step in steps] == [
        "whichtune run --approach zero_shot --data tickets.csv",
        "whichtune run --approach setfit --data tickets.csv",
    ]


def test_a_step_without_a_runner_says_so():
    for step in plan(Facts(task="classification", preference_pairs=900), "continued_pretraining"):
        if step.approach not in base.names():
            assert step.command is None
            assert "no runner" in step.note


def test_a_runner_that_does_not_do_the_task_is_not_offered():
    *_, last = plan(Facts(task="generation", **LOCAL), "setfit")
    assert last.command is None
    assert last.note == "the runner of setfit does classification so far, not generation"


def test_private_data_is_never_tuned_by_a_provider():
    facts = Facts(preference_pairs=3000, access="api_with_finetuning", privacy=True)
    assert "hosted" not in [step.approach for step in plan(facts, "dpo")]


@given(
    top=st.sampled_from(APPROACHES),
    task=st.sampled_from([None, "classification", "generation", "preference_alignment"]),
    kind=st.sampled_from([None, "labelled", "prompt_response", "preference_pairs", "raw_text"]),
    rows=st.one_of(st.none(), st.integers(0, 10**6)),
    pairs=st.one_of(st.none(), st.integers(0, 10**6)),
    tokens=st.one_of(st.none(), st.integers(0, 10**12)),
    met=st.sampled_from([None, True, False]),
)
def test_every_plan_reaches_its_aim_and_names_its_evidence(
    top, task, kind, rows, pairs, tokens, met
):
    facts = Facts(
        task=task,
        data_kind=kind,
        n_examples=rows,
        preference_pairs=pairs,
        raw_tokens=tokens,
        target_met=met,
    )
    steps = plan(facts, top)
    assert top in [step.approach for step in steps]
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert len({step.approach for step in steps}) == len(steps)
    assert {step.approach for step in steps} <= set(APPROACHES)
    for step in steps:
        assert step.source.partition("#")[2] in anchors()
        assert step.why[-1] == "."
        assert step.command is None or step.approach in base.names()
