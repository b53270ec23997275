"""Which model is meant: a row, a path, or the hub, which nobody reaches here."""

import json
import socket

import pytest

from advisor import model_source
from rules.errors import UserError

LLAMA = {
    "model_type": "llama",
    "vocab_size": 32000,
    "hidden_size": 512,
    "intermediate_size": 1024,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
}


@pytest.fixture
def config(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    return tmp_path / "config.json"


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """A hub cache of its own, without any model in it."""
    hub = pytest.importorskip("huggingface_hub.constants")
    folder = tmp_path / "hub"
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", False)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.mark.parametrize("name", ["meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b-instruct"])
def test_a_row_is_found_by_its_id_and_by_its_short_name(name):
    found = model_source.find(name)
    assert found.shape.name == "meta-llama/Llama-3.1-8B-Instruct"
    assert "rules/models.yaml, checked 2026-" in found.origin
    assert found.config["num_key_value_heads"] == 8


def test_a_folder_and_its_file_are_the_same_model(config):
    for given in (config, config.parent):
        found = model_source.find(str(given))
        assert found.shape.layers == 4
        assert str(config) in found.origin
        assert found.config == LLAMA


def test_the_cache_of_the_hub_is_read_without_the_hub(empty_cache, monkeypatch):
    folder = empty_cache / "models--acme--tiny" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(LLAMA))
    refs = empty_cache / "models--acme--tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")
    monkeypatch.setattr(socket, "create_connection", _no_network)
    found = model_source.find("acme/tiny")
    assert found.shape.hidden == 512
    assert "cache on this machine" in found.origin


def _no_network(*_, **__):
    raise OSError(-2, "Name or service not known")


def test_a_hub_that_cannot_be_reached_is_named_with_the_way_around_it(empty_cache, monkeypatch):
    monkeypatch.setattr(socket, "create_connection", _no_network)
    with pytest.raises(UserError, match="cannot be reached") as refused:
        model_source.find("Qwen/Qwen3-8B-Base")
    assert "https://huggingface.co" in refused.value.what
    assert "path to its config.json" in refused.value.fix
    assert "Qwen/Qwen3-8B" in refused.value.fix


def test_offline_is_obeyed_before_anything_is_tried(empty_cache, monkeypatch):
    hub = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(socket, "create_connection", lambda *_: pytest.fail("it was tried"))
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        model_source.find("acme/unknown")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Qwen3-8", "did you mean Qwen/Qwen3-8B"),
        ("nonsense", "path to a config.json"),
        ("./nowhere", "no file 'nowhere/config.json'|no file 'nowhere'"),
        ("a/b/c", "no model 'a/b/c'"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_nearest(given, said):
    with pytest.raises(UserError, match=said):
        model_source.find(given)


@pytest.mark.parametrize(
    ("content", "said"), [("{\n oops", "not JSON"), ("[1]", "not a JSON object"), ("\xff", "JSON")]
)
def test_a_file_that_is_no_config_is_named(config, content, said):
    config.write_text(content, "latin-1")
    with pytest.raises(UserError, match=said) as refused:
        model_source.find(str(config))
    assert str(config) in refused.value.where


def test_an_unknown_architecture_is_refused_unless_it_will_be_traced(config):
    config.write_text(json.dumps(LLAMA | {"model_type": "novel"}))
    with pytest.raises(UserError, match="'novel'") as refused:
        model_source.find(str(config))
    assert "--exact" in refused.value.fix
    found = model_source.find(str(config), exact=True)
    assert found.shape.architecture == "novel"
    assert any("traced" in note for note in found.notes)


def test_even_a_trace_needs_a_size(config):
    config.write_text(json.dumps({"model_type": "novel", "vocab_size": 10}))
    with pytest.raises(UserError, match="'hidden_size' is missing"):
        model_source.find(str(config), exact=True)
