"""Reading the rule files: every word is checked here, so that a typo fails before any question.

A folder of a user's own (``--rules DIR``) holds files of the same form. One named after an approach
that exists amends it: a rule whose id exists there is replaced, any other is added. One with
another name is an approach of its own. A rule is replaced only within its own approach and only by
its own id, so overrides cannot form a cycle: the folder named last has the last word.
"""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from rules import placed_yaml
from rules.condition import parse
from rules.engine import FOLDER, Approach, Case, Frozen, Rule
from rules.errors import RuleError
from rules.facts import Facts
from rules.node import nearest
from rules.placed_yaml import Lines
from rules.sentence import parse_sentence

_GUIDE = "docs/rules.md shows a whole file"


class Amendment(Frozen):
    """Rules that are added to an approach, or take the place of its own."""

    name: str | None = None
    rules: tuple[Rule, ...] = Field(min_length=1)
    cases: tuple[Case, ...] = Field(min_length=1)
    """With these facts, exactly these of the file's own rules fire; every rule is in one."""


def read_folder(folder: Path) -> tuple[Approach, ...]:
    """Every approach of a folder that stands by itself, in the order of the ladder."""
    seen: dict[str | int, str] = {}
    approaches = [_read(path, seen) for path in sorted(folder.glob("*.yaml"))]
    return tuple(sorted(approaches, key=lambda approach: approach.rung))


def amended(approaches: tuple[Approach, ...], folder: Path) -> tuple[Approach, ...]:
    """The approaches with what a folder adds and replaces.

    Raises:
        RuleError: There is no such folder, it holds no rules, or one of its files is wrong.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        what = "no rule files (*.yaml)" if folder.is_dir() else "no such folder"
        raise RuleError(what, where=str(folder), fix=f"name a folder of rule files; {_GUIDE}")
    by_name = {approach.name: approach for approach in approaches}
    seen: dict[str | int, str] = {}
    for approach in approaches:
        seen[approach.rung] = approach.name
        seen |= {rule.id: rule.where for rule in approach.rules}
    for path in files:
        own = by_name.get(path.stem)
        by_name[path.stem] = _amend(own, path, seen) if own else _new(path, seen, list(by_name))
    return tuple(sorted(by_name.values(), key=lambda approach: approach.rung))


def _new(path: Path, seen: dict[str | int, str], known: list[str]) -> Approach:
    try:
        return _read(path, seen)
    except RuleError as error:
        # Most likely rules for an approach whose name was misspelt.
        if not error.what.endswith("is missing"):
            raise
        fix = nearest(path.stem, known, f"give it every key of an approach; {_GUIDE}")
        what = f"no approach {path.stem!r} to add rules to, and not a whole one: {error.what}"
        raise RuleError(what, where=error.where, fix=fix) from error


def _amend(own: Approach, path: Path, seen: dict[str | int, str]) -> Approach:
    values, lines = placed_yaml.parse(path)
    if isinstance(values, dict) and "title" in values:  # a whole approach: its rules amend ours
        full: Approach = _validated(Approach, values, path, lines)
        amendment = Amendment(name=full.name, rules=full.rules, cases=full.cases)
    else:
        amendment = _validated(Amendment, values, path, lines)
    _check_name(amendment.name or path.stem, path, lines)
    theirs = {rule.id: rule for rule in own.rules}
    here: dict[str | int, str] = {}
    for rule in _placed(amendment.rules, path, lines):
        _once(rule.id, "rule id", rule.where, here)
        if rule.id not in theirs and rule.id in seen:
            fix = f"put it into a file named as that one, or give it an id of {own.name}'s own"
            what = f"rule {rule.id!r} belongs to another approach ({seen[rule.id]})"
            raise RuleError(what, where=rule.where, fix=fix)
        _check(rule, rule.where)
        theirs[rule.id] = rule
        seen[rule.id] = rule.where
    _check_cases(amendment, path, lines)
    return own.with_rules(tuple(theirs.values()))


def _validated(model: Any, values: Any, path: Path, lines: "Lines") -> Any:  # noqa: ANN401 - a model
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _explained(error.errors(), path, lines) from error


def _placed(rules: tuple[Rule, ...], path: Path, lines: "Lines") -> tuple[Rule, ...]:
    """The rules with their file and line."""
    file = f"rules/approaches/{path.name}" if path.parent == FOLDER else str(path)
    return tuple(
        rule.model_copy(update={"line": lines["rules", place], "file": file})
        for place, rule in enumerate(rules)
    )


def _check_name(name: str, path: Path, lines: "Lines") -> None:
    if name != path.stem:
        what = f"the name is {name!r}, the file's is {path.stem!r}"
        raise RuleError(what, where=f"{path}:{lines['name',]}", fix="give both the same name")


def _read(path: Path, seen: dict[str | int, str]) -> Approach:
    values, lines = placed_yaml.parse(path)
    approach: Approach = _validated(Approach, values, path, lines)
    rules = _placed(approach.rules, path, lines)
    approach = approach.with_rules(rules)
    _check_name(approach.name, path, lines)
    _once(approach.rung, "rung", f"{path}:{lines['rung',]}", seen)
    for rule in rules:
        where = f"{path}:{rule.line}"
        _once(rule.id, "rule id", where, seen)
        _check(rule, where)
    _check_cases(approach, path, lines)
    return approach


def _explained(errors: list[ErrorDetails], path: Path, lines: Lines) -> RuleError:
    """Turn a complaint of pydantic into the place, the word, and the nearest right one."""
    # A misspelt key is reported twice, as unknown and as missing; the first says what to change.
    error = min(errors, key=lambda each: each["type"] != "extra_forbidden")
    place, fix = error["loc"], _GUIDE
    last = str(place[-1]) if place else path.name
    found = (lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines)
    what = f"{last}: {error['msg']}"
    if error["type"] == "extra_forbidden":
        models: dict[int, type[BaseModel]] = {1: Approach, 4: Facts}
        model = models.get(len(place), Rule if place[0] == "rules" else Case)
        what = f"unknown key {last!r}"
        fix = nearest(last, list(model.model_fields), _GUIDE)
    elif error["type"] == "missing":
        what, fix = f"{last!r} is missing", f"add '{last}: …'"
    elif error["type"] == "literal_error":
        options = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
        what = f"{last} cannot be {error['input']!r}"
        fix = nearest(str(error["input"]), options, f"one of {', '.join(options)}")
    return RuleError(what, where=f"{path}:{next(found, 1)}", fix=fix)


def _once(key: str | int, kind: str, where: str, seen: dict[str | int, str]) -> None:
    if key in seen:
        raise RuleError(
            f"{kind} {key!r} twice, first at {seen[key]}", where=where, fix="change one"
        )
    seen[key] = where


def _check(rule: Rule, where: str) -> None:
    condition = parse(rule.when, where)
    if (rule.weight == 0) != (rule.effect == "rules_out"):
        fix = "a rule that speaks for or against has a weight, one that rules out has none"
        raise RuleError(f"{rule.effect} with weight {rule.weight}", where=where, fix=fix)
    loose = sorted(parse_sentence(rule.because, where).names - condition.certain)
    if loose:
        fix = "name it in the condition, or leave it out of the sentence"
        what = f"because quotes {loose[0]!r}, which may be unknown when {rule.id!r} fires"
        raise RuleError(what, where=where, fix=fix)


def _check_cases(held: "Approach | Amendment", path: Path, lines: Lines) -> None:
    """Cases name rules of the file, these hold in them, and no rule is without a case."""
    rules = {rule.id: rule for rule in held.rules}
    pinned: set[str] = set()
    for place, case in enumerate(held.cases):
        where, row = f"{path}:{lines['cases', place]}", vars(case.facts)
        pinned.update(case.fires)
        for name in case.fires:
            if name not in rules:
                fix = nearest(name, list(rules), f"the rules are {', '.join(list(rules)[:20])}")
                raise RuleError(f"no rule {name!r} in this file", where=where, fix=fix)
            answer = parse(rules[name].when, where).holds(row)
            if answer is not True:
                how = "is undecided" if answer is None else "does not fire"
                fix = f"change the facts of the case, or the condition on line {rules[name].line}"
                raise RuleError(f"{name!r} {how} in this case", where=where, fix=fix)
    for rule in held.rules:
        if rule.id not in pinned:
            fix = f"add to cases: a row of facts with 'fires: [{rule.id}]'"
            what = f"no case shows that {rule.id!r} can fire"
            raise RuleError(what, where=f"{path}:{rule.line}", fix=fix)
