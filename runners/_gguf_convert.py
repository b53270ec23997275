"""llama.cpp's converter, told of tokenizers it has no name for. Run as a process of its own.

``python -m runners._gguf_convert SCRIPT ARGUMENTS…``

The converter knows tokenizers by a hash over the tokens of one text, so that each new vocabulary is
unknown to it, however it splits words. How it splits is what llama.cpp has to be told, and that
stands in ``tokenizer.json``: where llama.cpp knows the way, its name for that way is given. Nothing
is guessed: any other way is refused, as the converter does by itself.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from runners import _quiet

_BYTES = {"type": "ByteLevel", "use_regex": True, "add_prefix_space": False}
_DIGITS = {"type": "Digits", "individual_digits": True}
WAYS: tuple[tuple[tuple[dict[str, Any], ...], str], ...] = (
    ((_BYTES,), "gpt-2"),
    ((_DIGITS, _BYTES), "smollm"),
)
"""Ways to split words, by what stands in ``tokenizer.json``, and llama.cpp's names of them
(``llama-vocab.cpp``: the expressions are the same)."""


def way_of(folder: Path) -> str | None:
    """llama.cpp's name of the way in which a tokenizer splits words, where it has one."""
    try:
        found = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if found.get("normalizer") or found.get("model", {}).get("type") != "BPE":
        return None
    first = found.get("pre_tokenizer") or {}
    parts = first.get("pretokenizers", [first])
    for way, name in WAYS:
        if len(way) == len(parts) and all(map(_is_like, parts, way)):
            return name
    return None


def _is_like(part: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return {key: part.get(key) for key in wanted} == wanted


def _teach(script: Any, folder: Path) -> None:  # noqa: ANN401 - a module of llama.cpp
    """Answer for the converter where its own table has no entry."""
    try:  # newer releases keep the models in a package beside the script
        holder = importlib.import_module("conversion.base")
    except ModuleNotFoundError:
        holder = script
    model: Any = getattr(holder, "TextModel", None) or getattr(holder, "Model", None)
    own = getattr(model, "get_vocab_base_pre", None)
    if own is None:
        return

    def named(self: Any, tokenizer: Any) -> str:  # noqa: ANN401
        try:
            return own(self, tokenizer)
        except NotImplementedError:
            way = way_of(folder)
            if way is None:
                raise
            return way

    model.get_vocab_base_pre = named


def _main(script: Path, arguments: list[str]) -> None:
    _quiet.settle()
    sys.path.insert(0, str(script.parent))
    module = importlib.import_module(script.stem)
    _teach(module, Path(arguments[0]))
    sys.argv = [str(script), *arguments]
    module.main()


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
