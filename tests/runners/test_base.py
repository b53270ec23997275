"""The contract: settings checked in words, runners found by name."""

import pytest

from rules.errors import SettingError, UserError
from runners import base, full_sft, heads, zero_shot


def test_the_runners_are_the_public_modules():
    assert {"few_shot", "full_sft", "heads", "lora", "setfit", "zero_shot"} <= set(base.names())
    assert "base" not in base.names()
    assert not [name for name in base.names() if name.startswith("_")]


@pytest.mark.parametrize("approach", base.names())
def test_every_runner_keeps_the_contract(approach):
    runner = base.find(approach)
    assert isinstance(runner.Settings(), base.Frozen)
    assert runner.LIBRARIES
    assert callable(runner.fit)
    assert callable(runner.load)


@pytest.mark.parametrize("approach", base.names())
@pytest.mark.parametrize("rows", [1, 60, 770, 1_000_000])
def test_what_follows_from_the_number_of_rows_is_a_valid_setting_with_a_reason(approach, rows):
    runner = base.find(approach)
    computed = runner.computed(rows)
    base.settings_of(
        runner.Settings, {name: value for name, (value, _) in computed.items()}, approach
    )
    assert all(reason for _, reason in computed.values())


def test_an_unknown_approach_is_answered_with_the_nearest_one():
    with pytest.raises(UserError, match=r"no runner for 'head' yet\n  fix: did you mean 'heads'\?"):
        base.find("head")


def test_an_approach_like_no_other_is_answered_with_the_list():
    with pytest.raises(UserError, match=f"fix: these can run: {', '.join(base.names())}"):
        base.find("xyz")


def test_an_unknown_setting_is_answered_with_the_nearest_one():
    message = r"unknown setting 'abstain_bellow'\n  fix: did you mean 'abstain_below'\? heads has:"
    with pytest.raises(SettingError, match=message):
        base.settings_of(heads.Settings, {"abstain_bellow": 0.5}, "heads")


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (heads.Settings, {"abstain_below": 1.5}, "setting abstain_below=1.5: .*less than or equal"),
        (heads.Settings, {"strength": 0}, "setting strength=0: .*greater than 0"),
        (heads.Settings, {"classifier": "forest"}, "setting classifier='forest': .*'logistic'"),
        (full_sft.Settings, {"top_layers": 0}, "setting top_layers=0: .*greater than or equal"),
        (full_sft.Settings, {"epochs": "many"}, "setting epochs='many': .*valid number"),
        (
            zero_shot.Settings,
            {"descriptions": {"a": 1}},
            r"setting descriptions.a=1: .*valid string",
        ),
    ],
)
def test_a_value_out_of_range_is_named_with_its_limit(kind, given, message):
    with pytest.raises(SettingError, match=message) as caught:
        base.settings_of(kind, given, "heads")
    assert "whichtune plan --approach heads --settings" in caught.value.fix
