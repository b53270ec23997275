"""What a recommendation says of memory: the closed form's numbers, held against the user's card."""

import pytest

from advisor.memory_advice import held, lines
from rules.facts import Facts
from rules.ways import approaches

WRITING = {"task": "generation", "access": "weights", "n_gpus": 1}


def test_numbers_parts_and_verdict_belong_together():
    found = held(Facts(**WRITING, gpu_memory_gb=16), "lora")
    assert found is not None
    assert found.card_bytes == 16e9
    assert found.needs_bytes < found.safe_bytes < 16e9
    assert found.fits is True
    assert sum(found.parts_bytes.values()) == pytest.approx(found.needs_bytes, rel=0.15)
    head, *bars, sentence = lines(found)
    assert found.model.partition("/")[2] in head
    assert "weights" in bars[0]
    assert len({bar.index("GiB") for bar in bars}) == 1
    assert sentence.startswith("needs ")
    assert "of 14.9" in sentence


def test_what_does_not_fit_names_the_change_that_makes_it_fit():
    found = held(Facts(**WRITING, gpu_memory_gb=16), "full_sft")
    assert found is not None
    assert found.fits is False
    assert "--approach" in found.change
    assert found.change in lines(found)[-1]


def test_an_unknown_card_is_not_a_small_one():
    found = held(Facts(task="generation"), "qlora")
    assert found is not None
    assert (found.card_bytes, found.fits, found.change) == (None, None, "")
    assert " of " not in lines(found)[-1]


def test_nothing_is_said_of_a_model_behind_an_api():
    assert held(Facts(task="generation", access="api_only"), "lora") is None


@pytest.mark.parametrize("approach", approaches())
def test_every_approach_is_answered_or_runs_elsewhere(approach):
    kinds = (Facts(**WRITING, gpu_memory_gb=24), Facts(task="classification", n_examples=900))
    found = [held(facts, approach) for facts in kinds]
    assert any(found) == (approach != "hosted")


def test_several_cards_share_what_is_stored():
    one = held(Facts(**WRITING, gpu_memory_gb=24), "full_sft")
    eight = held(Facts(**{**WRITING, "n_gpus": 8}, gpu_memory_gb=24), "full_sft")
    assert one is not None
    assert eight is not None
    if one.model == eight.model:
        assert eight.safe_bytes < one.safe_bytes
