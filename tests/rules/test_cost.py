"""Operations by hand, and what follows from a speed and a price."""

from dataclasses import replace

import pytest

from rules import tables
from rules.cost import UTILISATION, cost, operations_per_token
from rules.errors import UserError
from rules.setup import Setup
from tests.rules.test_memory import LLAMA, MIXTRAL

T4 = next(gpu for gpu in tables.gpus() if gpu.name == "NVIDIA T4")
FULL = Setup(LLAMA, "full", tokens=1, checkpointing=False)


def test_full_tuning_takes_about_six_operations_a_weight_and_token():
    weights = LLAMA.parameters - LLAMA.embedding_weights  # looking a word up is no arithmetic
    assert operations_per_token(FULL) == pytest.approx(6 * weights, rel=0.001)
    lora = replace(FULL, way="lora")
    assert operations_per_token(lora) == pytest.approx(4 * weights, rel=0.001)
    again = operations_per_token(replace(lora, checkpointing=True))
    assert again == pytest.approx(6 * weights, rel=0.001)


def test_a_token_passes_two_of_eight_experts():
    reading = Setup(MIXTRAL, "inference", tokens=1)
    assert operations_per_token(reading) / 2 / 1e9 == pytest.approx(12.7, abs=0.2)


def test_hours_follow_from_the_card_and_dollars_from_the_price():
    found = cost(replace(FULL, tokens=1000), rows=1000, epochs=3, gpu=T4, dollars_per_hour=0.5)
    assert found.tokens == 3_000_000
    seconds = found.operations / 65e12
    assert found.hours.low == pytest.approx(seconds / UTILISATION[1] / 3600)
    assert found.hours.high == pytest.approx(seconds / UTILISATION[0] / 3600)
    assert found.dollars is not None
    assert found.dollars.high == pytest.approx(found.hours.high / 2)
    assert "as given" in found.dollars.origin
    assert found.kilowatt_hours is not None
    assert found.kilowatt_hours.low == pytest.approx(found.hours.low * 0.07)


def test_a_measured_speed_wins():
    found = cost(replace(FULL, tokens=100), rows=36, epochs=1, measured_tokens_per_second=1.0)
    assert found.hours.low < 1 < found.hours.high
    assert "measured" in found.hours.origin
    assert found.dollars is None


def test_without_a_price_the_dated_table_says_so():
    found = cost(FULL, rows=10, epochs=1, gpu=T4)
    assert found.dollars is not None
    assert "remembered list prices" in found.dollars.origin


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rows": 0}, "--rows"),
        ({"epochs": 0}, "--epochs"),
        ({"epochs": float("nan")}, "--epochs"),
        ({"epochs": float("inf")}, "--epochs"),
        ({"dollars_per_hour": -1}, "--price"),
        ({"dollars_per_hour": float("nan")}, "--price"),
        ({"gpu": None}, "--gpu"),
        ({"measured_tokens_per_second": 0}, "--speed"),
        ({"measured_tokens_per_second": float("inf")}, "--speed"),
    ],
)
def test_nothing_is_no_training(change, said):
    given = {"rows": 10, "epochs": 1, "gpu": T4} | change
    with pytest.raises(UserError, match=said):
        cost(FULL, **given)
