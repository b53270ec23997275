"""Tokenizers by name, without the weights they belong to."""

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rules.errors import UserError
from runners import _models

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerBase

BUNDLED = "bundled"
"""The name under which the shipped tokenizer is chosen."""
FOLDER = Path(__file__).parent / "bundled"
_FILES = ("*token*", "*.jinja", "vocab*", "merges.txt", "config.json", "generation_config.json")
"""What a tokenizer is made of; a model's weights stay where they are."""


def open_tokenizer(base_model: str = BUNDLED) -> "PreTrainedTokenizerBase":
    """Open the tokenizer of a base model: ``bundled``, a folder or a hub id.

    Raises:
        UserError: It is not there, or it cannot say which text a token stands for.
        MissingExtraError: transformers is not installed.
    """
    _models.require("transformers", "tokenizers", "jinja2", approach="--base")
    folder = _folder(base_model)
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        fix = f"name a folder with a tokenizer.json, a hub id, or {BUNDLED}"
        raise UserError(f"no tokenizer: {reason}", where=base_model, fix=fix) from error
    _models.require_words(tokenizer, base_model)
    if not tokenizer.is_fast:
        fix = (
            "convert it to tokenizer.json: AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        )
        what = "this tokenizer cannot say which characters a token stands for"
        raise UserError(what, where=base_model, fix=fix)
    return tokenizer


def tokenizer_file(base_model: str) -> "Tokenizer":
    """The tokenizer alone, by the library beneath transformers, which opens in a tenth of the time.

    Raises:
        UserError: It is not there.
        MissingExtraError: The library is not installed.
    """
    _models.require("tokenizers", approach="--base")
    path = _folder(base_model) / "tokenizer.json"
    if not path.is_file():
        fix = f"name a folder with a tokenizer.json, a hub id, or {BUNDLED}"
        raise UserError("no tokenizer.json", where=base_model, fix=fix)
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))


def _folder(base_model: str) -> Path:
    if base_model == BUNDLED:
        return FOLDER
    path = Path(base_model).expanduser()
    if path.is_dir():
        return path
    packaged = _models.packaged()
    default = (_models.DEFAULT_ENCODER, _models.DEFAULT_ENCODER.partition("/")[2])
    if base_model in default and packaged:
        return packaged
    if base_model.startswith((".", "/", "~")) or base_model.count("/") != 1:
        fix = f"name a folder with a tokenizer.json, a hub id such as org/name, or {BUNDLED}"
        raise UserError(f"no tokenizer {base_model!r}", where="--base", fix=fix)
    return _from_hub(base_model)


def _from_hub(base_model: str) -> Path:
    _models.require("huggingface_hub", approach="--base")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(base_model, allow_patterns=list(_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        what = f"{base_model!r} is not on this machine and the hub did not give it: {reason}"
        fix = f"go online, name a folder with a tokenizer.json, or use {BUNDLED}"
        raise UserError(what, where="--base", fix=fix) from error


@lru_cache(maxsize=8)
def end_ids(tokenizer: "PreTrainedTokenizerBase") -> frozenset[int]:
    """Ids at which generation stops: the tokenizer's own, and those of its generation config.

    Some models close a turn with another token than a document (Gemma, Llama 3), and say so there.
    """
    first = tokenizer.eos_token_id
    found = {first} if isinstance(first, int) else set[int]()
    path = Path(str(tokenizer.name_or_path)) / "generation_config.json"
    if path.is_file():
        try:
            more = json.loads(path.read_text("utf-8")).get("eos_token_id") or []
        except (ValueError, AttributeError):
            more = []
        found |= set(more if isinstance(more, list) else [more])
    return frozenset(found)
