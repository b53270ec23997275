"""Merging an adapter: the whole model says the same, also when a fresh process opens it."""

import pytest
from safetensors.torch import load_file, save_file

from rules.errors import UserError
from runners import _merge, _parity, lora
from runners.base import silent


@pytest.fixture(scope="module")
def merged(text_plan, text_train, text_evaluation, tmp_path_factory):
    """The rows that were asked, what the adapter said, and the merged folder."""
    folder = tmp_path_factory.mktemp("merge")
    plan = text_plan(folder / "run", "lora", settings={"epochs": 6, "learning_rate": 0.01})
    lora.fit(plan, text_train, silent)
    writer = _merge.adapted(plan.artifact)
    said = _parity.ask(writer, text_evaluation)
    _merge.write(writer, folder / "merged")
    return text_evaluation, said, folder / "merged", writer.max_new_tokens


def test_a_fresh_process_says_with_the_merged_model_what_the_adapter_said(merged):
    rows, said, folder, room = merged
    found = _parity.compare(said, rows, folder, room)
    assert (found.equal, found.prompts) == (len(rows), len(rows))
    assert found.largest_difference < 1e-3


def test_weights_that_were_changed_after_merging_are_found(merged):
    rows, said, folder, room = merged
    path = folder / "model.safetensors"
    sound = load_file(path)
    save_file({name: weight * 1.5 for name, weight in sound.items()}, path, {"format": "pt"})
    found = _parity.compare(said, rows, folder, room)
    save_file(sound, path, {"format": "pt"})
    assert found.largest_difference > 0.1


def test_bottleneck_adapters_cannot_be_merged(text_plan, tmp_path):
    with pytest.raises(UserError, match="nothing that can be merged"):
        _merge.require_mergeable(text_plan(tmp_path / "run", "adapters"))
