"""Every approach has its steps, and a computed default says how."""

import pytest

from rules import ways
from rules.errors import UserError
from rules.fit import most
from rules.memory import estimate
from rules.tables import FOLDER
from tests.rules.test_memory import BERT, LLAMA

REFUSED = {(approach, "causal") for approach in ("heads", "setfit")} | {
    (approach, "encoder") for approach in ("dpo", "rlhf", "qlora", "hybrid", "rag", "long_context")
}


def test_every_approach_of_the_rule_book_is_known():
    written = {path.stem for path in (FOLDER / "approaches").glob("*.yaml")}
    assert written == set(ways.approaches())


@pytest.mark.parametrize("approach", sorted(ways.approaches()))
def test_each_either_runs_somewhere_or_says_why_not(approach):
    for shape in (LLAMA, BERT):
        if (approach, shape.kind) in REFUSED:
            with pytest.raises(UserError, match=shape.name):
                ways.setups(approach, shape, tokens=256)
            continue
        steps = ways.setups(approach, shape, tokens=256)
        assert bool(steps) == (ways.why_none(approach) is None)
        assert all(estimate(step).safe > 0 for step in steps)
        assert bool(ways.defaults(approach)) == bool(steps)


def test_three_stages_of_rlhf_and_the_highest_counts():
    steps = ways.setups("rlhf", LLAMA, tokens=1024)
    assert [step.way for step in steps] == ["lora", "reward_model", "online_rl"]
    highest, found = most(steps)
    assert highest.way == "online_rl"
    assert found.parts["frozen companions"] == 2 * LLAMA.parameters


def test_what_the_user_decides_wins():
    (step,) = ways.setups(
        "lora", LLAMA, tokens=512, batch=4, precision="fp32", rank=64, checkpointing=False
    )
    assert (step.batch, step.precision, step.rank, step.checkpointing) == (4, "fp32", 64, False)
    (top,) = ways.setups("full_sft", LLAMA, tokens=512, trained_layers=4)
    assert (top.way, top.trained_layers) == ("top_layers", 4)


def test_qlora_weights_are_in_four_bits_and_an_unknown_approach_is_named():
    (four,) = ways.setups("qlora", LLAMA, tokens=512)
    (sixteen,) = ways.setups("lora", LLAMA, tokens=512)
    assert estimate(four).parts["weights"] < estimate(sixteen).parts["weights"] / 2.5
    with pytest.raises(UserError, match="did you mean 'qlora'"):
        ways.setups("qlorra", LLAMA, tokens=512)
