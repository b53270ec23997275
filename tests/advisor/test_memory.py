"""What a plan takes of memory: the defaults and their origins, the verdict, what to change."""

import json
from dataclasses import replace

import pytest

from advisor import memory, memory_fits
from advisor.memory import Question
from rules import fit
from rules.errors import UserError
from rules.memory import estimate

GIB = 2**30
QWEN = "Qwen/Qwen3-8B"
STORED = {
    "model_type": "llama",
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 4096,
}


@pytest.fixture
def stored(tmp_path):
    """A model stored in a quantised form, by the way it says so."""

    def write(**quantisation):
        config = STORED | ({"quantization_config": quantisation} if quantisation else {})
        (tmp_path / "config.json").write_text(json.dumps(config))
        return str(tmp_path)

    return write


def test_a_plan_that_does_not_fit_gets_changes_each_of_which_is_counted_again():
    found = memory.answer(Question(QWEN, "full_sft", 2048, batch=4, gpu="16"))
    assert found.verdict.fits is False
    assert found.card
    assert any(change.fits for change in found.changes)
    for change in found.changes:
        again = estimate(change.setup)
        assert again.safe == change.estimate.safe
        assert change.fits is (again.safe <= found.card.bytes)
    assert found.largest is None


def test_a_plan_that_fits_says_what_more_would_and_one_more_would_not():
    found = memory.answer(Question(QWEN, "qlora", 2048, gpu="24"))
    assert found.verdict.fits
    assert not found.changes
    assert found.card
    assert found.largest
    setup, room = found.peak.setup, found.card.bytes
    assert fit.fits(replace(setup, batch=found.largest.batch), room)
    assert not fit.fits(replace(setup, batch=found.largest.batch + 1), room)
    assert fit.fits(replace(setup, tokens=found.largest.tokens), room)
    assert not fit.fits(replace(setup, tokens=found.largest.tokens + 1), room)


def test_the_largest_model_fits_and_every_larger_one_does_not():
    found = memory.answer(Question(QWEN, "qlora", 2048, gpu="24"))
    able = [
        shape.parameters
        for shape in memory.shapes()
        if shape.kind == "causal"
        and memory.answer(Question(shape.name, "qlora", 2048, gpu="24")).verdict.fits
    ]
    (largest,) = (shape for shape in memory.shapes() if shape.name == found.largest_model)
    assert largest.parameters == max(able)


def test_every_default_has_an_origin_and_what_was_said_has_none():
    silent = memory.answer(Question(QWEN, "qlora"))
    assert {"tokens", "batch", "precision", "optimizer", "rank", "checkpointing"} <= set(
        silent.origins
    )
    assert silent.peak.setup.tokens == memory.USUAL_TOKENS
    said = memory.answer(
        Question(QWEN, "qlora", 512, batch=2, known={"rank": 8, "optimizer": "sgd"})
    )
    assert not {"tokens", "batch", "rank", "optimizer"} & set(said.origins)
    assert (said.peak.setup.rank, said.peak.setup.optimizer) == (8, "sgd")


@pytest.mark.parametrize(
    ("lengths", "tokens", "said"),
    [
        ((10, 700), 700, "the longest of your rows"),
        ((10, 50_000), 40_960, None),
        ((), 1024, "TRL"),
    ],
)
def test_the_length_comes_from_the_rows_up_to_the_context(lengths, tokens, said):
    found = memory.answer(Question(QWEN, "qlora", lengths=lengths, counted="by hand"))
    context = found.source.shape.context or 0
    assert found.peak.setup.tokens == min(tokens, context)
    if said:
        assert said in found.origins["tokens"]
    else:
        assert "50% of your rows are longer" in found.origins["tokens"]
    assert "by hand" in found.origins["tokens"]


def test_an_approach_in_stages_needs_the_most_of_them():
    found = memory.answer(Question("Qwen/Qwen3-0.6B", "rlhf", 512))
    assert len(found.stages) > 1
    assert found.peak.estimate.safe == max(stage.estimate.safe for stage in found.stages)


def test_a_guess_is_called_one_and_gets_more_room():
    found = memory.answer(Question(QWEN, "qlora", 1024, known={"stack": "torchtune"}))
    assert found.peak.estimate.confidence == "guessed"
    assert any("25% are added" in note for note in found.notes)


@pytest.mark.parametrize(
    ("config", "held"),
    [
        ({"quant_method": "gptq", "bits": 4}, "gptq4"),
        ({"quant_method": "awq", "bits": 4}, "gptq4"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "nf4"),
        (
            {
                "quant_method": "bitsandbytes",
                "load_in_4bit": True,
                "bnb_4bit_use_double_quant": True,
            },
            "nf4-double",
        ),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8"),
    ],
)
@pytest.mark.parametrize("approach", ["lora", "qlora", "zero_shot"])
def test_a_stored_checkpoint_is_held_as_it_is_stored(stored, config, held, approach):
    found = memory.answer(Question(stored(**config), approach, 512))
    assert found.peak.setup.quantisation == held
    assert config["quant_method"] in found.origins["quantisation"]
    plain = memory.answer(Question(stored(), "lora", 512))
    assert found.peak.estimate.safe < 0.75 * plain.peak.estimate.safe


@pytest.mark.parametrize(
    ("config", "approach", "known", "said"),
    [
        ({"quant_method": "gptq", "bits": 4}, "full_sft", {}, "trains weights"),
        ({"quant_method": "fp8"}, "lora", {}, "no term of ours counts"),
        ({"quant_method": "gptq", "bits": 8}, "lora", {}, "no term of ours counts"),
        ({"quant_method": "gptq", "bits": 4}, "qlora", {"quantisation": "nf4"}, "cannot become"),
    ],
)
def test_what_a_stored_checkpoint_cannot_is_refused(stored, config, approach, known, said):
    with pytest.raises(UserError, match=said) as refused:
        memory.answer(Question(stored(**config), approach, 512, known=known))
    assert "checkpoint it was made from" in refused.value.fix


MIXTURE = STORED | {
    "model_type": "qwen3_moe",
    "moe_intermediate_size": 768,
    "num_experts": 64,
    "num_experts_per_tok": 8,
}


def test_four_bits_leave_the_experts_alone_and_it_is_said(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(MIXTURE))
    four = memory.answer(Question(str(tmp_path), "qlora", 512))
    sixteen = memory.answer(Question(str(tmp_path), "lora", 512))
    weights = [found.peak.estimate.parts["weights"] for found in (four, sixteen)]
    assert 0.9 * weights[1] < weights[0] < weights[1]
    assert any("experts stay in 16 bits" in note for note in four.notes)
    assert not any("experts" in note for note in sixteen.notes)
    older = Question(str(tmp_path), "qlora", 512, known={"stack": "transformers-4.48"})
    assert memory.answer(older).peak.estimate.parts["weights"] < weights[0] / 2


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        ({"batch": 0}, "--batch", "0 is not a number"),
        ({"tokens": -3}, "--tokens", "-3 is not a number"),
        ({"tokens": 999_999}, "--tokens", "more than"),
        ({"approach": "qlorra"}, "--approach", "did you mean 'qlora'"),
        ({"approach": "hosted"}, "--approach", "provider's machines"),
        ({"gpu": "0"}, "--gpu", "a card of 0"),
        ({"gpu": "RTX 9999"}, "--gpu", "no card is called"),
        ({"model": "sentence-transformers/all-MiniLM-L6-v2"}, "MODEL", "is an encoder"),
        ({"known": {"rank": 0}}, "--rank", "0 is not a number"),
        ({"known": {"optimizer": "adam_8bit"}}, "--optimizer", "did you mean 'adamw_8bit'"),
        ({"known": {"precision": "int3"}}, "--precision", "one of fp32"),
        ({"known": {"attention": "flesh"}}, "--attention", "did you mean 'flash'"),
        ({"known": {"stack": "tlr"}}, "--stack", "did you mean 'trl'"),
    ],
)
def test_what_cannot_be_is_refused_by_its_flag(change, where, said):
    with pytest.raises(UserError, match=said) as refused:
        memory.answer(replace(Question(QWEN, "qlora", 1024), **change))
    assert refused.value.where == where
    assert refused.value.fix


def test_fits_says_of_every_model_what_memory_says_of_it():
    found = memory_fits.fits("24", tokens=2048)
    cells = {(row.shape.name, cell.approach): cell for row in found.rows for cell in row.cells}
    for model, approach in [(QWEN, "qlora"), (QWEN, "full_sft"), ("Qwen/Qwen3-0.6B", "rlhf")]:
        alone = memory.answer(Question(model, approach, 2048, gpu="24"))
        assert cells[model, approach].safe == alone.peak.estimate.safe
        assert cells[model, approach].fits is alone.verdict.fits


def test_fits_covers_every_row_or_says_why_not():
    found = memory_fits.fits("16")
    assert len(found.rows) >= 25
    assert set(found.left_out) == {"hosted", "Qwen/Qwen3.5-9B"}
    short = next(row for row in found.rows if (row.shape.context or 9999) < found.tokens)
    assert {cell.tokens for cell in short.cells} == {short.shape.context}


def test_more_memory_never_fits_less():
    small, large = (
        {
            (row.shape.name, cell.approach)
            for row in memory_fits.fits(gpu).rows
            for cell in row.cells
            if cell.fits
        }
        for gpu in ("16", "48")
    )
    assert small < large


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"gpu": "16", "approach": "lorra"}, "did you mean 'lora'"),
        ({"gpu": "16", "approach": "hosted"}, "provider's machines"),
        ({"gpu": "0GB"}, "a card of 0GB"),
        ({"gpu": "16", "batch": 0}, "0 is not a number"),
    ],
)
def test_fits_refuses_what_cannot_be(arguments, said):
    with pytest.raises(UserError, match=said):
        memory_fits.fits(**arguments)
