"""A run goes on from the newest checkpoint that is whole, and whose best one is whole too."""

import json

import pytest
import torch
from safetensors.torch import save_file

from runners import _checkpoints
from runners._checkpoints import Fit
from runners.base import DataFile, Plan


@pytest.fixture
def folder(tmp_path):
    """A run with two checkpoints as a trainer writes them."""
    for step in (9, 10):
        place = tmp_path / "checkpoints" / f"checkpoint-{step}"
        place.mkdir(parents=True)
        save_file({"weight": torch.ones(50, 50)}, place / "model.safetensors")
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
            torch.save({"state": torch.ones(100)}, place / name)
        state = {"global_step": step, "best_model_checkpoint": None}
        (place / "trainer_state.json").write_text(json.dumps(state))
    return tmp_path


def step(folder):
    found = _checkpoints.last(folder)
    return found and int(found.name.split("-")[-1])


FILES = (
    *("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"),
    "trainer_state.json",
)


@pytest.mark.parametrize("name", FILES)
def test_a_checkpoint_that_lacks_a_file_is_passed_over(name, folder):
    assert step(folder) == 10
    (folder / "checkpoints" / "checkpoint-10" / name).unlink()
    assert step(folder) == 9


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_a_checkpoint_with_a_file_that_is_cut_off_is_passed_over(name, share, folder):
    path = folder / "checkpoints" / "checkpoint-10" / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert step(folder) == 9


def test_a_shard_that_an_index_names_must_be_there(folder):
    place = folder / "checkpoints" / "checkpoint-10"
    index = {"weight_map": {"weight": "model.safetensors", "other": "model-2.safetensors"}}
    (place / "model.safetensors.index.json").write_text(json.dumps(index))
    assert step(folder) == 9
    save_file({"other": torch.ones(2)}, place / "model-2.safetensors")
    assert step(folder) == 10


def test_the_best_checkpoint_must_be_whole_too_for_it_is_gone_back_to(folder):
    places = folder / "checkpoints"
    state = {"global_step": 10, "best_model_checkpoint": str(places / "checkpoint-9")}
    (places / "checkpoint-10" / "trainer_state.json").write_text(json.dumps(state))
    assert step(folder) == 10
    (places / "checkpoint-9" / "model.safetensors").write_bytes(b"torn")
    assert step(folder) is None


@pytest.fixture
def plan(folder):
    nothing = DataFile(path=folder / "rows.jsonl", sha256="", rows=0)
    return Plan(
        approach="lora",
        task="generation",
        base_model="bundled",
        train=nothing,
        evaluation=nothing,
        folder=folder,
    )


def test_what_memory_decided_stays_while_there_is_a_checkpoint_to_go_on_from(plan):
    first = {"micro_batch": 4}
    assert _checkpoints.decided(plan, first) == first
    assert _checkpoints.decided(plan, {"micro_batch": 2}) == first
    _checkpoints.forget(plan.folder)
    assert _checkpoints.decided(plan, {"micro_batch": 2}) == {"micro_batch": 2}


def test_once_trained_only_measuring_is_left_until_all_is_forgotten(plan):
    assert _checkpoints.fit_of(plan.folder) is None
    _checkpoints.note_fit(plan, Fit(2.5, 1000))
    assert _checkpoints.fit_of(plan.folder) == Fit(2.5, 1000)
    assert step(plan.folder) is None
    _checkpoints.forget(plan.folder)
    assert _checkpoints.fit_of(plan.folder) is None
