"""Base-model advice: kind, size, what fits, and names that exist."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.base_models import advise, need_gb
from rules import engine, model_config, tables, ways
from rules.facts import Facts
from rules.memory import estimate

EVIDENCE = (engine.FOLDER.parents[1] / "docs" / "evidence.md").read_text("utf-8")
WRITING = {"task": "generation", "access": "weights", "n_gpus": 1}


def anchors():
    headings = re.findall(r"^#+ (.+)$", EVIDENCE, re.MULTILINE)
    slugs = {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', EVIDENCE))


@pytest.mark.parametrize(
    ("facts", "kind", "size"),
    [
        ({"task": "classification", "n_examples": 500, "labels": 5}, "encoder", "small"),
        ({"task": "classification", "n_examples": 10, "labels": 5}, "causal", "medium"),
        ({"task": "classification", "data_kind": "none"}, "causal", "medium"),
        ({"task": "generation", "latency": "strict"}, "causal", "small"),
        ({"task": "generation", "gpu_memory_gb": 0}, "causal", "small"),
        ({"task": "generation", "access": "api_only"}, "causal", "provider"),
        ({"task": "generation", "breadth": "broad"}, "causal", "large"),
        ({"task": "generation", "breadth": "narrow"}, "causal", "medium"),
        ({"task": "new_language", "model_params_b": 0.11}, "encoder", "small"),
        ({}, "causal", "medium"),
    ],
)
def test_kind_and_size_follow_from_the_case(facts, kind, size):
    advice = advise(Facts(**facts))
    assert (advice.kind, advice.size) == (kind, size)


@pytest.mark.parametrize(
    ("memory", "way", "largest"),
    [(24, "lora", 8.46), (24, "qlora", 33.85), (80, "full_sft", 3.33), (8, "qlora", 9.23)],
)
def test_the_largest_that_fits_is_the_formula_read_backwards(memory, way, largest):
    fits = {fit.way: fit for fit in advise(Facts(gpu_memory_gb=memory, n_gpus=1)).fits}
    assert fits[way].largest_b == largest
    factor = {"full_sft": 18, "full_16_bit": 8, "lora": 2, "qlora": 0.5}[way]
    assert need_gb(fits[way].largest_b, factor) == pytest.approx(memory, abs=0.15)
    assert f"({memory} GB - 2) / (1.3 x " in fits[way].arithmetic


def test_an_unknown_machine_gives_no_sizes_that_fit_but_names_all_the_same():
    advice = advise(Facts(task="generation"))
    assert advice.fits == ()
    assert len(advice.models) >= 2
    assert "say how much GPU memory" in advice.models[0].why


def test_a_model_that_does_not_fit_is_told_so():
    (note,) = [
        note
        for note in advise(Facts(**WRITING, gpu_memory_gb=24, model_params_b=70)).notes
        if "70B" in note
    ]
    assert note.endswith("1.3 x 0.5 x 70 + 2 = about 47.5 GB, and you have 24.")


def test_who_tunes_at_a_provider_hears_what_ends():
    notes = " ".join(advise(Facts(task="generation", access="api_with_finetuning")).notes)
    assert "OpenAI: closing, no new job from 2027-01-06 on" in notes


def test_few_labels_get_sentence_encoders_and_many_get_plain_ones():
    few = advise(Facts(task="classification", n_examples=100, labels=5)).models
    many = advise(Facts(task="classification", n_examples=5000, labels=5)).models
    assert tables.find_model(few[0].id).embeds
    assert not tables.find_model(many[0].id).embeds
    for names in (few, many):
        assert any(tables.find_model(named.id).multilingual for named in names)


@settings(max_examples=300)
@given(
    memory=st.one_of(st.none(), st.floats(0, 1000)),
    cards=st.one_of(st.none(), st.integers(0, 64)),
    task=st.sampled_from([None, "classification", "generation", "qa_documents", "new_language"]),
    breadth=st.sampled_from([None, "narrow", "broad"]),
    latency=st.sampled_from([None, "normal", "strict"]),
    rows=st.one_of(st.none(), st.integers(0, 10**6)),
    size=st.one_of(st.none(), st.floats(0, 700)),
)
def test_any_facts_give_two_to_four_models_whose_training_fits(
    memory, cards, task, breadth, latency, rows, size
):
    facts = Facts(
        task=task,
        breadth=breadth,
        latency=latency,
        n_examples=rows,
        gpu_memory_gb=memory,
        n_gpus=cards,
        model_params_b=size,
    )
    advice = advise(facts)
    assert advice == advise(facts)
    assert 1 <= len(advice.models) <= 4
    known = {model.id: model for model in tables.models()}
    for named in advice.models:
        assert known[named.id].kind == advice.kind
        assert named.source.startswith("https://huggingface.co/")
        if memory and cards != 0 and memory * (cards or 1) >= 8 and advice.kind == "causal":
            assert need_gb(named.parameters_b, 0.5) <= memory * (cards or 1)
    for source in advice.sources:
        assert source.partition("#")[2] in anchors()


def test_more_memory_never_names_a_smaller_first_choice():
    sizes = [
        advise(Facts(**WRITING, gpu_memory_gb=memory)).models[0].parameters_b
        for memory in (8, 12, 16, 24, 48, 80)
    ]
    assert sizes == sorted(sizes)


def test_what_a_named_model_takes_is_the_closed_form():
    first = advise(Facts(**WRITING, gpu_memory_gb=16)).models[0]
    shape = model_config.from_table(first.id)
    for approach in ("lora", "qlora"):
        (step,) = ways.setups(approach, shape, tokens=1024)
        assert f"{estimate(step).safe / 2**30:.1f}" in first.needs
