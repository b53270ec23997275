"""The dated tables: open base models, graphics cards, providers that tune, and prices.

They stand beside this file as YAML and are read once. Every entry has a source and the day it was
checked; what nobody knows is ``null``. A broken entry fails with its file, its line, and the
nearest word that would be right, as the rule files do.
"""

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import Field, ValidationError

from rules import placed_yaml
from rules.entries import Frozen, Gpu, Model, Price, Provider, Shape, Stack
from rules.errors import RuleError
from rules.placed_yaml import Lines

FOLDER = Path(__file__).parent


class _Models(Frozen):
    models: tuple[Model, ...] = Field(min_length=1)


class _Gpus(Frozen):
    gpus: tuple[Gpu, ...] = Field(min_length=1)


class _Providers(Frozen):
    providers: tuple[Provider, ...] = Field(min_length=1)


class _Prices(Frozen):
    prices: tuple[Price, ...] = Field(min_length=1)


class _Stacks(Frozen):
    stacks: tuple[Stack, ...] = Field(min_length=1)


_Table = TypeVar("_Table", _Models, _Gpus, _Prices, _Providers, _Stacks)
_ENTRIES: dict[str, type[Frozen]] = {
    "models": Model,
    "gpus": Gpu,
    "prices": Price,
    "providers": Provider,
    "stacks": Stack,
}


@cache
def models(folder: Path = FOLDER) -> tuple[Model, ...]:
    """Every base model, smallest first.

    Raises:
        RuleError: The table cannot be read, or an entry is not valid.
    """
    found = _load(_Models, folder / "models.yaml").models
    return tuple(sorted(found, key=lambda model: (model.parameters_b, model.id)))


@cache
def gpus(folder: Path = FOLDER) -> tuple[Gpu, ...]:
    """Every graphics card, smallest memory first.

    Raises:
        RuleError: The table cannot be read, or an entry is not valid.
    """
    found = _load(_Gpus, folder / "gpus.yaml").gpus
    return tuple(sorted(found, key=lambda gpu: (gpu.memory_gb, gpu.name)))


@cache
def prices(folder: Path = FOLDER) -> tuple[Price, ...]:
    """What providers ask for tokens.

    Raises:
        RuleError: The table cannot be read, or an entry is not valid.
    """
    return _load(_Prices, folder / "prices.yaml").prices


@cache
def providers(folder: Path = FOLDER) -> tuple[Provider, ...]:
    """Every provider that tunes, or did.

    Raises:
        RuleError: The table cannot be read, or an entry is not valid.
    """
    return _load(_Providers, folder / "providers.yaml").providers


@cache
def stacks(folder: Path = FOLDER) -> tuple[Stack, ...]:
    """Every software stack whose memory is known.

    Raises:
        RuleError: The table cannot be read, or an entry is not valid.
    """
    return _load(_Stacks, folder / "stacks.yaml").stacks


def find_model(name: str, where: str = "base_model") -> Model:
    """The entry of a hub id.

    Raises:
        RuleError: The table does not have it; the nearest id is named.
    """
    known = {model.id: model for model in models()}
    if name not in known:
        short = {model.id.partition("/")[2].lower(): model.id for model in models()}
        near = get_close_matches(name.rpartition("/")[2].lower(), short, n=1)
        fix = f"did you mean {short[near[0]]!r}?" if near else "rules/models.yaml lists them all"
        raise RuleError(f"no entry for the model {name!r}", where=where, fix=fix)
    return known[name]


def _load(kind: type[_Table], path: Path) -> _Table:
    values, lines = _parsed(path)
    try:
        table = kind.model_validate(values)
    except ValidationError as error:
        raise _explained(error, path, lines) from error
    (key,) = kind.model_fields
    seen: dict[str, int] = {}
    for number, entry in enumerate(getattr(table, key)):
        name, line = getattr(entry, "id", None) or entry.name, lines.get((key, number), 1)
        if name in seen:
            what = f"{name!r} twice, first on line {seen[name]}"
            raise RuleError(what, where=f"{path}:{line}", fix="remove one")
        seen[name] = line
    return table


def _parsed(path: Path) -> tuple[Any, Lines]:
    try:
        return placed_yaml.parse(path)
    except OSError as error:
        what = error.strerror or "cannot be read"
        raise RuleError(what, where=str(path), fix="reinstall whichtune") from error


def _explained(error: ValidationError, path: Path, lines: Lines) -> RuleError:
    """The first complaint, with its place; a misspelt key before the key that it then lacks."""
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    place = first["loc"]
    ends = range(len(place), 0, -1)
    line = next((lines[place[:end]] for end in ends if place[:end] in lines), 1)
    last = str(place[-1]) if place else path.name
    what, fix = f"{last}: {first['msg']}", f"the other entries of {path.name} show the form"
    if first["type"] == "extra_forbidden":
        kind = Shape if "shape" in place[:-1] else _ENTRIES.get(str(place[0]), Frozen)
        known = list(kind.model_fields) if len(place) > 1 else list(_ENTRIES)
        what, fix = f"unknown key {last!r}", _nearest(last, known)
    elif first["type"] == "missing":
        what, fix = f"{last!r} is missing", f"add '{last}: …', or null where nobody knows"
    elif first["type"] == "literal_error":
        entry = _ENTRIES[str(place[0])]
        options = _options(entry.model_fields[str(place[2])].annotation)
        what, fix = f"{last} cannot be {first['input']!r}", _nearest(str(first["input"]), options)
    return RuleError(what, where=f"{path}:{line}", fix=fix)


def _options(annotation: Any) -> list[str]:  # noqa: ANN401 - a type
    parts = get_args(annotation)
    inner = [option for part in parts for option in _options(part)]
    return inner or [part for part in parts if isinstance(part, str)]


def _nearest(word: str, known: list[str]) -> str:
    near = get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)}"
