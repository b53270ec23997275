"""A mapping file: what a file's rows are and which column plays which role, written down once.

kind: preference
columns: {input: prompt, target: chosen, rejected: rejected}
encoding: cp1252    # these two only where they were given
part: sheet 2
"""

from pathlib import Path
from typing import Any, cast

import yaml

from advisor.columns import ColumnMapping, Columns
from rules.errors import DataError

_TEXTS = ("kind", "encoding", "part")


def save(mapping: ColumnMapping, path: Path, said: Columns = Columns()) -> None:  # noqa: B008
    """Write it down; a file that stands there already is left alone.

    Args:
        mapping: What the rows are.
        path: The file to write.
        said: What the user said, for encoding and part.

    Raises:
        DataError: There is a file of this name, or it cannot be written.
    """
    held: dict[str, object] = {"kind": mapping.kind, "columns": mapping.roles}
    held |= {key: value for key in _TEXTS if key != "kind" and (value := getattr(said, key))}
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"# {mapping.how}\n{yaml.safe_dump(held, sort_keys=False)}")
    except FileExistsError as error:
        fix = f"name another file, or delete it first: rm '{path}'"
        raise DataError("this file exists already", where=str(path), fix=fix) from error
    except OSError as error:
        fix = "name a file in a folder that exists and can be written to"
        raise DataError(f"cannot be written: {error.strerror}", where=str(path), fix=fix) from error


def columns(path: Path | None, said: Columns) -> Columns:
    """What the file says, and what was said by flags on top of it.

    Raises:
        DataError: There is no such file, or it says something else than a mapping.
    """
    if path is None:
        return said
    held = _read(path)
    roles, unknown = held.get("columns", {}), held.keys() - {"columns", *_TEXTS}
    texts = [held.get(key, "") for key in _TEXTS]
    if isinstance(roles, dict):
        texts += [part for item in cast("dict[Any, Any]", roles).items() for part in item]
    if unknown or not isinstance(roles, dict) or not all(isinstance(t, str) for t in texts):
        what = f"no mapping: {f'unknown key {min(unknown)!r}' if unknown else 'wrong form'}"
        fix = "write two keys: kind: NAME and columns: {ROLE: COLUMN}; or whichtune profile DATA "
        raise DataError(what, where=str(path), fix=fix + "--save-mapping FILE")
    given = cast("dict[str, str]", roles) | said.given()
    flags = {role: given.pop(role, None) for role in ("input", "target", "id")}
    rest = {key: getattr(said, key) or held.get(key) for key in _TEXTS}
    return Columns(**flags, **rest, roles=given)


def _read(path: Path) -> dict[str, Any]:
    try:
        held = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        fix = "write one with: whichtune profile DATA --save-mapping FILE"
        reason = getattr(error, "problem", None) or getattr(error, "strerror", None) or "not text"
        raise DataError(f"cannot be read as a mapping: {reason}", where=where, fix=fix) from error
    return cast("dict[str, Any]", held) if isinstance(held, dict) else {"": held}
