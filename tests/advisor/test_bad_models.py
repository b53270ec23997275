"""Models and rows that cannot be used: each is refused with what, where and what to do next."""

import json
import os
import re
import shutil
import signal

import pytest

from advisor import runs as all_runs
from runners import _models

ROWS = [
    {"prompt": f"Say {n} in words", "completion": f"It is {n}, {n * 7} in all."} for n in range(40)
]
PLAIN = re.compile(r"^error: .+: .+\n  fix: .+", re.MULTILINE)
SHARDS = "model.safetensors.index.json"
OWN_CODE = "raise SystemExit('this code was run')\n"


@pytest.fixture
def base(tmp_path):
    """A copy of the model that comes along, to be broken."""
    return shutil.copytree(
        _models.locate("bundled"), tmp_path / "base", ignore=shutil.ignore_patterns("*.py", "__*")
    )


@pytest.fixture
def rows(tmp_path):
    """Writes rows to a file."""

    def write(records):
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
        return path

    return write


@pytest.fixture
def refused(whichtune, monkeypatch):
    """Run on rows; get what is said, which is a message for people and no traceback."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "1")

    def run(data, *more, code, approach="lora"):
        chosen = ("--approach", approach) if approach else ()
        ended, out, err = whichtune("run", "--data", data, *chosen, *more)
        assert ended == code, err
        assert PLAIN.search(err), err
        assert "Traceback" not in out + err
        return err

    return run


def edit(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), "utf-8")


def forget(path, *names):
    known = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({k: v for k, v in known.items() if k not in names}), "utf-8")


def cut_short(base):
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def no_header(base):
    (base / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{not json at all")


def empty_file(base):
    (base / "model.safetensors").write_bytes(b"")


def pointer(base):
    (base / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid x\n")


def pickle_alone(base):
    (base / "model.safetensors").rename(base / "pytorch_model.bin")


def part_missing(base):
    parts = {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}
    (base / SHARDS).write_text(json.dumps({"weight_map": parts}))


def no_configuration(base):
    (base / "config.json").unlink()


@pytest.mark.parametrize(
    ("broken", "what", "fix"),
    [
        (cut_short, r"model\.safetensors is damaged: it has 4,264,192 of 8,528,384 bytes", "fetch"),
        (no_header, r"damaged: its first bytes are no list of weights", "fetch this file again"),
        (empty_file, r"damaged: its 0 bytes are no safetensors file", "fetch this file again"),
        (pointer, r"it is a pointer of Git LFS", r"git -C \S+ lfs pull"),
        (pickle_alone, r"pytorch_model\.bin is a pickle, which can run code", "convert"),
        (part_missing, r"1 files of weights are missing, such as model-00002", "fetch the missing"),
        (no_configuration, r"no config\.json", r"name the folder that holds config\.json"),
    ],
)
def test_damaged_or_unsafe_weights_are_refused_before_anything_starts(
    broken, what, fix, base, rows, refused, runs
):
    broken(base)
    said = refused(rows(ROWS), "--base-model", base, code=2)
    assert re.search(rf"error: {base}: .*{what}", said), said
    assert re.search(rf"fix: .*{fix}", said), said
    assert not list(runs.glob("lora-*"))


@pytest.mark.parametrize(
    ("records", "what", "fix"),
    [
        ([], "the file is empty", "give a file"),
        (ROWS[:1], "one text only, so none can be set aside to measure on", "add rows"),
        (
            [{**row, "completion": ""} for row in ROWS],
            r"none of the 40 records can be used: no answer \(40\)",
            "`completion`",
        ),
        (
            [{"prompt": "", "completion": ""} for _ in ROWS],
            r"none of the 40 records can be used: no prompt \(40\)",
            "`prompt`",
        ),
    ],
)
def test_rows_of_which_nothing_is_left_are_refused_before_anything_starts(
    records, what, fix, rows, refused, runs
):
    path = rows(records)
    said = refused(path, code=2)
    assert re.search(rf"error: {path}: {what}", said), said
    assert re.search(rf"fix: .*{fix}", said), said
    assert not list(runs.glob("lora-*"))


def own_code(base):
    classes = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.OwnForCausalLM"}
    edit(base / "config.json", model_type="own", auto_map=classes, architectures=["OwnForCausalLM"])
    (base / "own.py").write_text(OWN_CODE)


def unknown_kind(base):
    edit(base / "config.json", model_type="own", architectures=["OwnForCausalLM"])


def other_shapes(base):
    edit(base / "config.json", vocab_size=3000)


def wrong_value(base):
    edit(base / "config.json", num_attention_heads="four")


def no_end(base):
    forget(base / "tokenizer_config.json", "eos_token", "pad_token")
    forget(base / "generation_config.json", "eos_token_id", "pad_token_id")


def no_template(base):
    (base / "chat_template.jinja").unlink()


def short_window(base):
    edit(base / "config.json", max_position_embeddings=8)


CHATS = [
    {
        "messages": [
            {"role": "user", "content": row["prompt"]},
            {"role": "assistant", "content": row["completion"]},
        ]
    }
    for row in ROWS
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "records", "what", "fix"),
    [
        (own_code, ROWS, "it brings code of its own", "opens by itself"),
        (unknown_kind, ROWS, "model type `own`", "that transformers can open"),
        (other_shapes, ROWS, "not of the shapes that config.json says", "fetch config.json"),
        (wrong_value, ROWS, r"config\.json is wrong: .*num_attention_heads", "put the value right"),
        (no_end, ROWS, "no_end_of_sequence: the tokenizer knows no end", "eos_token is named in"),
        (no_template, CHATS, "no_template: the row is a chat", "choose an instruct model"),
        (short_window, ROWS, "all_cut: the first 8 tokens are kept", "raise --max-tokens"),
    ],
)
def test_a_model_that_does_not_go_with_the_rows_fails_the_run_with_the_next_thing_to_do(
    broken, records, what, fix, base, rows, refused
):
    broken(base)
    said = refused(rows(records), "--base-model", base, code=1)
    assert re.search(rf"error: lora-0001, .*{what}", said), said
    assert re.search(rf"fix: .*{fix}", said), said
    assert "this code was run" not in said


@pytest.mark.slow
def test_a_model_of_the_hub_that_is_not_here_is_said_without_waiting_for_libraries(rows, refused):
    said = refused(rows(ROWS), "--base-model", "nobody/nothing", code=1)
    assert "model 'nobody/nothing' is not on this machine" in said
    assert "HF_HUB_OFFLINE=1 forbids to ask it" in said
    assert "fix: fetch it where there is a network (hf download nobody/nothing)" in said
    assert "loading libraries" not in said


@pytest.mark.slow
def test_of_two_commands_on_one_run_the_second_is_refused_and_names_the_process(
    whichtune, rows, runs
):
    code, _, err = whichtune("plan", "--data", rows(ROWS), "--approach", "lora")
    assert code == 0, err
    folder = runs / "lora-0001"
    try:
        assert whichtune("run", "lora-0001", "--detach")[0] == 0
        code, _, err = whichtune("run", "lora-0001", "--detach")
        assert code == 2
        named = re.search(
            r"lora-0001 is (queued|running) already, in process (\d+)\n  fix: watch it: "
            r"whichtune show lora-0001 --follow",
            err,
        )
        assert named, err
        os.kill(int(named[2]), signal.SIGCONT)  # there is such a process
    finally:
        all_runs.cancel(folder)
