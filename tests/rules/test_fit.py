"""Cards, verdicts, and changes that must hold by a second estimate."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.errors import UserError
from rules.fit import capacity, fits, largest, most, verdict
from rules.fit_changes import changes
from rules.memory import estimate
from rules.setup import Setup
from tests.rules.test_memory import LLAMA

GIB = 2**30
TINY = replace(
    LLAMA, name="small", layers=16, hidden=2048, head_dim=64, intermediate=8192, vocabulary=32000
)
HEAVY = Setup(LLAMA, "full", tokens=4096, batch=8, checkpointing=False, optimizer="adamw_foreach")


@pytest.mark.parametrize(
    ("said", "size", "understood"),
    [
        ("24GiB", 24 * GIB, "24 GiB"),
        ("24 GB", 24e9, "24 GB of 10**9 bytes: 22.4 GiB"),
        ("16", 15360 * 2**20, "the NVIDIA T4 reports least, 15.0 GiB"),
        ("13", 13 * GIB, "13 GiB, as on a card's box"),
        ("rtx 4090", None, "4090"),
    ],
)
def test_a_card_is_a_size_or_a_name_and_the_unit_is_said(said, size, understood):
    found = capacity(said)
    assert understood in found.understood
    assert size is None or found.bytes == size


@pytest.mark.parametrize("said", ["0", "0GiB", "-4", "", "lots", "RTX 4900 Ti Max"])
def test_nonsense_is_refused_with_what_to_type(said):
    with pytest.raises(UserError, match="--gpu"):
        capacity(said)


def test_a_verdict_without_a_card_is_unknown_and_not_no():
    found = estimate(HEAVY)
    assert verdict(found, None).fits is None
    assert verdict(found, found.safe).fits is True
    between = verdict(found, (found.needs + found.safe) / 2)
    assert (between.fits, between.tight) == (False, True)


def test_the_largest_batch_fits_and_one_more_does_not():
    setup, card = Setup(LLAMA, "lora", tokens=1024), 40 * GIB
    found = largest(setup, card)
    assert fits(replace(setup, batch=found.batch), card)
    assert not fits(replace(setup, batch=found.batch + 1), card)
    assert fits(replace(setup, tokens=found.tokens), card)


def test_a_plan_too_large_for_sixteen_gigabytes_is_made_to_fit():
    card = capacity("16").bytes
    found = changes(HEAVY, card, lengths=range(1, 4097), smaller=(TINY,))
    said = [change.what.split()[0] for change in found]
    assert said[:2] == ["gradient", "--optimizer"]  # the optimizer's step is highest, not the batch
    assert any(change.fits for change in found)
    assert next(change for change in found if change.fits).what == "--approach qlora"


def test_where_adapters_alone_do_not_help_one_row_at_a_time_does():
    setup = Setup(LLAMA, "full", tokens=4096, batch=4)
    found = changes(setup, capacity("16").bytes)
    enough = next(change for change in found if change.fits)
    assert enough.what.startswith("--approach qlora --batch 1")
    assert enough.setup.accumulation == 4


def test_shorter_rows_say_what_share_is_cut():
    setup = Setup(LLAMA, "lora", tokens=8192, optimizer="adamw_8bit")
    card = estimate(replace(setup, tokens=4096)).safe
    shorter = next(c for c in changes(setup, card, lengths=[100, 5000]) if "--tokens" in c.what)
    assert (shorter.what, shorter.harm) == ("--tokens 4096", "50% of the rows are cut")


@given(
    way=st.sampled_from(["lora", "full", "dpo"]),
    tokens=st.integers(256, 8192),
    batch=st.integers(1, 16),
    checkpointing=st.booleans(),
    size=st.integers(2, 200),
)
def test_every_change_said_to_fit_does_so_when_estimated_again(
    way, tokens, batch, checkpointing, size
):
    setup = Setup(LLAMA, way, tokens=tokens, batch=batch, checkpointing=checkpointing)
    found = changes(setup, size * GIB, smaller=(TINY,))
    assert bool(found) or fits(setup, size * GIB) or size < 4
    for change in found:
        again = estimate(change.setup)
        assert again == change.estimate
        assert change.fits == (again.safe <= size * GIB)
        assert again.safe < estimate(setup).safe


def test_the_stage_that_needs_most_is_the_one_that_counts():
    short, long = Setup(LLAMA, "lora", tokens=128), Setup(LLAMA, "lora", tokens=8192)
    assert most([short, long])[0] is long
