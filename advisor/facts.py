"""Facts from three places, each value with its origin: answers, the data profile, the machine.

What a person says outweighs what the data shows, and that outweighs the machine: an answer may be
about the machine the model will be trained on, which need not be this one.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from advisor import questions
from rules.errors import FactError
from rules.facts import Facts
from runners.base import Frozen

Origin = Literal["answer", "data", "machine"]
_GPU = {"gpu_memory_gb", "n_gpus"}


class Known(Frozen):
    """One fact that is known, and from where."""

    value: Any
    origin: Origin
    how: str
    """Such as ``--set``, ``facts.yaml:3`` or ``770 rows in train.csv``."""


class Situation(Frozen):
    """Everything known about one case; what is missing is unknown."""

    known: dict[str, Known] = {}

    @property
    def facts(self) -> Facts:
        """The row that the rules look at."""
        return Facts(**{name: item.value for name, item in self.known.items()})

    def answered(self, fact: str, value: Any, how: str = "your answer") -> "Situation":  # noqa: ANN401
        """The same situation with one more answer; ``None`` takes an answer back."""
        known = {name: item for name, item in self.known.items() if name != fact}
        if value is not None:
            checked = questions.check(fact, value, how)
            known[fact] = Known(value=checked, origin="answer", how=how)
        return Situation(known=known)


def gather(
    answers: Mapping[str, tuple[Any, str]],
    data: Mapping[str, tuple[Any, str]] | None = None,
    machine: Mapping[str, tuple[Any, str]] | None = None,
) -> Situation:
    """Merge the three origins; each maps a fact to its value and how it is known."""
    known: dict[str, Known] = {}
    told = {**_other_gpu(answers), **answers}
    here = {} if _GPU & told.keys() else machine or {}
    origins: tuple[tuple[Origin, Mapping[str, tuple[Any, str]]], ...] = (
        ("machine", here),
        ("data", data or {}),
        ("answer", told),
    )
    for origin, values in origins:
        for fact, (value, how) in values.items():
            known.pop(fact, None)
            if value is not None:
                known[fact] = Known(value=value, origin=origin, how=how)
    return Situation(known=known)


def _other_gpu(answers: Mapping[str, tuple[Any, str]]) -> dict[str, tuple[Any, str]]:
    """What the memory of a GPU says of their number, and the other way round.

    Whoever names either speaks of a machine of their choice, which need not be this one: half of
    this machine's GPUs beside half of that one's would be a machine that nobody has.
    """
    memory, count = (answers.get(name, (None, ""))[0] for name in ("gpu_memory_gb", "n_gpus"))
    if memory is not None and count is None:
        return {"n_gpus": (min(1, math.ceil(memory)), "one, unless you set n_gpus")}
    if count == 0 and memory is None:
        return {"gpu_memory_gb": (0.0, "follows from n_gpus")}
    return {}


def read_file(path: Path) -> dict[str, tuple[Any, str]]:
    """Read ``facts.yaml`` (or JSON): one fact a line.

    Raises:
        FactError: No such file, not a mapping, an unknown fact or an impossible value.
    """
    try:
        text = path.read_text("utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values: object = yaml.safe_load(text) or {}
    except FileNotFoundError as error:
        fix = "write one with: whichtune ask --save facts.yaml"
        raise FactError("no such file", where=str(path), fix=fix) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or "not text in UTF-8"
        fix = "write one fact a line, such as `task: classification`"
        raise FactError(f"not YAML: {problem}", where=where, fix=fix) from error
    except OSError as error:
        raise FactError(
            error.strerror or "cannot be read", where=str(path), fix="name a facts.yaml file"
        ) from error
    if not isinstance(values, dict):
        fix = "write one fact a line, such as `task: classification`"
        raise FactError("not a list of facts", where=str(path), fix=fix)
    return _checked(cast("dict[object, object]", values), _lines(node), path)


def _lines(node: yaml.Node | None) -> dict[str, int]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    keys: list[Any] = [key for key, _ in cast("list[tuple[Any, Any]]", node.value)]
    return {str(key.value): int(key.start_mark.line) + 1 for key in keys}


def _checked(
    values: Mapping[object, object], lines: Mapping[str, int], path: Path
) -> dict[str, tuple[Any, str]]:
    answers: dict[str, tuple[Any, str]] = {}
    for key, value in values.items():
        fact, where = str(key), f"{path}:{lines.get(str(key), 1)}"
        if value is None or isinstance(value, str):
            answers[fact] = (questions.parse(fact, value or "", where), where)
        else:
            questions.parse(fact, "", where)  # refuses an unknown fact
            answers[fact] = (questions.check(fact, value, where), where)
    return answers


def read_settings(pairs: list[str], flag: str = "--set") -> dict[str, tuple[Any, str]]:
    """Read ``fact=value`` pairs from the command line.

    Raises:
        FactError: A pair without ``=``, an unknown fact or an impossible value.
    """
    answers: dict[str, tuple[Any, str]] = {}
    for pair in pairs:
        fact, sign, text = pair.partition("=")
        if not sign:
            fix = f"write {flag} {fact}=VALUE"
            raise FactError(f"{pair!r} has no '='", where=flag, fix=fix)
        answers[fact.strip()] = (questions.parse(fact.strip(), text, flag), f"{flag} {pair}")
    return answers


def write_file(situation: Situation, path: Path) -> None:
    """Write the answers as ``facts.yaml``; what the data or the machine showed is left out."""
    answers = {
        name: item.value for name, item in situation.known.items() if item.origin == "answer"
    }
    path.write_text(yaml.safe_dump(answers, sort_keys=False, allow_unicode=True), "utf-8")
