"""Whether an exported model says what the run said: same prompts, greedy, a fresh process."""

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from rules.errors import RunError
from runners import _causal_lm, _generation, _quiet
from runners._references import question
from runners.base import Frozen, Row

PROMPTS = 20


class Parity(Frozen):
    """What the comparison found."""

    prompts: int
    equal: int
    """Answers that are the same to the letter."""
    same_tokens: int
    """Prompts that are the same tokens on both sides."""
    largest_difference: float | None
    """Of the scores of the first token of an answer; ``None`` where one of them is no number."""

    @property
    def holds(self) -> bool:
        """Whether all is the same, and all scores are numbers."""
        return self.equal == self.prompts and self.largest_difference is not None


class Said(Frozen):
    """Answers of one model, with the tokens it was given and the scores of the first ones it gave.

    Scores that are no numbers are kept as such, so that they can be told.
    """

    model_config = ConfigDict(ser_json_inf_nan="constants")
    answers: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]
    tokens: tuple[tuple[int, ...], ...] = ()


def ask(writer: _generation.Writer, rows: Sequence[Row]) -> Said:
    """Answer some rows, and note what the model thought of every first token."""
    import torch

    prompts = [tuple(writer.fitting(question(row), [])) for row in rows]
    scores: list[tuple[float, ...]] = []
    with torch.inference_mode():
        for prompt in prompts:
            ids = torch.tensor([prompt], device=writer.model.device)
            last: Any = writer.model(ids).logits[0, -1]
            scores.append(tuple(last.float().tolist()))
    answers = tuple(str(item.prediction) for item in writer.predict(rows))
    return Said(answers=answers, scores=tuple(scores), tokens=tuple(prompts))


def ask_again(rows: Sequence[Row], folder: Path, room: int) -> Said:
    """Open an exported folder in a fresh process, and ask it the same.

    Raises:
        RunError: The folder cannot be opened.
    """
    listed = [row.model_dump(mode="json", exclude_defaults=True) for row in rows]
    return elsewhere("runners._parity", {"rows": listed, "room": room, "folder": str(folder)})


def elsewhere(module: str, asked: dict[str, Any]) -> Said:
    """What a model says in a process of its own, which runs the module; ``folder`` names it.

    Raises:
        RunError: The model cannot be opened.
    """
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "asked.json"
        path.write_text(json.dumps(asked), "utf-8")
        command = [sys.executable, "-m", module, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            fix = "export it again, into an empty folder"
            where = str(asked["folder"])
            raise RunError(f"the exported model cannot be asked: {last}", where=where, fix=fix)
        return Said.model_validate_json(path.with_suffix(".said").read_text("utf-8"))


def compare(one: Said, other: Said) -> Parity:
    """Hold one model to what the other said."""
    pairs = zip(one.scores, other.scores, strict=True)
    gaps = [abs(a - b) for ours, its in pairs for a, b in zip(ours, its, strict=True)]
    finite = all(map(math.isfinite, gaps))
    return Parity(
        prompts=len(one.answers),
        equal=sum(a == b for a, b in zip(one.answers, other.answers, strict=True)),
        same_tokens=sum(a == b for a, b in zip(one.tokens, other.tokens, strict=True)),
        largest_difference=max(gaps, default=0.0) if finite else None,
    )


def _main(path: Path) -> None:
    _quiet.settle()
    asked = json.loads(path.read_text("utf-8"))
    model, tokenizer = _causal_lm.open_model(asked["folder"])
    writer = _generation.Writer(model.float(), tokenizer, asked["room"])
    said = ask(writer, [Row.model_validate(row) for row in asked["rows"]])
    path.with_suffix(".said").write_text(said.model_dump_json(), "utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
