"""What a model card says in words: how a copy is opened, what stands beside it, what is unknown."""

from collections.abc import Sequence

from runners import _models

WHAT = {
    "peft": "This folder holds the adapter alone; it needs its base model.",
    "bottleneck": "This folder holds the adapters alone; they need their base model and whichtune.",
    "whole": "This folder holds the whole model.",
    "gguf": "This folder holds the whole model as one file for llama.cpp and Ollama.",
}
_BASELINES = {
    "untouched": "`untouched` is the base model as it was, asked the same",
    "longer": "`longer` takes the longer of two answers for the better one",
    "copied": "`copied` answers with the question itself",
    "majority": "`majority` gives the commonest answer to everything",
}
_BUNDLED = "BASE = 'FOLDER'  # of the base model: runners/bundled in whichtune\n"


def opening(kind: str, folder: str, base: str) -> str:
    """The lines that open a copy."""
    if kind == "gguf":
        return f"llama-cli -m {folder}/model.gguf --temp 0"
    if kind == "bottleneck":
        return (
            "from pathlib import Path\n"
            "from runners import _bottleneck, _causal_lm  # of whichtune\n"
            f"model, tokenizer = _causal_lm.open_model({base!r})\n"
            f"model = _bottleneck.put_on(model, Path({folder!r}))"
        )
    opened = "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
    if kind == "whole":
        return (
            f"{opened}model = AutoModelForCausalLM.from_pretrained({folder!r})\n"
            f"tokenizer = AutoTokenizer.from_pretrained({folder!r})"
        )
    first = _BUNDLED if base == _models.BUNDLED else f"BASE = {base!r}\n"
    return (
        f"from peft import PeftModel\n{opened}{first}"
        f"model = PeftModel.from_pretrained("
        f"AutoModelForCausalLM.from_pretrained(BASE), {folder!r})\n"
        "tokenizer = AutoTokenizer.from_pretrained(BASE)"
    )


def baselines(names: Sequence[str]) -> str:
    """What the columns beside the model are."""
    return "; ".join(_BASELINES.get(name, f"`{name}` is for comparison") for name in names) + "."


def made(approach: str, base: str, *, new: bool) -> str:
    """What it comes from."""
    if new:
        return f"A new model by **{approach}**, with no weights of another (`{base}`)"
    return f"`{base}`, adapted by **{approach}**"


def unknown(base: str, rows: int, warnings: Sequence[str]) -> list[str]:
    """What was not measured, and what was said while it was trained."""
    lines = [
        f"All numbers are of these {rows:,} rows: rows of another kind, another source or another "
        "language were not measured.",
        "Whether its answers are true, harmless or fair was not measured, nor how it does when "
        "someone tries to mislead it.",
        "Who may use the rows it learned from is not known here"
        + ("; what its base model learned from, and its licence, hold for it too" * bool(base))
        + ".",
        "It was trained once, from one seed: how much another seed would change is not known.",
    ]
    if base == _models.BUNDLED:
        lines.append(
            "Its base model knows English prose of 1700 to 1930, and says of people what those "
            "books say."
        )
    return [*lines, *(f"Said while it was trained: {warning}" for warning in warnings)]
