"""The bundled base model: small, whole, causal, and as good as its card says."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from runners import _bits, _causal_lm, _models
from runners._render_tokenizer import open_tokenizer
from runners.bundled import make_model

FOLDER = Path(make_model.__file__).parent
CARD = (FOLDER / "README.md").read_text("utf-8")
HELD_OUT = Path(__file__).parents[3] / "shared" / "data" / "pretrain_text" / "core_valid.txt.xz"
SAID = (
    'The old gentleman took off his hat, and sat down by the fire. "I have come a long way," said '
    'he, "and I am very tired; but I could not rest until I had seen you." She did not answer him.'
)
"""With straight quotes, as all of its books have them."""


@pytest.fixture(scope="module")
def bundled():
    return _causal_lm.open_model("bundled")


def test_the_bundled_model_is_causal_and_small():
    assert _models.kind("bundled") == "causal"
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) <= 20_000_000


def test_the_card_names_the_files_by_their_hashes():
    stated = dict(re.findall(r"^\| (\S+) \| `([0-9a-f]{64})` \|$", CARD, re.MULTILINE))
    files = [*FOLDER.glob("*.json"), *FOLDER.glob("*.safetensors"), *FOLDER.glob("*.jinja")]
    assert stated == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_model_is_the_one_its_settings_make():
    config = json.loads((FOLDER / "config.json").read_text("utf-8"))
    shape = {"hidden_size": "hidden_size", "layers": "num_hidden_layers"}
    shape |= {"heads": "num_attention_heads", "max_tokens": "max_position_embeddings"}
    for knob, name in shape.items():
        assert config[name] == make_model.SETTINGS[knob]
    assert config["vocab_size"] == len(open_tokenizer())


def test_prose_is_known_and_noise_is_not(bundled):
    model, tokenizer = bundled
    prose = _bits.bits_per_byte(model, tokenizer, [SAID]).value
    noise = _bits.bits_per_byte(model, tokenizer, [SAID[::-1]]).value
    assert prose < 1.7
    assert noise > 2 * prose


def test_it_goes_on_in_english(bundled):
    import torch

    model, tokenizer = bundled
    ids = torch.tensor([tokenizer.encode("The captain of the ship said that he")])
    said = model.generate(ids, max_new_tokens=20, do_sample=False, pad_token_id=0)
    text = tokenizer.decode(said[0][ids.shape[1] :])
    assert re.search(r"\b(the|had|was|not|of|to|a|have)\b", text)


@pytest.mark.slow
def test_the_held_out_books_take_as_many_bits_as_the_card_says():
    if not HELD_OUT.is_file():
        pytest.skip("needs the books it is measured on")
    stated = re.search(r"\*\*([\d.]+) bits per byte\*\*", CARD)
    found = re.match(r"([\d.]+) bits per byte", make_model.measure(FOLDER, HELD_OUT))
    assert stated
    assert found
    assert float(found[1]) == pytest.approx(float(stated[1]), abs=0.002)


@pytest.mark.slow
def test_a_model_is_published_in_half_the_size_and_says_the_same(tmp_path):
    model, tokenizer = _causal_lm.open_model("bundled")
    model.save_pretrained(tmp_path / "whole")
    make_model.publish(tmp_path / "whole", tmp_path / "half")
    tokenizer.save_pretrained(tmp_path / "half")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "half")]
    assert sizes[1] < 0.51 * sizes[0]
    again, _ = _causal_lm.open_model(str(tmp_path / "half"))
    assert _bits.bits_per_byte(again, tokenizer, [SAID]).value == pytest.approx(
        _bits.bits_per_byte(model, tokenizer, [SAID]).value, abs=1e-6
    )
