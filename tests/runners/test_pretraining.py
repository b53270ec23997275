"""pretraining: a new model learns to go on with a text; a killed run ends as if never killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from rules.errors import DataError, SettingError
from runners import _bits, _causal_lm, _raw_text, pretraining
from runners._render_tokenizer import open_tokenizer
from runners.base import DataFile, Plan, Row, TextPredictor, silent

TINY = {"hidden_size": 32, "layers": 2, "heads": 2, "max_tokens": 32, "batch": 4}
WHO = ("The captain", "My aunt", "A sailor", "The old king", "Nobody")
DOES = ("looked at", "spoke of", "waited for", "had forgotten")
WHAT = ("the sea", "a letter from home", "the long winter", "his horse")


def story(seed, sentences=30):
    choose = random.Random(seed).choice
    said = (f"{choose(WHO)} {choose(DOES)} {choose(WHAT)}." for _ in range(sentences))
    return Row(id=f"story:{seed}", input=" ".join(said))


STORIES = [story(seed) for seed in range(40)]
UNSEEN = [story(seed) for seed in range(100, 104)]


def new_plan(folder, settings, **fields):
    nowhere = DataFile(path=folder / "rows.jsonl", sha256="", rows=0)
    folder.mkdir(parents=True, exist_ok=True)
    return Plan(
        approach="pretraining",
        task="new_language",
        base_model="bundled",
        train=nowhere,
        evaluation=nowhere,
        folder=folder,
        settings={**TINY, **settings},
        **fields,
    )


def measured(model_folder):
    model, tokenizer = _causal_lm.open_model(str(model_folder))
    return _bits.bits_per_byte(model, tokenizer, [row.input for row in UNSEEN]).value


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A plan, and what was said on the way."""
    plan = new_plan(tmp_path_factory.mktemp("pretraining") / "run", {"steps": 80})
    news = []
    pretraining.fit(plan, STORIES, news.append)
    return plan, news


def test_what_was_read_is_known_better_than_by_a_model_that_read_little(trained, tmp_path):
    little = new_plan(tmp_path / "run", {"steps": 1})
    pretraining.fit(little, STORIES, silent)
    assert measured(trained[0].artifact) < 0.7 * measured(little.artifact)


def test_the_artifact_is_a_whole_model_of_the_shape_that_was_asked_for(trained):
    model, tokenizer = _causal_lm.open_model(str(trained[0].artifact))
    assert (model.config.hidden_size, model.config.num_hidden_layers) == (32, 2)
    assert model.config.max_position_embeddings == 32
    outward = model.get_output_embeddings()
    assert outward is not None
    assert outward.weight is model.get_input_embeddings().weight
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.chat_template
    names = {path.name for path in trained[0].artifact.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt"))]


def test_nothing_is_written_but_the_artifact_and_checkpoints(trained):
    names = {path.name for path in trained[0].folder.iterdir()}
    assert names == {"artifact", "checkpoints"}  # the worker deletes these at the end


def test_the_news_are_loss_rate_and_speed_and_the_rate_ends_near_zero(trained):
    points = [item for item in trained[1] if "loss" in item.values]
    assert points[-1].values["loss"] < points[0].values["loss"]
    assert all(item.steps == 80 for item in points)
    assert all(item.values["tokens_per_second"] > 0 for item in points)
    rates = [item.values["learning_rate"] for item in points]
    assert max(rates) == pytest.approx(2.5e-3)
    assert rates[-1] < 0.2 * max(rates)


def test_it_goes_on_with_a_text_and_says_how_likely_one_is(trained):
    predictor = pretraining.load(trained[0].artifact)
    assert isinstance(predictor, TextPredictor)
    (said,) = predictor.predict([Row(id="a", input="The captain looked")])
    assert said.id == "a"
    assert said.prediction
    right, wrong = predictor.bits(
        [UNSEEN[0], Row(id="b", input="Ye quartz jugglers vex my fjord bank")]
    )
    assert right.bytes == len(UNSEEN[0].input)
    assert right.bits / right.bytes < wrong.bits / wrong.bytes


def test_documents_are_laid_end_to_end_each_closed_by_the_end_token():
    tokenizer = open_tokenizer()
    whole = [*tokenizer.encode("One."), tokenizer.eos_token_id, *tokenizer.encode("Two.")]
    rows = [Row(id="1", input="One."), Row(id="2", input="Two.")]
    assert _raw_text.blocks(rows, tokenizer, len(whole)).tolist() == [whole]
    halves = _raw_text.blocks(rows, tokenizer, 2)
    assert halves.ravel().tolist() == [*whole, tokenizer.eos_token_id][: halves.size]


def test_the_steps_are_one_pass_over_the_text_unless_given(tmp_path):
    news = []
    plan = new_plan(tmp_path / "run", {"batch": 16})
    pretraining.fit(plan, STORIES[:8], news.append)
    blocks = _raw_text.blocks(STORIES[:8], open_tokenizer(), 32)
    assert {item.steps for item in news if item.steps} == {len(blocks) // 16}


def test_a_language_of_its_own_gets_a_vocabulary_of_its_own(tmp_path):
    rows = [Row(id="1", input="ᚠᛖᚩᚻ ᛒᛦᚦ ᚠᚱᚩᚠᚢᚱ ᚠᛁᚱᚪ ᚷᛖᚻᚹᛦᛚᚳᚢᛗ " * 40)]
    plan = new_plan(tmp_path / "run", {"vocabulary": 300, "steps": 2})
    pretraining.fit(plan, rows, silent)
    model, tokenizer = _causal_lm.open_model(str(plan.artifact))
    assert len(tokenizer) == model.config.vocab_size == 300
    theirs = len(open_tokenizer().encode(rows[0].input))
    assert len(tokenizer.encode(rows[0].input)) < 0.5 * theirs
    assert tokenizer.decode(tokenizer.encode(rows[0].input)) == rows[0].input
    assert tokenizer.chat_template == open_tokenizer().chat_template


def test_less_text_than_a_block_is_refused(tmp_path):
    plan = new_plan(tmp_path / "run", {"max_tokens": 512})
    with pytest.raises(
        DataError, match=r"9 tokens in 1 rows; one block takes 512\n  fix: add text"
    ):
        pretraining.fit(plan, [Row(id="1", input="Call me Ishmael.")], silent)


def test_heads_that_cannot_share_the_hidden_size_are_refused(tmp_path):
    plan = new_plan(tmp_path / "run", {"heads": 3})
    message = r"hidden_size=32 is no even multiple of heads=3\n  fix: use --setting hidden_size=192"
    with pytest.raises(SettingError, match=message):
        pretraining.fit(plan, STORIES, silent)


def test_training_stops_in_good_order_when_its_time_is_used_up(tmp_path):
    plan = new_plan(tmp_path / "run", {"steps": 100_000}, max_minutes=0.02)
    news = []
    pretraining.fit(plan, STORIES, news.append)
    assert [item for item in news if item.warning and "are used up" in item.message]
    assert (plan.artifact / "model.safetensors").is_file()


RUN = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]).parent))
from test_pretraining import STORIES, new_plan
from runners import pretraining
pretraining.fit(new_plan(Path(sys.argv[2]), {"steps": 60}), STORIES, lambda p: print(p, flush=True))
"""


def start(folder):
    house = Path(pretraining.__file__).parents[1]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, __file__, str(folder)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(house)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights_bit_by_bit(tmp_path):
    whole = start(tmp_path / "whole")
    assert "going on" not in whole.communicate(timeout=300)[0]
    assert whole.returncode == 0
    for at in (1, 3):  # killed twice, each time after so many checkpoints more
        killed = start(tmp_path / "killed")
        end = time.monotonic() + 200
        while len(list(tmp_path.glob("killed/checkpoints/checkpoint-*/trainer_state.json"))) < min(
            at, 2
        ):
            assert killed.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        killed.communicate(timeout=60)
    assert not (tmp_path / "killed" / "artifact").exists()
    last = start(tmp_path / "killed")
    assert "going on from checkpoint-" in last.communicate(timeout=300)[0]
    assert last.returncode == 0
    left = load_file(tmp_path / "whole" / "artifact" / "model.safetensors")
    right = load_file(tmp_path / "killed" / "artifact" / "model.safetensors")
    assert left.keys() == right.keys()
    assert all(np.array_equal(left[name], right[name]) for name in left)
