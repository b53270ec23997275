"""Which model is meant: a row of our table, a ``config.json`` on this machine, or one on the hub.

Only the configuration is ever read, a few kilobytes: memory is known before a weight is fetched.
"""

import json
import os
import socket
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from rules import model_config, model_reader, tables
from rules.entries import Model
from rules.errors import MissingExtraError, UserError
from rules.model_shape import ModelShape

WHERE = "model"
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A model, as far as its configuration tells."""

    config: dict[str, Any]
    """What transformers would build it from."""
    shape: ModelShape
    origin: str
    """Where that comes from, in words."""
    notes: tuple[str, ...] = ()
    """What was assumed or left out."""


def find(model: str, *, exact: bool = False) -> ModelSource:
    """The model that a name or a path means.

    Args:
        model: An id of ``rules/models.yaml``, or its part behind the slash; a folder or a
            ``config.json``; or an id of the hub.
        exact: Whether it will be traced: then an architecture without a closed form will do.

    Raises:
        UserError: There is no such thing, it cannot be reached, or it does not say enough.
    """
    row = _row(model)
    if row is not None:
        return _from_row(row)
    path = Path(model).expanduser()
    if path.exists() or model.startswith((".", "/", "~")) or model.endswith(".json"):
        file = path / "config.json" if path.is_dir() else path
        return _from_file(file, str(file), f"read from {file}", exact=exact)
    if model.count("/") != 1:
        raise UserError(f"no model {model!r}", where=WHERE, fix=_nearest(model))
    file, how = _from_hub(model)
    return _from_file(file, model, how, exact=exact)


def _row(model: str) -> Model | None:
    rows = tables.models()
    exact = [row for row in rows if row.id == model]
    short = [row for row in rows if row.id.partition("/")[2].lower() == model.lower()]
    return next(iter((*exact, *short)), None)


def _from_row(row: Model) -> ModelSource:
    found = model_config.read_row(row)
    origin = f"the row {row.id} of rules/models.yaml, checked {row.checked}"
    notes = (*found.notes, *((row.note,) if row.note else ()))
    return ModelSource(model_config.row_config(row), found.shape, origin, notes)


def _from_file(file: Path, name: str, origin: str, *, exact: bool) -> ModelSource:
    config = _parsed(file)
    found = model_reader.outline(config, name) if exact else model_reader.read(config, name)
    return ModelSource(config, found.shape, origin, found.notes)


def _parsed(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        fix = "name a folder with a config.json, a row of rules/models.yaml, or org/name on the hub"
        raise UserError(f"no file {str(file)!r}", where=WHERE, fix=fix) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        fix = "give the config.json that came with the model"
        raise UserError(f"not JSON: {error}", where=f"{file}{line}", fix=fix) from error
    if not isinstance(content, dict):
        fix = "give the config.json that came with the model"
        raise UserError("not a JSON object", where=str(file), fix=fix)
    return cast("dict[str, Any]", content)


def _nearest(model: str) -> str:
    if near := _near(model):
        return f"did you mean {near}?"
    return "rules/models.yaml lists those known; else give a path to a config.json, or org/name"


def _like(model: str) -> str:
    near = _near(model)
    return f", such as {near}" if near else ""


def _near(model: str) -> str:
    short = {row.id.partition("/")[2].lower(): row.id for row in tables.models()}
    near = get_close_matches(model.rpartition("/")[2].lower(), short, n=2)
    return " or ".join(short[name] for name in near)


def _from_hub(model: str) -> tuple[Path, str]:
    """Where the config lies after it was fetched, and how it came there; the cache comes first."""
    try:
        from huggingface_hub import (
            constants,
            hf_hub_download,  # pyright: ignore[reportUnknownVariableType]
        )
        from huggingface_hub import errors as hub
    except ModuleNotFoundError as error:
        what = "huggingface_hub is not installed, and it is what fetches from the hub"
        fix = f"pip install 'whichtune[run]', or give a path to a config.json{_like(model)}"
        raise MissingExtraError(what, where=f"{WHERE} {model}", fix=fix) from error
    try:
        cached = hf_hub_download(model, "config.json", local_files_only=True)
        return Path(cached), f"config.json of {model}, from the hub's cache on this machine"
    except hub.HFValidationError as error:
        raise UserError(f"no model {model!r}", where=WHERE, fix=_nearest(model)) from error
    except hub.LocalEntryNotFoundError:
        pass
    if constants.HF_HUB_OFFLINE:
        raise _unreachable(model, "HF_HUB_OFFLINE is set, and its config is not in the cache")
    _greet(model, constants.ENDPOINT)
    try:
        fetched = hf_hub_download(model, "config.json")
    except (hub.GatedRepoError, hub.RepositoryNotFoundError) as error:
        why = "does not exist, or is not open to everybody"
        fix = "check the name; where its terms are accepted, log in: hf auth login"
        raise UserError(f"{model!r} {why}", where=constants.ENDPOINT, fix=fix) from error
    except (hub.EntryNotFoundError, hub.HfHubHTTPError, OSError) as error:
        raise _unreachable(model, str(error).strip().partition("\n")[0]) from error
    return Path(fetched), f"config.json of {model}, fetched from {constants.ENDPOINT}"


def _greet(model: str, endpoint: str) -> None:
    """Knock before the client does: it tries five times, which takes half a minute in vain."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        return  # behind a proxy only the proxy can tell
    place = urlsplit(endpoint)
    try:
        port = place.port or (443 if place.scheme == "https" else 80)
        socket.create_connection((place.hostname or "", port), _CONNECT_SECONDS).close()
    except OSError as error:
        raise _unreachable(model, f"{endpoint} cannot be reached: {error}") from error


def _unreachable(model: str, reason: str) -> UserError:
    what = f"the config of {model!r} is not on this machine, and the hub did not give it: {reason}"
    fix = f"give a path to its config.json, or a row of rules/models.yaml{_like(model)}"
    return UserError(what, where=f"{WHERE} {model}", fix=fix)
