"""Several adapters share one opened base model, and answer as each of them would alone."""

import pytest
import torch

from runners import _causal_lm, _generation, _several, full_sft, lora, pretraining, qlora
from runners._several import Several
from runners.base import Row, find, silent

LEARN = {"epochs": 8, "learning_rate": 1e-2, "rank": 8}


def fit(plan, rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runners._guards.ends", lambda cut: None)
        find(plan.approach).fit(plan, rows, silent)
    return plan


@pytest.fixture(scope="module")
def plans(text_plan, text_train, tmp_path_factory):
    """Three runs of lora that learned different answers; the second by DoRA, of another rank."""
    root = tmp_path_factory.mktemp("several")
    other = [row.model_copy(update={"target": "Never again."}) for row in text_train]
    third = [row.model_copy(update={"target": row.input}) for row in text_train]
    made = [
        text_plan(root / "one" / "run.1", "lora", settings=LEARN),
        text_plan(root / "two" / "run.2", "lora", settings={**LEARN, "rank": 4, "variant": "dora"}),
        text_plan(root / "three" / "run.3", "lora", settings=LEARN),
    ]
    for plan, rows in zip(made, (text_train, other, third), strict=True):
        fit(plan, rows)
    return made


@pytest.fixture(scope="module")
def asked(text_evaluation):
    return [Row(id=row.id, input=row.input) for row in text_evaluation]


def base_of(plan):
    found = _several.shared_base(plan)
    assert found is not None
    return found


def texts(predictor, rows):
    return [item.prediction for item in predictor.predict(rows)]


def test_adapters_on_one_base_answer_as_each_does_alone(plans, asked, writer_model):
    alone = [texts(lora.load(plan.artifact), asked) for plan in plans]
    model, tokenizer = _causal_lm.open_model(writer_model)
    base = texts(_generation.Writer(model, tokenizer, 30), asked)
    assert len({tuple(said) for said in [*alone, base]}) == 4
    several = Several(base_of(plans[0]))
    switched = [several.add(plan.artifact) for plan in plans]
    for _ in range(2):  # in any order, the base between them, and again
        for said, predictor in zip(alone, switched, strict=True):
            assert texts(predictor, asked) == said
            assert texts(several.untouched(30), asked) == base


def test_only_one_base_is_opened_and_it_is_the_same_tensors(plans, monkeypatch):
    opened = []
    real = _causal_lm.open_model

    def counted(*arguments, **more):
        opened.append(real(*arguments, **more))
        return opened[-1]

    monkeypatch.setattr(_causal_lm, "open_model", counted)
    several = Several(base_of(plans[0]))
    for plan in plans:
        several.add(plan.artifact)
    assert len(opened) == 1
    mine = {id(weight) for weight in several.model.parameters()}
    shared = {id(w) for n, w in opened[0][0].named_parameters() if "lora_" not in n}
    assert shared <= mine
    bare = sum(w.numel() for n, w in several.model.named_parameters() if "lora_" not in n)
    alone, _ = real(plans[0].base_model)
    assert bare == sum(weight.numel() for weight in alone.parameters())


def test_a_base_that_nothing_stands_on_answers_too(plans, asked, writer_model):
    model, tokenizer = _causal_lm.open_model(writer_model)
    room = _several.room(plans[0])
    assert room is not None
    several = Several(base_of(plans[0]))
    assert texts(several.untouched(room), asked) == texts(
        _generation.Writer(model, tokenizer, room), asked
    )


def test_what_learned_beside_four_bits_stands_on_four_bits_and_on_a_base_of_its_own(
    plans, text_plan, text_train, asked, tmp_path
):
    plan = fit(text_plan(tmp_path / "run", "qlora", settings=LEARN), text_train)
    base = _several.shared_base(plan)
    assert base is not None
    assert base.four_bits
    assert base != _several.shared_base(plans[0])
    assert _several.base_of(plan) == _several.base_of(plans[0])
    several = Several(base)
    assert texts(several.add(plan.artifact), asked) == texts(qlora.load(plan.artifact), asked)
    kinds = {type(part).__name__ for part in several.model.modules()}
    assert "Linear4bit" in kinds


def test_a_model_tuned_whole_has_a_base_but_shares_none(text_plan, text_train, tmp_path):
    plan = text_plan(tmp_path / "run", "full_sft", settings={"epochs": 1, "learning_rate": 1e-3})
    fit(plan, text_train)
    assert _several.shared_base(plan) is None
    assert _several.base_of(plan) is not None
    assert full_sft.load(plan.artifact)


def test_a_model_that_began_with_nothing_has_no_base(text_plan, tmp_path):
    rows = [Row(id=str(n), input="The ship came in. " * 9) for n in range(8)]
    settings = {"layers": 1, "hidden_size": 32, "heads": 2, "max_tokens": 32, "steps": 2}
    plan = text_plan(
        tmp_path / "run",
        "pretraining",
        task="domain_knowledge",
        base_model="bundled",
        train=rows,
        evaluation=rows,
        settings=settings,
    )
    pretraining.fit(plan, rows, silent)
    assert _several.base_of(plan) is None


def test_switching_leaves_nothing_to_be_trained_on_the_base(plans):
    several = Several(base_of(plans[0]))
    for plan in plans:
        several.add(plan.artifact).predict([Row(id="1", input="door : red")])
    changed = [
        n for n, w in several.model.named_parameters() if w.requires_grad and "lora" not in n
    ]
    assert not changed
    assert not several.model.training
    assert torch.is_grad_enabled()
