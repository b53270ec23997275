"""Whether a merged model says what its adapter says: same prompts, greedy, a fresh process."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rules.errors import RunError
from runners import _causal_lm, _generation, _quiet
from runners.base import Frozen, Row

PROMPTS = 20


class Parity(Frozen):
    """What the comparison found."""

    prompts: int
    equal: int
    """Answers that are the same to the letter."""
    largest_difference: float
    """Of the scores of the first token of an answer."""


class Said(Frozen):
    """Answers of one model, with the scores of their first tokens."""

    answers: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]


def ask(writer: _generation.Writer, rows: Sequence[Row]) -> Said:
    """Answer some rows, and note what the model thought of every first token."""
    import torch

    scores: list[tuple[float, ...]] = []
    with torch.inference_mode():
        for row in rows:
            ids = torch.tensor([writer.fitting(row, [])], device=writer.model.device)
            last: Any = writer.model(ids).logits[0, -1]
            scores.append(tuple(last.float().tolist()))
    answers = tuple(str(item.prediction) for item in writer.predict(rows))
    return Said(answers=answers, scores=tuple(scores))


def compare(said: Said, rows: Sequence[Row], folder: Path, room: int) -> Parity:
    """Open the merged folder in a fresh process, ask it the same, and hold it to what was said.

    Raises:
        RunError: The folder cannot be opened.
    """
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "asked.json"
        asked = {"rows": [row.model_dump(mode="json", exclude_defaults=True) for row in rows]}
        path.write_text(json.dumps({**asked, "room": room, "folder": str(folder)}), "utf-8")
        command = [sys.executable, "-m", "runners._parity", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            fix = "export it again, into an empty folder"
            raise RunError(f"the merged model cannot be asked: {last}", where=str(folder), fix=fix)
        other = Said.model_validate_json(path.with_suffix(".said").read_text("utf-8"))
    pairs = zip(said.scores, other.scores, strict=True)
    gaps = [abs(a - b) for one, two in pairs for a, b in zip(one, two, strict=True)]
    same = sum(a == b for a, b in zip(said.answers, other.answers, strict=True))
    return Parity(prompts=len(rows), equal=same, largest_difference=max(gaps, default=0.0))


def _main(path: Path) -> None:
    _quiet.settle()
    asked = json.loads(path.read_text("utf-8"))
    model, tokenizer = _causal_lm.open_model(asked["folder"])
    writer = _generation.Writer(model.float(), tokenizer, asked["room"])
    said = ask(writer, [Row.model_validate(row) for row in asked["rows"]])
    path.with_suffix(".said").write_text(said.model_dump_json(), "utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
