"""A run is taken away by the command: whole, checked in a fresh process, or not at all."""

import json

import pytest

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """A folder of runs with one of LoRA on the bundled model, done."""
    import subprocess
    import sys

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
    command += ["--setting", "epochs=12", "--setting", "learning_rate=0.005"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return folder / "runs"


def test_a_merged_model_is_written_and_says_the_same(tuned, whichtune, tmp_path):
    from transformers import AutoModelForCausalLM

    out = tmp_path / "model"
    code, said, _ = whichtune(
        *("export", "lora-0001", "--to", "merged"), "--out", out, "--runs", tuned
    )
    assert code == 0
    assert "same answers in a fresh process: 12 of 12" in said
    model = AutoModelForCausalLM.from_pretrained(out)
    assert not [name for name, _ in model.named_parameters() if "lora" in name]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_the_adapter_is_opened_by_peft_and_a_taken_folder_is_refused(tuned, whichtune, tmp_path):
    from peft import PeftConfig

    out = tmp_path / "adapter"
    code, _, _ = whichtune("export", "lora-0001", "--out", out, "--runs", tuned)
    assert code == 0
    assert PeftConfig.from_pretrained(str(out)).peft_type == "LORA"
    code, _, error = whichtune("export", "lora-0001", "--out", out, "--runs", tuned)
    assert code == 2
    assert "there is something of this name already" in error
    assert "--out FOLDER" in error
