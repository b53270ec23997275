"""continued_pretraining: a model reads on, knows the new text better, forgets less with replay."""

import lzma
import random

import numpy as np
import pytest
from safetensors.numpy import load_file

from rules.errors import DataError, SettingError, UserError
from runners import _bits, _causal_lm, continued_pretraining, pretraining
from runners._guards import GuardError
from runners._render_tokenizer import open_tokenizer
from runners._replay import pieces
from runners.base import DataFile, Plan, Row, find, silent

SEA = (("The captain", "A sailor", "My aunt"), ("looked at", "spoke of"), ("the sea", "a letter"))
LAW = (("Section nine", "The lessee", "A statute"), ("voids", "binds"), ("all deeds", "the heirs"))


def texts(words, count, first=0, sentences=30):
    found = []
    for seed in range(first, first + count):
        choose = random.Random(seed).choice
        said = (" ".join(choose(part) for part in words) + "." for _ in range(sentences))
        found.append(Row(id=f"{first + seed}", input=" ".join(said)))
    return found


GENERAL, DOMAIN = texts(SEA, 40), texts(LAW, 40)
UNSEEN = {"general": texts(SEA, 4, first=900), "domain": texts(LAW, 4, first=900)}


def new_plan(folder, approach, base_model, settings):
    nowhere = DataFile(path=folder / "rows.jsonl", sha256="", rows=0)
    folder.mkdir(parents=True, exist_ok=True)
    return Plan(
        approach=approach,
        task="domain_knowledge",
        base_model=str(base_model),
        train=nowhere,
        evaluation=nowhere,
        folder=folder,
        settings=settings,
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The folder of a tiny model that knows the sea."""
    shape = {"hidden_size": 32, "layers": 2, "heads": 2, "max_tokens": 32, "batch": 4}
    folder = tmp_path_factory.mktemp("base") / "run"
    plan = new_plan(folder, "pretraining", "bundled", {**shape, "steps": 120})
    pretraining.fit(plan, GENERAL, silent)
    return plan.artifact


@pytest.fixture(scope="module")
def general_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("general") / "general.txt"
    path.write_text("\n\n".join(row.input for row in GENERAL), "utf-8")
    return path


@pytest.fixture(scope="module")
def reads_on(base, tmp_path_factory):
    """Reads on with some settings: the plan, and what was said on the way."""

    def fit(**settings):
        settings = {"batch": 4, "epochs": 1, **settings}
        folder = tmp_path_factory.mktemp("continued") / "run"
        plan = new_plan(folder, "continued_pretraining", base, settings)
        news = []
        continued_pretraining.fit(plan, DOMAIN, news.append)
        return plan, news

    return fit


@pytest.fixture(scope="module")
def full(reads_on):
    return reads_on()


def measured(predictor, which):
    """Bits per byte of unseen text of the domain, or of the kind the base model was made of."""
    found = predictor.bits(UNSEEN[which])
    return sum(item.bits for item in found) / sum(item.bytes for item in found)


def reopened(plan):
    return continued_pretraining.load(plan.artifact)


def test_the_domain_is_known_better_afterwards(base, full):
    before = pretraining.load(base)
    assert measured(reopened(full[0]), "domain") < 0.7 * measured(before, "domain")


def test_replay_keeps_more_of_what_was_known(full, reads_on, general_file):
    with_replay, _ = reads_on(replay=0.3, replay_file=str(general_file))
    without, kept = reopened(full[0]), reopened(with_replay)
    assert measured(kept, "general") < measured(without, "general")
    assert measured(kept, "domain") < 1.2 * measured(without, "domain")


def test_lora_learns_beside_a_base_model_that_stays(base, reads_on):
    before = (base / "model.safetensors").read_bytes()
    plan, news = reads_on(rank=4)
    assert (base / "model.safetensors").read_bytes() == before
    assert not list(plan.artifact.glob("*.safetensors"))
    (adapter,) = plan.artifact.rglob("*.safetensors")
    assert all("lora_" in name for name in load_file(adapter))
    untouched = pretraining.load(base)
    assert measured(reopened(plan), "domain") < 0.85 * measured(untouched, "domain")
    assert [item for item in news if "ten times that of all weights" in item.message]


def test_an_artifact_of_lora_is_refused_on_another_base_model(base, reads_on, change):
    plan, _ = reads_on(rank=1, epochs=0.1)
    about = plan.artifact / "generation.json"
    change(about, fingerprint="0" * 32)
    with pytest.raises(UserError, match="is not the model this was made on"):
        reopened(plan)


def test_the_held_back_blocks_are_looked_at_and_the_best_checkpoint_is_kept(full):
    plan, news = full
    looks = [item.values["eval_loss"] for item in news if "eval_loss" in item.values]
    assert len(looks) >= 5
    assert looks[-1] < looks[0]
    assert {path.name for path in plan.folder.iterdir()} == {"artifact", "checkpoints"}


def test_the_same_plan_gives_the_same_weights(full, reads_on):
    again, _ = reads_on()
    left = load_file(full[0].artifact / "model.safetensors")
    right = load_file(again.artifact / "model.safetensors")
    assert all(np.array_equal(left[name], right[name]) for name in left)


def test_a_share_of_no_text_is_refused(base, tmp_path):
    plan = new_plan(tmp_path / "run", "continued_pretraining", base, {"replay": 0.1})
    with pytest.raises(SettingError, match=r"replay=0.1 of no text\n  fix: add --setting replay"):
        continued_pretraining.fit(plan, DOMAIN, silent)


def test_blocks_longer_than_the_model_reads_are_refused(base, tmp_path):
    plan = new_plan(tmp_path / "run", "continued_pretraining", base, {"max_tokens": 64})
    message = r"max_tokens=64, but the model reads 32 tokens\n  fix: use --setting max_tokens=32"
    with pytest.raises(SettingError, match=message):
        continued_pretraining.fit(plan, DOMAIN, silent)


def test_a_model_that_gives_no_next_token_is_refused(encoder, tmp_path):
    plan = new_plan(tmp_path / "run", "continued_pretraining", encoder, {})
    with pytest.raises(UserError, match="does not write text"):
        continued_pretraining.fit(plan, DOMAIN, silent)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe\x00", "not a text"),
        (b"too short", "9 characters of general text; a piece takes 32 tokens"),
    ],
)
def test_general_text_that_cannot_be_used_is_refused(content, message, tmp_path):
    path = tmp_path / "general.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        pieces(path, open_tokenizer(), 32, 3, 0)


def test_pieces_of_general_text_begin_at_words_and_follow_from_the_seed(general_file, tmp_path):
    tokenizer = open_tokenizer()
    found = pieces(general_file, tokenizer, 16, 5, 0)
    assert found.shape == (5, 16)
    text = general_file.read_text("utf-8")
    assert all(f" {tokenizer.decode(piece)}" in f" {text}" for piece in found)
    packed = tmp_path / "general.txt.xz"
    packed.write_bytes(lzma.compress(general_file.read_bytes()))
    assert np.array_equal(found, pieces(packed, tokenizer, 16, 5, 0))
    assert not np.array_equal(found, pieces(general_file, tokenizer, 16, 5, 1))


def test_the_runner_is_found_by_its_name():
    assert find("continued_pretraining") is continued_pretraining


@pytest.mark.parametrize(("window", "stride"), [(32, 16), (32, 31), (16, 4), (2, 1)])
def test_every_byte_is_counted_once_whatever_the_window(base, window, stride):
    import torch
    from torch.nn.functional import cross_entropy

    model, tokenizer = _causal_lm.open_model(str(base))
    said = [row.input for row in UNSEEN["general"][:2]] + ["", "é 🙂"]
    found = _bits.bits_per_byte(model, tokenizer, said, window, stride)
    assert found.bytes == sum(len(text.encode()) for text in said)
    assert found.tokens == sum(len(tokenizer.encode(text)) for text in said)
    nats = 0.0
    for text in said:  # one token at a time, each with what its window holds before it
        ids = [tokenizer.eos_token_id, *tokenizer.encode(text)]
        for place in range(1, len(ids)):
            begin = next(n for n in range(0, len(ids), stride) if place < n + window)
            seen = torch.tensor([ids[begin:place]])
            logits = model(input_ids=seen).logits[0, -1]
            nats += float(cross_entropy(logits[None], torch.tensor([ids[place]])).detach())
    assert found.bits == pytest.approx(nats / np.log(2), rel=1e-4)


def test_nothing_takes_no_bits(base):
    model, tokenizer = _causal_lm.open_model(str(base))
    assert _bits.bits_per_byte(model, tokenizer, []).value == 0


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"learning_rate": 1e30}, "loss_not_finite: the loss is nan"),
        ({"learning_rate": 1e-30}, "nothing_changed: none of the "),
    ],
)
def test_reading_on_that_teaches_nothing_fails_the_run(settings, code, reads_on):
    with pytest.raises(GuardError, match=code):
        reads_on(**settings)
