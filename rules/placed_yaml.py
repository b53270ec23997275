"""YAML with the line of every key and item: both from one parse, since parsing is what takes long.

A key that stands twice in a mapping is refused; YAML would silently keep the last.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rules.errors import RuleError

Place = tuple[str | int, ...]
"""Keys and positions from the top of a file down to a value."""
Lines = dict[Place, int]

# The C parser is about seven times faster and reads the same language.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(path: Path) -> tuple[Any, Lines]:
    """The values of a file, and their lines.

    Raises:
        RuleError: Not YAML, not text, or a key twice; with file and line.
        OSError: The file cannot be read.
    """
    try:
        loader = _Loader(path.read_bytes())
        node = loader.get_single_node()
        lines: Lines = {}
        for place, line in _lines((), node):
            if place in lines:
                where, fix = f"{path}:{line}", f"remove one; the first is on line {lines[place]}"
                raise RuleError(f"key {place[-1]!r} twice", where=where, fix=fix)
            lines[place] = line
        return loader.construct_document(node) if node else None, lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        fix = "check the indents and the quotes near that line"
        raise RuleError(f"not YAML: {error.problem}", where=f"{path}:{line}", fix=fix) from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-02-30
        raise RuleError(f"not YAML: {error}", where=f"{path}:1", fix="save it as UTF-8") from error


def _lines(place: Place, node: object) -> Iterator[tuple[Place, int]]:
    items: list[tuple[str | int, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        items = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        items = [(number, value, value) for number, value in enumerate(node.value)]
    for name, mark, value in items:
        yield (*place, name), mark.start_mark.line + 1
        yield from _lines((*place, name), value)
