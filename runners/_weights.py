"""Files of weights, looked at before anything opens them: are there all of them, and whole?

A safetensors file says in its first bytes how long it is, so that one whose download was cut short
is found in a moment, without a library and without reading it. Files of other kinds are refused:
a pickle runs whatever code its writer put there.
"""

import json
from pathlib import Path
from typing import Any

from rules.errors import UserError

PATTERNS = ("*.safetensors", "*/*.safetensors")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*/*.bin")
_INDEX = "model.safetensors.index.json"
_LFS = b"version https://git-lfs"
_MOST_HEADER_BYTES = 100_000_000
"""As the library has it."""


def check(path: Path, base_model: str) -> None:
    """Refuse a model without safe weights, or with files that are damaged or missing.

    Raises:
        UserError: There are no safetensors, or they are not whole.
    """
    files = sorted(file for pattern in PATTERNS for file in path.glob(pattern))
    if not files:
        raise _none(path, base_model)
    for file in files:
        if wrong := fault(file):
            what = f"{file.relative_to(path)} {wrong}"
            fix = "fetch this file again, or name another copy of the model"
            if "Git LFS" in wrong:
                fix = f"fetch it: git -C {path} lfs pull"
            raise UserError(what, where=base_model, fix=fix)
    if missing := _missing(path / _INDEX):
        what = f"{len(missing):,} files of weights are missing, such as {missing[0]}"
        raise UserError(what, where=base_model, fix="fetch the missing files of the model")


def _none(path: Path, base_model: str) -> UserError:
    pickled = sorted(file.name for pattern in _PICKLES for file in path.glob(pattern))
    what = "no safetensors in this model"
    if pickled:
        what += f": {pickled[0]} is a pickle, which can run code of others when it is opened"
    fix = "name a copy of the model whose weights are *.safetensors, or convert them: "
    fix += "https://huggingface.co/docs/safetensors/convert-weights"
    return UserError(what, where=base_model, fix=fix)


def fault(file: Path) -> str:
    """What is wrong with a file, as the rest of a sentence; nothing, where it is whole."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if _LFS.startswith(start) and start:
            return "holds no weights: it is a pointer of Git LFS to them"
        if len(start) < 8 or not 0 < length <= min(size - 8, _MOST_HEADER_BYTES):
            return f"is damaged: its {size:,} bytes are no safetensors file"
        header = stream.read(length)
    try:
        wanted = 8 + length + _bytes_of(json.loads(header))
    except (ValueError, TypeError, KeyError, AttributeError):
        return "is damaged: its first bytes are no list of weights"
    if size != wanted:
        return f"is damaged: it has {size:,} of {wanted:,} bytes"
    return ""


def _bytes_of(header: dict[str, Any]) -> int:
    ends = [about["data_offsets"][1] for name, about in header.items() if name != "__metadata__"]
    return int(max(ends, default=0))


def _missing(index: Path) -> list[str]:
    """Files that a model in several parts names and has not."""
    try:
        parts = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return []  # there is one part only, or transformers says what is wrong with the list
    return sorted(name for name in parts if not (index.parent / name).is_file())
