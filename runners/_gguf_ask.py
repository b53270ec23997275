"""Asks a GGUF file with llama.cpp, as the run was asked. Run as a process of its own.

``python -m runners._gguf_ask asked.json`` writes ``asked.said`` beside it. Prompts are text, which
llama.cpp turns into tokens by itself, as it will at use.
"""

import json
import sys
from pathlib import Path
from typing import Any

from runners._parity import Said


def _main(path: Path) -> None:
    from llama_cpp import Llama  # type: ignore[import-not-found]

    asked = json.loads(path.read_text("utf-8"))
    model: Any = Llama(model_path=asked["folder"], n_ctx=asked["window"], verbose=False)
    answers: list[str] = []
    scores: list[tuple[float, ...]] = []
    tokens: list[tuple[int, ...]] = []
    for prompt in asked["prompts"]:
        ids = model.tokenize(prompt.encode(), add_bos=False, special=True)
        answer, first = _answer(model, ids, asked["room"], frozenset(asked["ends"]))
        answers.append(answer)
        scores.append(first)
        tokens.append(tuple(ids))
    said = Said(answers=tuple(answers), scores=tuple(scores), tokens=tuple(tokens))
    path.with_suffix(".said").write_text(said.model_dump_json(), "utf-8")


def _answer(
    model: Any,  # noqa: ANN401 - it has no types where it is not installed
    ids: list[int],
    room: int,
    ends: frozenset[int],
) -> tuple[str, tuple[float, ...]]:
    """A greedy answer, and the scores of its first token."""
    first: list[tuple[float, ...]] = []

    def note(_: Any, scores: Any) -> Any:  # noqa: ANN401
        if not first:
            first.append(tuple(map(float, scores)))
        return scores

    said: list[int] = []
    model.reset()
    for token in model.generate(ids, temp=0.0, repeat_penalty=1.0, logits_processor=[note]):
        if token in ends or len(said) >= room:
            break
        said.append(token)
    text = model.detokenize(said).decode("utf-8", errors="replace")
    return text.strip(), first[0]


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
