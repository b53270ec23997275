"""What is given up where memory is too small: in which order, how it is said, and what stays."""

import json
import re

import pytest
import torch

from rules.errors import UserError
from runners import _causal_lm, _checkpoints, _forecast, _ladder, _probe, _render
from runners._render_guards import RenderError
from runners._sft_arguments import Recipe
from runners.base import Row, find

RECIPE = Recipe(epochs=1, learning_rate=1e-3, batch=16)
CELL = 10**6
WEIGHTS = 10**7


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No probe, and no complaint that a model of one pass does not end its answers."""
    monkeypatch.setenv("WHICHTUNE_PROBE", "off")
    monkeypatch.setattr("runners._guards.ends", lambda cut: None)


@pytest.fixture
def memory(monkeypatch):
    """A machine with so much memory, and a model that takes so much for each token of a step."""

    def have(bytes_):
        def needed(model, tokens, batch, *, checkpointing, optimizer):
            del model, optimizer
            return WEIGHTS + CELL * tokens * batch // (4 if checkpointing else 1)

        monkeypatch.setattr(_probe, "available_bytes", lambda: bytes_)
        monkeypatch.setattr(_forecast, "causal_bytes", needed)

    return have


@pytest.fixture(scope="session")
def rendered(text_train, writer_model):
    """Rows of some twenty tokens, and a few of more than a hundred, whose answers begin early."""
    tokenizer = _causal_lm.open_model(writer_model)[1]
    long = [
        Row(id=f"long {n}", input=f"door {n}", target="It is an old door. " * 15) for n in range(4)
    ]
    return [_render.render(row, tokenizer) for row in [*text_train, *long]]


def rung(plan, rows, recipe=RECIPE):
    found = _ladder.before(plan, None, rows, recipe)
    return found.micro_batch, found.checkpointing, found.max_tokens


def test_what_is_given_up_first_is_what_costs_least(text_plan, rendered, memory, tmp_path):
    plan = text_plan(tmp_path / "run", "lora")
    longest = max(len(row.ids) for row in rendered)
    of_rows = {rows: (WEIGHTS + CELL * longest * rows) / 0.8 + 10 for rows in (16, 8, 1)}
    memory(of_rows[16])
    assert rung(plan, rendered) == (None, False, None)
    memory(of_rows[8])
    assert rung(plan, rendered) == (8, False, None)
    memory(of_rows[1])
    assert rung(plan, rendered) == (1, False, None)
    memory(of_rows[1] / 2)
    assert rung(plan, rendered) == (1, True, None)
    memory(WEIGHTS + CELL * longest // 4)  # all there is: nothing is cut before that was tried
    assert rung(plan, rendered) == (1, True, None)
    memory(WEIGHTS + CELL * longest // 5)
    micro, checkpointing, tokens = rung(plan, rendered)
    assert (micro, checkpointing) == (1, True)
    assert tokens is not None
    assert longest / 2 < tokens < longest


def test_each_rung_after_a_failed_step_lies_below_the_one_before(text_plan, rendered, tmp_path):
    plan = text_plan(tmp_path / "run", "lora")
    seen = []

    def down(recipe=RECIPE):
        for _ in range(40):
            recipe = _ladder.lower(plan, rendered, recipe)
            seen.append(recipe)

    with pytest.raises(RenderError, match=r"all_cut: .*where half of the answers begin") as caught:
        down()
    assert [way.micro_batch for way in seen[:4]] == [8, 4, 2, 1]
    assert seen[4].checkpointing
    cuts = [way.max_tokens for way in seen[5:]]
    assert cuts == sorted(cuts, reverse=True)
    assert len(set(cuts)) == len(cuts) >= 3
    halves = sum(any(row.learned[: cuts[-1]]) for row in rendered)
    assert halves >= len(rendered) / 2
    assert caught.value.fix


@pytest.mark.parametrize(
    ("approach", "settings"),
    [("full_sft", {"micro_batch": 4, "checkpointing": False, "max_tokens": 64})],
)
def test_what_the_user_chose_is_never_changed(approach, settings, text_plan, rendered, tmp_path):
    plan = text_plan(tmp_path / "run", approach, settings=settings)
    recipe = Recipe(epochs=1, learning_rate=1e-3, batch=16, micro_batch=4, max_tokens=64)
    with pytest.raises(UserError, match="memory is too small for full_sft") as caught:
        _ladder.lower(plan, rendered, recipe)
    assert "--approach lora" in caught.value.fix


def test_a_machine_too_small_for_the_weights_is_told_so_before_the_first_step(
    text_plan, text_train, memory, tmp_path
):
    memory(WEIGHTS // 2)
    plan = text_plan(tmp_path / "run", "lora")
    with pytest.raises(RenderError, match="all_cut: memory is too small"):
        find("lora").fit(plan, text_train, lambda progress: None)
    assert not plan.artifact.exists()


def test_a_model_of_no_known_kind_is_tried_as_it_is(text_plan, rendered, monkeypatch, tmp_path):
    monkeypatch.setattr(_probe, "available_bytes", lambda: 1)
    monkeypatch.setattr(_forecast, "causal_bytes", lambda *a, **b: None)
    assert rung(text_plan(tmp_path / "run", "lora"), rendered) == (None, False, None)


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
    ],
)
def test_an_error_is_known_to_be_one_of_memory_by_what_it_says(error, is_it):
    assert _ladder.is_out_of_memory(error) is is_it


@pytest.fixture
def narrow(monkeypatch):
    """A machine on which a step of more rows than so many at once fails, as torch says it."""
    import trl

    def rows(most, after=0):
        counted = [0]

        class Narrow(trl.SFTTrainer):
            def compute_loss(self, model, inputs, *arguments, **more):
                if model.training:
                    counted[0] += 1
                    if len(inputs["input_ids"]) > most and counted[0] > after:
                        torch.empty(2**60)  # the real error of a real allocator
                return super().compute_loss(model, inputs, *arguments, **more)

        monkeypatch.setattr(trl, "SFTTrainer", Narrow)

    return rows


def losses(approach, plan, rows):
    news = []
    find(approach).fit(plan, rows, news.append)
    said = [item.values["loss"] for item in news if "loss" in item.values]
    return said, [item.message for item in news if item.warning]


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["lora", "full_sft", "qlora"])
@pytest.mark.parametrize("after", [0, 2])
def test_a_step_that_fails_goes_down_and_learns_the_same(
    approach, after, text_plan, text_train, tmp_path, narrow
):
    """Also when some steps were made before: they must not be made twice on the same weights."""
    settings = {"epochs": 2, "learning_rate": 2e-3}
    if approach != "full_sft":
        settings["dropout"] = 0.0  # what is drawn depends on the rows that go through at once
    plan = text_plan(tmp_path / "wide" / "run", approach, settings=settings)
    wide, _ = losses(approach, plan, text_train)
    narrow(4, after)
    plan = text_plan(tmp_path / "narrow" / "run", approach, settings=settings)
    found, warnings = losses(approach, plan, text_train)
    assert found[-len(wide) :] == pytest.approx(wide, abs=1e-4)
    told = [text for text in warnings if "go through at once" in text]
    assert [text.split(" of 16 rows ")[0] for text in told] == ["8", "4"]


def test_a_run_that_is_killed_goes_on_upon_the_same_rung(
    text_plan, text_train, tmp_path, narrow, memory
):
    class Killed(BaseException):
        pass

    rows = [row.model_copy(update={"id": f"{n} {row.id}"}) for n in range(5) for row in text_train]
    settings = {"epochs": 2, "learning_rate": 2e-3}
    plan = text_plan(tmp_path / "run", "lora", settings=settings)

    def die(progress):
        if _checkpoints.last(plan.folder):
            raise Killed

    narrow(8)
    with pytest.raises(Killed):
        find("lora").fit(plan, rows, die)
    kept = json.loads((plan.folder / "checkpoints" / "decided.json").read_text())
    assert kept == {"micro_batch": 8, "checkpointing": False, "max_tokens": None}
    memory(10**15)  # as if all of it were free by now
    _, warnings = losses("lora", plan, rows)
    assert [text for text in warnings if text.startswith("8 of 16 rows go through at once")]


def test_rows_are_cut_last_and_how_many_is_said(text_plan, text_train, memory, tmp_path):
    long = [
        Row(id=f"long {n}", input=f"door {n}", target="It is an old door. " * 15) for n in range(4)
    ]
    memory(WEIGHTS + CELL * 20)
    plan = text_plan(tmp_path / "run", "full_sft", settings={"epochs": 1, "learning_rate": 1e-3})
    _, warnings = losses("full_sft", plan, [*text_train, *long])
    assert any(re.fullmatch(r"4 of 52 rows \(8%\) are cut to \d+ tokens, .*", w) for w in warnings)
    assert any("computed twice" in text for text in warnings)


def test_another_error_than_one_of_memory_is_not_swallowed(
    text_plan, text_train, tmp_path, monkeypatch
):
    import trl

    def broken(self, *arguments, **more):
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(trl.SFTTrainer, "compute_loss", broken)
    plan = text_plan(tmp_path / "run", "lora", settings={"epochs": 1})
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        find("lora").fit(plan, text_train, lambda progress: None)
