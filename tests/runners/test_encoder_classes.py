"""Encoders of the classes people use, with random weights, tuned to give labels."""

from typing import Any

import pytest

from rules.errors import SettingError
from runners.base import find, settings_of, silent

SHAPES = {
    "Bert": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2},
    "DistilBert": {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2},
    "ModernBert": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2},
}
HEADS = {"num_attention_heads": 2}


@pytest.fixture(scope="module")
def folder(train, tmp_path_factory):
    """Makes a folder with such a model, a vocabulary of words, and nothing else."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    made = {}

    def make(name):
        if name in made:
            return made[name]
        words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
        words.pre_tokenizer = pre_tokenizers.Whitespace()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        trainer = trainers.WordLevelTrainer(special_tokens=special)
        words.train_from_iterator([row.input for row in train], trainer)
        words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        place = tmp_path_factory.mktemp(name)
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=words,
            unk_token="[UNK]",
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            mask_token="[MASK]",
            model_input_names=["input_ids", "attention_mask"],
        ).save_pretrained(place)
        shape = {**SHAPES[name], **(HEADS if name != "DistilBert" else {})}
        torch.manual_seed(0)
        config = getattr(transformers, f"{name}Config")(
            vocab_size=words.get_vocab_size(),
            max_position_embeddings=64,
            pad_token_id=0,
            cls_token_id=2,
            sep_token_id=3,
            bos_token_id=2,
            eos_token_id=3,
            **shape,
        )
        getattr(transformers, f"{name}Model")(config).save_pretrained(place)
        made[name] = str(place)
        return made[name]

    return make


@pytest.mark.filterwarnings("ignore:.*")  # a folder without pooling is announced by the library
@pytest.mark.parametrize("approach", ["lora", "full_sft"])
@pytest.mark.parametrize("name", SHAPES)
def test_it_is_tuned_saved_and_reopened(
    name, approach, folder, new_plan, train, evaluation, tmp_path
):
    from runners import _encoder

    base = folder(name)
    settings = {"epochs": 2, "learning_rate": 1e-3}
    plan = new_plan(tmp_path / "run", approach, base_model=base, settings=settings)
    find(approach).fit(plan, train, silent)
    first: Any = find(approach).load(plan.artifact)
    second = find(approach).load(plan.artifact)
    assert first.predict(evaluation) == second.predict(evaluation)
    texts = [row.input for row in evaluation[:4]]
    before = _encoder.encode(_encoder.open_encoder(base), texts)
    assert abs(before - _encoder.encode(first.encoder, texts)).max() > 1e-4


@pytest.mark.parametrize("name", ["max_tokens", "checkpointing", "optimizer"])
@pytest.mark.parametrize("approach", ["lora", "full_sft"])
def test_a_setting_of_texts_is_refused_for_labels(approach, name, new_plan, train, tmp_path):
    value = {"max_tokens": 64, "checkpointing": True, "optimizer": "adamw"}[name]
    plan = new_plan(tmp_path / "run", approach, settings={name: value})
    with pytest.raises(SettingError, match=f"'{name}' is of texts alone") as caught:
        find(approach).fit(plan, train, silent)
    assert "learning_rate" in str(caught.value.fix)
    settings_of(find(approach).Settings, {name: value}, approach, "generation")
