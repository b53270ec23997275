"""A run is taken away by the command: whole, checked in a fresh process, or not at all."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A folder of runs with one of LoRA on the bundled model, done."""
    folder = tmp_path_factory.mktemp("tuned")
    rows = [
        json.dumps({"instruction": f"Is number {n} done?", "output": "It is done."})
        for n in range(60)
    ]
    (folder / "train.jsonl").write_text("\n".join(rows[:48]))
    (folder / "evaluation.jsonl").write_text("\n".join(rows[48:]))
    command = [sys.executable, "-c", "from advisor.cli import main; main()", "run", "--json"]
    command += ["--data", str(folder / "train.jsonl"), "--runs", str(folder / "runs")]
    command += ["--evaluation", str(folder / "evaluation.jsonl"), "--approach", "lora"]
    command += ["--setting", "epochs=4", "--setting", "learning_rate=0.005"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return folder / "runs"


def test_a_merged_model_is_written_and_says_the_same(tuned, whichtune, tmp_path):
    from transformers import AutoModelForCausalLM

    out = tmp_path / "model"
    code, said, _ = whichtune(
        *("export", "lora-0001", "--to", "merged", "--json"), "--out", out, "--runs", tuned
    )
    assert code == 0
    told = json.loads(said)["exported"]
    assert (told["parity"]["equal"], told["parity"]["same_tokens"]) == (12, 12)
    assert told["parity"]["largest_difference"] < 1e-3
    assert "same answers in a fresh process: 12 of 12" in (out / "README.md").read_text()
    model = AutoModelForCausalLM.from_pretrained(out)
    assert not [name for name, _ in model.named_parameters() if "lora" in name]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_adapter_is_opened_by_peft_and_a_taken_folder_is_refused(tuned, whichtune, tmp_path):
    from peft import PeftConfig

    out = tmp_path / "adapter"
    code, _, _ = whichtune("export", "lora-0001", "--out", out, "--runs", tuned)
    assert code == 0
    config = PeftConfig.from_pretrained(str(out))
    assert (config.peft_type, config.base_model_name_or_path) == ("LORA", "bundled")
    code, _, error = whichtune("export", "lora-0001", "--out", out, "--runs", tuned)
    assert code == 2
    assert "there is something of this name already" in error
    assert "--out FOLDER" in error


def test_the_card_names_data_scores_and_settings_and_no_folder_of_this_machine(
    tuned, whichtune, tmp_path
):
    from huggingface_hub import ModelCard

    out = tmp_path / "adapter"
    assert whichtune("export", "lora-0001", "--out", out, "--runs", tuned)[0] == 0
    card = ModelCard.load(out / "README.md")
    assert card.data.to_dict()["library_name"] == "peft"
    assert card.data.to_dict()["base_model"] == "bundled"
    for said in ("train.jsonl", "| epochs | 4 | chosen by hand |", "| chrF |", "untouched"):
        assert said in card.text
    assert "(" in card.text.partition("| chrF |")[2].splitlines()[0]
    assert str(tuned.parent) not in card.content
    assert not [word for word in card.text.split() if word.startswith(("/", "~/"))]


def test_without_the_converter_the_command_that_fetches_it_is_named(
    tuned, whichtune, tmp_path, monkeypatch
):
    monkeypatch.delenv("WHICHTUNE_LLAMA_CPP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    out = tmp_path / "gguf"
    order = ("export", "lora-0001", "--to", "gguf", "--runs", tuned, "--out", out)
    code, _, error = whichtune(*order)
    assert code == 2
    assert "git clone" in error
    assert "--llama-cpp" in error
    code, _, error = whichtune(*order, "--llama-cpp", tmp_path)
    assert code == 2
    assert f"no convert_hf_to_gguf.py in {tmp_path}" in error
    assert not out.exists()


def test_what_the_converter_refuses_is_said_in_its_own_words(tuned, whichtune, tmp_path):
    script = tmp_path / "convert_hf_to_gguf.py"
    script.write_text('def main():\n    raise NotImplementedError("BPE pre-tokenizer unknown")\n')
    order = ("export", "lora-0001", "--to", "gguf", "--runs", tuned, "--out", tmp_path / "gguf")
    code, _, error = whichtune(*order, "--llama-cpp", tmp_path)
    assert code == 2
    assert "NotImplementedError: BPE pre-tokenizer unknown" in error
    assert "--to merged" in error
    assert {path.name for path in tmp_path.iterdir()} <= {script.name, "__pycache__"}


def test_a_disk_that_is_full_leaves_nothing_behind(tuned, tmp_path):
    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [sys.executable, "-c", "from advisor.cli import main; main()", "export", "lora-0001"]
    command += ["--out", str(tmp_path / "adapter"), "--runs", str(tuned)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=100, preexec_fn=small
    )
    assert done.returncode == 2
    assert "it cannot be written: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_missing_or_not_finished_is_refused(tuned, whichtune, tmp_path):
    code, _, error = whichtune("export", "lora-0002", "--runs", tuned)
    assert code == 2
    assert "did you mean 'lora-0001'?" in error
    planned = tmp_path / "runs" / "lora-0001"
    planned.mkdir(parents=True)
    plan = (Path(tuned) / "lora-0001" / "plan.yaml").read_text()
    (planned / "plan.yaml").write_text(plan)
    code, _, error = whichtune("export", "lora-0001", "--runs", tmp_path / "runs")
    assert code == 2
    assert "lora-0001 is planned" in error
