"""What is said of an exported model, on the screen and in its card."""

import shlex
from pathlib import Path

from runners import _verl
from runners._parity import Parity

_UNASKED = (
    "whether the GGUF file says the same was not measured: llama.cpp is not here as a Python "
    "package (pip install llama-cpp-python)"
)
_START = "what reinforcement starts from, what rewards it, the questions, and a configuration"
_PLACES = {"merged": "a fresh process", "gguf": "llama.cpp", "ollama": "llama.cpp"}


def told(
    to: str, parity: Parity | None, as_measured: Parity | None, rounding: str | None
) -> tuple[str, ...]:
    """How equal the answers are, a line for each comparison."""
    if to == "adapter":
        return ("the weights are byte for byte those that were measured",)
    if to == "verl":
        return (_START,)
    if parity is None:
        return (_UNASKED,)
    lines = [f"same answers in {_PLACES[to]}: {_shown(parity)}"]
    if as_measured:
        lines.append(
            f"against the run as it was measured, in {rounding}: {_shown(as_measured)}; what was "
            "measured holds for that, and nearly for this"
        )
    return tuple(lines)


def _shown(parity: Parity) -> str:
    text = f"{parity.equal} of {parity.prompts}"
    if parity.same_tokens < parity.prompts:
        text += f"; prompts of the same tokens: {parity.same_tokens}"
    if parity.largest_difference is None:
        return f"{text}; some scores are no numbers"
    return f"{text}; largest difference of a score {parity.largest_difference:.2g}"


def doubts(parity: Parity | None) -> tuple[str, ...]:
    """What there is to be warned of."""
    if parity is None or parity.holds:
        return ()
    if parity.largest_difference is None:
        return ("its scores are no numbers: this model is of no use",)
    differ = parity.prompts - parity.equal
    return (
        f"{differ} of {parity.prompts} answers are not what the run said: measure it again "
        "before you trust its scores",
    )


def following(to: str, folder: Path, name: str) -> str | None:
    """The command to go on with."""
    if to == "ollama":
        place = shlex.quote(str(folder / "Modelfile"))
        return f"ollama create {name} -f {place}"
    if to == "verl":
        return f"cd {shlex.quote(str(folder))} && {_verl.COMMAND}"
    if to == "gguf":
        return f"llama-cli -m {shlex.quote(str(folder / 'model.gguf'))} --temp 0"
    return None
