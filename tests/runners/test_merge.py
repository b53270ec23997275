"""A whole model of a run says what the run said, also when a fresh process opens it."""

import json

import pytest
from safetensors.torch import load_file, save_file

from rules.errors import RunError, UserError
from runners import _gguf, _gguf_convert, _merge, _modelfile, _parity, full_sft, lora
from runners._render_tokenizer import FOLDER, open_tokenizer
from runners.base import silent


def _exported(plan, rows, out):
    writer = _merge.measured(plan)
    assert _merge.rounding(writer) is None
    said = _parity.ask(writer, rows)
    _merge.write(writer, plan, out)
    return said, writer.max_new_tokens


@pytest.fixture(scope="module")
def merged(text_plan, text_train, text_evaluation, tmp_path_factory):
    """The plan, the rows that were asked, what the adapter said, and the merged folder."""
    folder = tmp_path_factory.mktemp("merge")
    plan = text_plan(folder / "run", "lora", settings={"epochs": 6, "learning_rate": 0.01})
    lora.fit(plan, text_train, silent)
    said, room = _exported(plan, text_evaluation, folder / "merged")
    return plan, text_evaluation, said, folder / "merged", room


def test_a_fresh_process_says_with_the_merged_model_what_the_adapter_said(merged):
    _, rows, said, folder, room = merged
    found = _parity.compare(said, _parity.ask_again(rows, folder, room))
    assert (found.equal, found.same_tokens, found.prompts) == (len(rows), len(rows), len(rows))
    assert (found.largest_difference or 0) < 1e-3
    assert found.holds


@pytest.mark.parametrize("factor", [1.5, pytest.param(float("nan"), marks=pytest.mark.slow)])
def test_weights_that_were_changed_after_merging_are_found(merged, factor):
    _, rows, said, folder, room = merged
    path = folder / "model.safetensors"
    sound = load_file(path)
    save_file({name: weight * factor for name, weight in sound.items()}, path, {"format": "pt"})
    found = _parity.compare(said, _parity.ask_again(rows, folder, room))
    save_file(sound, path, {"format": "pt"})
    assert not found.holds or (found.largest_difference or 0) > 0.1
    assert (found.largest_difference is None) == (factor != factor)


def test_an_adapter_that_is_damaged_is_refused_in_words(merged, tmp_path):
    import shutil

    plan = merged[0]
    copy = plan.model_copy(update={"folder": tmp_path / "run"})
    shutil.copytree(plan.folder, copy.folder)
    weights = copy.artifact / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(RunError, match="cannot be opened"):
        _merge.measured(copy)


def test_a_model_that_was_saved_whole_is_copied_byte_by_byte(
    text_plan, text_train, text_evaluation, tmp_path
):
    plan = text_plan(tmp_path / "run", "full_sft", settings={"epochs": 4, "learning_rate": 0.01})
    full_sft.fit(plan, text_train, silent)
    _merge.require_mergeable(plan)
    said, room = _exported(plan, text_evaluation, tmp_path / "copy")
    name = "model.safetensors"
    source = plan.artifact / "model" / name
    assert (tmp_path / "copy" / name).read_bytes() == source.read_bytes()
    found = _parity.compare(said, _parity.ask_again(text_evaluation, tmp_path / "copy", room))
    assert found.holds
    assert (found.largest_difference or 0) < 1e-3


def test_bottleneck_adapters_cannot_be_merged(text_plan, tmp_path):
    with pytest.raises(UserError, match="nothing that can be merged"):
        _merge.require_mergeable(text_plan(tmp_path / "run", "adapters"))


def test_the_way_the_bundled_tokenizer_splits_words_has_a_name_and_others_have_none(tmp_path):
    assert _gguf_convert.way_of(FOLDER) == "smollm"
    known = json.loads((FOLDER / "tokenizer.json").read_text("utf-8"))
    parts = known["pre_tokenizer"]["pretokenizers"]
    for way, name in ((parts[-1], "gpt-2"), ({"type": "Whitespace"}, None)):
        text = json.dumps({**known, "pre_tokenizer": way})
        (tmp_path / "tokenizer.json").write_text(text, "utf-8")
        assert _gguf_convert.way_of(tmp_path) == name


def test_a_template_without_marks_renders_the_same():
    tokenizer = open_tokenizer()
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": " b"}]
    before = tokenizer.apply_chat_template(chat, tokenize=False)
    bare = _gguf.without_marks(tokenizer.get_chat_template())
    assert "generation -%}" not in bare
    assert tokenizer.apply_chat_template(chat, chat_template=bare, tokenize=False) == before


def test_a_modelfile_has_the_marks_of_the_tokenizer_its_end_and_the_length_of_an_answer():
    text, warning = _modelfile.modelfile("bundled", 83, "model.gguf")
    assert warning is None
    for line in ("FROM ./model.gguf", 'PARAMETER stop "<|endoftext|>"', "PARAMETER num_predict 83"):
        assert line in text.splitlines()
    assert '{{ if eq .Role "user" }}<|user|>{{ .Content }}<|endoftext|><|assistant|>' in text


def test_a_template_that_does_more_than_marks_is_not_put_into_a_modelfile():
    tokenizer = open_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content | upper }}{% endfor %}"
    assert _modelfile.marks_of(tokenizer) is None
