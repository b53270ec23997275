"""``whichtune memory`` and ``whichtune fits``, typed as a user would."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

QWEN = ("memory", "Qwen/Qwen3-8B", "--approach")
TINY = {
    "model_type": "llama",
    "vocab_size": 1000,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
}


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    return tmp_path


def test_a_plan_that_fits_shows_bars_three_numbers_and_its_origins(whichtune):
    code, out, _ = whichtune(*QWEN, "qlora", "--tokens", "2048", "--gpu", "24")
    assert code == 0
    for part in ("weights", "█", "needs", "safe", "nvidia-smi", "at its highest: layer backward"):
        assert part in out
    for part in ("It fits", "profiled", "rows at once", "checked 2026-", "stack"):
        assert part in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_plan_that_does_not_fit_ends_with_3_and_says_what_to_change(whichtune):
    code, out, _ = whichtune(*QWEN, "full_sft", "--tokens", "2048", "--gpu", "16")
    assert code == 3
    assert "It does not fit" in out
    assert "--approach qlora" in out
    assert max(map(len, out.splitlines())) <= 80


def test_without_a_card_there_is_no_verdict(whichtune):
    code, out, _ = whichtune(*QWEN, "lora")
    assert code == 0
    assert "Name a card" in out
    assert "It fits" not in out


@pytest.mark.parametrize(
    ("card", "understood", "size"),
    [
        ("24GB", "24 GB of 10**9 bytes: 22.4 GiB", 24e9),
        ("24GiB", "24 GiB", 24 * 2**30),
        ("24", "24 as on the box", 22.5 * 2**30),
        ("RTX 4090", "GeForce RTX 4090", 24.0 * 2**30),
    ],
)
def test_it_says_which_card_it_understood(whichtune, card, understood, size):
    code, out, _ = whichtune(*QWEN, "qlora", "--gpu", card, "--json")
    assert code == 0
    found = json.loads(out)["card"]
    assert understood in found["understood"]
    assert found["bytes"] == pytest.approx(size, rel=0.01)


def test_json_holds_what_the_screen_shows_in_bytes(whichtune):
    _, out, _ = whichtune(*QWEN, "full_sft", "--tokens", "2048", "--gpu", "16", "--json")
    found = json.loads(out)
    assert found["schema"] == "whichtune.memory/1"
    estimate = found["peak"]["estimate"]
    assert estimate["allocated_bytes"] == max(estimate["moments_bytes"].values())
    assert sum(estimate["parts_bytes"].values()) == pytest.approx(
        estimate["allocated_bytes"], abs=10
    )
    assert estimate["needs_bytes"] == pytest.approx(
        estimate["allocated_bytes"] + estimate["context_bytes"], abs=2
    )
    assert found["headroom_bytes"] == pytest.approx(
        found["card"]["bytes"] - estimate["safe_bytes"], abs=2
    )
    assert found["fits"] is False
    assert any(change["fits"] for change in found["changes"])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("memory", (*QWEN, "qlora", "--gpu", "RTX 4090", "--rows", "100")),
        ("memory", (*QWEN, "full_sft", "--tokens", "2048", "--gpu", "16")),
        ("memory", ("memory", "Qwen/Qwen3-0.6B", "--approach", "rlhf")),
        ("fits", ("fits", "--gpu", "16")),
    ],
)
def test_json_follows_its_published_schema(whichtune, name, arguments):
    from jsonschema import validate

    _, out, _ = whichtune(*arguments, "--json")
    published = Path(__file__).parents[2] / "docs" / "schema" / f"{name}.v1.json"
    validate(json.loads(out), json.loads(published.read_text("utf-8")))


def test_every_flag_reaches_the_estimate(whichtune):
    def allocated(*flags, approach="lora"):
        _, out, _ = whichtune(*QWEN, approach, "--tokens", "1024", *flags, "--json")
        return json.loads(out)["peak"]["estimate"]["allocated_bytes"]

    usual = allocated()
    assert allocated("--batch", "4") > usual
    assert allocated("--rank", "256") > usual
    assert allocated("--precision", "fp32") > usual
    assert allocated("--no-checkpointing") > usual
    assert allocated("--stack", "transformers") > usual
    assert allocated("--attention", "eager") > usual
    assert allocated("--quantisation", "nf4") < usual
    assert allocated("--devices", "4") < usual
    plain = allocated("--rank", "256", "--optimizer", "sgd")
    assert plain < allocated("--rank", "256")
    assert allocated("--layers", "4", approach="full_sft") < allocated(approach="full_sft")
    shared = allocated(approach="dpo")
    assert shared < allocated("--reference", "copy", approach="dpo")
    assert shared < allocated("--policy", "full", approach="dpo")


def test_rows_say_how_long_they_are(whichtune, tmp_path):
    rows = [{"text": "word " * 500, "label": "long"}, {"text": "word", "label": "short"}]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    arguments = ("--data", file, "--input", "text", "--target", "label", "--json")
    code, out, talk = whichtune(*QWEN, "qlora", *arguments)
    assert code == 0, talk
    found = json.loads(out)
    assert found["peak"]["tokens"] == pytest.approx(626, abs=2)
    assert "4 characters a token" in found["origins"]["tokens"]


def test_rows_add_time_and_money_that_grow_with_them(whichtune):
    arguments = (*QWEN, "qlora", "--gpu", "RTX 4090", "--price", "0.5", "--epochs", "2")
    _, out, _ = whichtune(*arguments, "--rows", "1000", "--json")
    _, more, _ = whichtune(*arguments, "--rows", "3000", "--json")
    (few,), (many,) = json.loads(out)["cost"], json.loads(more)["cost"]
    assert many["hours"] == pytest.approx([3 * hours for hours in few["hours"]])
    assert few["dollars"] == pytest.approx([0.5 * hours for hours in few["hours"]])
    assert few["tokens"] == 1000 * 2 * 1024
    _, out, _ = whichtune(*arguments, "--rows", "1000")
    for part in ("hours", "dollars", "tokens/s", "as given", "--data"):
        assert part in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_measured_speed_needs_no_card_and_usual_epochs_are_named(whichtune):
    _, out, _ = whichtune(*QWEN, "qlora", "--rows", "1000", "--speed", "1000", "--json")
    found = json.loads(out)
    (cost,) = found["cost"]
    assert cost["epochs"] == 3
    assert cost["hours"][0] < 1000 * 3 * 1024 / 1000 / 3600 < cost["hours"][1]
    assert any("3 epochs: transformers' default" in note for note in found["notes"])


def test_data_count_their_rows_and_their_mean_length(whichtune, tmp_path):
    rows = [{"text": "w" * 399, "label": "a"}, {"text": "x" * 799, "label": "b"}]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    arguments = ("--data", file, "--input", "text", "--target", "label", "--epochs", "1")
    _, out, _ = whichtune(*QWEN, "qlora", *arguments, "--speed", "1000", "--json")
    found = json.loads(out)
    assert found["peak"]["tokens"] == 201
    assert found["cost"][0]["tokens"] == 2 * 151


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*QWEN, "qlora", "--price", "2"), "--rows: time and money of how many rows?"),
        ((*QWEN, "qlora", "--rows", "10"), "no speed without a card"),
        ((*QWEN, "qlora", "--rows", "0", "--gpu", "RTX 4090"), "0 is no training"),
        ((*QWEN, "qlora", "--rows", "9", "--epochs", "0", "--gpu", "RTX 4090"), "0 is no training"),
        (("memory", "Qwen3-8", "--approach", "qlora"), "did you mean Qwen/Qwen3-8B"),
        ((*QWEN, "qlorra"), "did you mean 'qlora'"),
        ((*QWEN, "qlora", "--batch", "0"), "--batch: 0 is not a number"),
        ((*QWEN, "qlora", "--tokens", "999999"), "--tokens: 999,999 tokens are more than"),
        ((*QWEN, "qlora", "--gpu", "0"), "--gpu: a card of 0"),
        ((*QWEN, "full_sft", "--quantisation", "nf4"), "--quantisation: weights in nf4 cannot be"),
        ((*QWEN, "full_sft", "--layers", "0"), "--layers: 0 is not a number"),
        ((*QWEN, "full_sft", "--layers", "99"), "--layers: 99 of 36 layers"),
        ((*QWEN, "dpo", "--reference", "kopy"), "did you mean 'copy'"),
        ((*QWEN, "lora", "--rows", "9", "--epochs", "nan", "--gpu", "RTX 4090"), "--epochs: nan"),
        ((*QWEN, "lora", "--rows", "9", "--speed", "1", "--price", "nan"), "--price: a price of"),
        (("fits", "--gpu", "nothing"), "no card is called 'nothing'"),
        (("fits", "--gpu", "16", "--approach", "lorra"), "did you mean 'lora'"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(whichtune, arguments, said):
    code, out, talk = whichtune(*arguments)
    assert code == 2
    assert said in talk
    assert "fix: " in talk
    assert not out


def test_a_config_without_a_field_and_an_unknown_architecture_are_named(whichtune, tiny):
    for change, said in [
        ({"hidden_size": None}, "'hidden_size' is missing"),
        ({"model_type": "novel"}, "--exact"),
    ]:
        (tiny / "config.json").write_text(json.dumps(TINY | change))
        code, _, talk = whichtune("memory", tiny, "--approach", "lora")
        assert code == 2
        assert said in talk


def test_fits_lists_models_and_approaches_within_80_columns(whichtune):
    code, out, _ = whichtune("fits", "--gpu", "16")
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    for part in ("Qwen3-14B", "qlora", "setfit", "all-MiniLM-L6-v2", "left out: hosted"):
        assert part in out


def test_fits_of_one_approach_as_json(whichtune):
    code, out, _ = whichtune("fits", "--gpu", "24GiB", "--approach", "qlora", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["schema"] == "whichtune.fits/1"
    assert {row["approach"] for row in found["rows"]} == {"qlora"}
    for row in found["rows"]:
        assert row["fits"] is (row["safe_bytes"] <= found["card"]["bytes"])


@pytest.mark.parametrize("command", ["memory Qwen/Qwen3-8B --approach qlora", "fits --gpu 16"])
def test_neither_command_imports_what_trains(command):
    code = (
        "import sys; from advisor.cli import main; sys.argv = ['whichtune', *sys.argv[1].split()]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, command], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "rules" in loaded
    assert not {"torch", "transformers", "numpy", "huggingface_hub", "textual"} & loaded


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("torch", "transformers", "peft"))),
    reason="a trace needs torch, transformers and peft",
)
def test_exact_traces_the_step_and_shows_the_closed_form_beside_it(tiny):
    """In a process of its own, as a user runs it: the trace patches what it imports.

    Then a mixture in 4 bits, whose experts transformers 5 leaves in 16: the closed form knows.
    """
    mixture = TINY | {
        "model_type": "qwen3_moe",
        "moe_intermediate_size": 512,
        "num_experts": 32,
        "num_experts_per_tok": 2,
        "num_key_value_heads": 4,
        "head_dim": 32,
    }
    (tiny / "mixture").mkdir()
    (tiny / "mixture" / "config.json").write_text(json.dumps(mixture))
    common = ["--tokens", "128", "--exact", "--json", "--gpu"]
    code = (
        "import json, sys\n"
        "from advisor.cli import main\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    sys.argv = ['whichtune', *arguments]\n"
        "    try: main()\n"
        "    except SystemExit as end: print('exit', end.code, file=sys.stderr)\n"
    )
    commands = [
        ["memory", str(tiny), "--approach", "lora", *common, "24"],
        ["memory", str(tiny / "mixture"), "--approach", "qlora", *common, "0.1GiB"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    plain, end = json.JSONDecoder().raw_decode(done.stdout)
    estimate = plain["peak"]["estimate"]
    assert plain["exact"] is True
    assert plain["searched"] is True
    assert estimate["confidence"] == "traced"
    assert plain["closed_form_allocated_bytes"] == pytest.approx(
        estimate["allocated_bytes"], rel=0.1
    )
    mixed = json.loads(done.stdout[end:])
    # at this size the copies of the experts are counted generously; never too few
    traced = mixed["peak"]["estimate"]["allocated_bytes"]
    assert 0.95 * traced < mixed["closed_form_allocated_bytes"] < 1.5 * traced
    assert any("experts stay in 16 bits" in note for note in mixed["notes"])
    assert "exit 3" in done.stderr
