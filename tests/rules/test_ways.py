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


def test_preferences_say_who_learns_and_what_they_are_compared_with():
    def dpo(**known):
        (step,) = ways.setups("dpo", LLAMA, tokens=512, **known)
        return step

    assert (dpo().policy, dpo().reference) == ("lora", "shared")
    assert (dpo(policy="full").trains, dpo(policy="full").reference) == ("full", "copy")
    four = dpo(policy="qlora", reference="copy")
    assert (four.quantisation, four.reference) == ("nf4-double", "copy")
    assert estimate(four).allocated > estimate(dpo(policy="qlora")).allocated
    stages = ways.setups("rlhf", LLAMA, tokens=512, policy="full")
    assert {stage.trains for stage in stages} == {"full"}
    assert "frozen copy" in ways.defaults("dpo", "full")["reference"]


def test_a_reader_of_passages_stands_beside_the_encoder_that_finds_them():
    (rag,) = ways.setups("rag", LLAMA, tokens=512)
    (plain,) = ways.setups("zero_shot", LLAMA, tokens=512)
    assert estimate(rag).allocated - estimate(plain).allocated == 22_713_216 * 4


@pytest.mark.parametrize(
    ("approach", "known", "said"),
    [
        ("full_sft", {"quantisation": "nf4"}, "--quantisation: weights in nf4 cannot be trained"),
        ("full_sft", {"rank": 8}, "--rank: full_sft has no rank"),
        ("zero_shot", {"rank": 8}, "--rank: zero_shot has no rank"),
        ("lora", {"trained_layers": 2}, "--layers: lora does not train whole layers"),
        ("lora", {"policy": "full"}, "--policy: lora has no policy"),
        ("full_sft", {"reference": "copy"}, "--reference: full_sft has no reference"),
        ("dpo", {"policy": "full", "reference": "shared"}, "--reference: where all weights learn"),
    ],
)
def test_what_an_approach_cannot_use_is_refused_and_not_left_out(approach, known, said):
    with pytest.raises(UserError, match=said):
        ways.setups(approach, LLAMA, tokens=512, **known)


def test_what_one_of_several_stages_uses_is_no_mistake():
    tuned, reading = ways.setups("hybrid", LLAMA, tokens=512, rank=64)
    assert (tuned.rank, reading.way) == (64, "inference")


def test_qlora_weights_are_in_four_bits_and_an_unknown_approach_is_named():
    (four,) = ways.setups("qlora", LLAMA, tokens=512)
    (sixteen,) = ways.setups("lora", LLAMA, tokens=512)
    assert estimate(four).parts["weights"] < estimate(sixteen).parts["weights"] / 2.5
    with pytest.raises(UserError, match="did you mean 'qlora'"):
        ways.setups("qlorra", LLAMA, tokens=512)
