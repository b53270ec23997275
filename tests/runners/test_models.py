"""Base models by name: found offline, refused in words, told apart by their content."""

import hashlib
import shutil
import sys

import pytest

from rules.errors import MissingExtraError, UserError
from runners import _causal_lm, _encoder, _models

NO_WEIGHTS = b"\x02" + bytes(7) + b"{}"
"""A whole safetensors file that holds nothing."""


@pytest.fixture(autouse=True)
def fresh():
    """Names are looked up once per process; here folders change under their names."""
    yield
    _models.locate.cache_clear()
    _models.fingerprint.cache_clear()


def test_the_packaged_encoder_is_the_published_one(encoder):
    weights = (_models.locate(encoder) / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == _models.PACKAGED_SHA256


def test_the_packaged_encoder_answers_to_its_short_name_too(encoder):
    assert _models.locate("all-MiniLM-L6-v2") == _models.locate(encoder)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(
        UserError, match=r"no model '.*/nowhere'\n  fix: name a folder with a config"
    ):
        _models.locate(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("name", ["bert", "a/b/c"])
def test_a_name_that_is_neither_folder_nor_hub_id_is_refused(name):
    with pytest.raises(UserError, match=r"--base-model: no model .*\n  fix: .*org/name"):
        _models.locate(name)


def test_a_hub_id_that_is_not_on_this_machine_is_refused_offline():
    with pytest.raises(
        UserError, match="is not on this machine and the hub did not give it"
    ) as caught:
        _models.locate("nobody/has-this-model")
    assert "hf download nobody/has-this-model" in caught.value.fix
    assert "\n" not in caught.value.what


def test_a_folder_without_a_configuration_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"no config\.json in this folder\n  fix: name the folder"):
        _models.locate(str(tmp_path))


def test_weights_that_could_run_code_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    said = r"pytorch_model\.bin is a pickle, which can run code .*\n  fix: .*convert"
    with pytest.raises(UserError, match=said):
        _models.locate(str(tmp_path))


def test_the_home_folder_may_be_written_as_a_tilde(encoder_copy, monkeypatch):
    folder = encoder_copy()
    monkeypatch.setenv("HOME", str(folder.parent))
    assert _models.kind("~/copy") == "encoder"


def test_a_renamed_copy_has_the_same_fingerprint(encoder, encoder_copy):
    assert _models.fingerprint(str(encoder_copy())) == _models.fingerprint(encoder)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "tokenizer.json", "vocab.txt", "1_Pooling/config.json"]
)
def test_one_changed_byte_changes_the_fingerprint(encoder, encoder_copy, name):
    path = encoder_copy() / name
    with path.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    copy = str(path.parent if path.parent.name == "copy" else path.parents[1])
    assert _models.fingerprint(copy) != _models.fingerprint(encoder)


def test_a_readme_does_not_change_the_fingerprint(encoder, encoder_copy):
    folder = encoder_copy()
    (folder / "README.md").write_text("my notes")
    assert _models.fingerprint(str(folder)) == _models.fingerprint(encoder)


def test_the_kind_of_a_model_is_read_from_its_configuration(encoder, encoder_copy, llama):
    assert _models.kind(encoder) == "encoder"
    assert _models.kind(llama) == "causal"
    bare = encoder_copy()  # a plain BERT, as most encoders on the hub are
    (bare / "modules.json").unlink()
    assert _models.kind(str(bare)) == "encoder"


@pytest.mark.parametrize(
    ("architectures", "kind"),
    [(["GPT2LMHeadModel"], "causal"), (["BertForMaskedLM"], "encoder"), (None, "encoder")],
)
def test_kinds_by_the_name_of_the_architecture(tmp_path, change, architectures, kind):
    (tmp_path / "model.safetensors").write_bytes(NO_WEIGHTS)
    (tmp_path / "config.json").write_text("{}")
    change(tmp_path / "config.json", architectures=architectures)
    assert _models.kind(str(tmp_path)) == kind


def test_a_configuration_that_is_not_json_is_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(NO_WEIGHTS)
    (tmp_path / "config.json").write_text('{"architectures": [')
    with pytest.raises(UserError, match=r"config\.json is not JSON"):
        _models.kind(str(tmp_path))


def test_a_causal_model_is_no_encoder(llama):
    with pytest.raises(
        UserError, match=r"causal model, not an encoder\n  fix: use an encoder, such"
    ):
        _encoder.open_encoder(llama)


def test_an_encoder_without_a_tokenizer_is_refused_in_words(encoder_copy):
    folder = encoder_copy()
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        (folder / name).unlink()
    with pytest.raises(UserError) as caught:
        _encoder.embed(str(folder), ["text"], lambda progress: None)
    assert caught.value.where == str(folder)
    assert "cache" not in str(caught.value)


def test_a_causal_model_with_broken_weights_is_refused_in_words(llama, tmp_path):
    folder = shutil.copytree(llama, tmp_path / "llama")
    (folder / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(UserError) as caught:
        _causal_lm.open_model(str(folder))
    assert caught.value.where == str(folder)


def test_a_model_that_changed_since_is_refused(encoder, tmp_path):
    _models.require_same(encoder, _models.fingerprint(encoder), tmp_path)
    folder = tmp_path / "heads-0001" / "artifact"
    with pytest.raises(UserError, match="not the model this was made on") as caught:
        _models.require_same(encoder, "0" * 32, folder)
    assert caught.value.fix == "run it again: whichtune run heads-0001 --again"


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "no_such_library", None)
    with pytest.raises(
        MissingExtraError, match=r"lora: no_such_library is not installed\n.*pip install"
    ):
        _models.require("json", "no_such_library", approach="lora")
