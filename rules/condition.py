"""The language of the rules: small expressions over facts, in three-valued logic.

``n_examples / labels >= 40 and freshness in ("daily", "realtime")`` is parsed once with
:mod:`ast`, checked against the fields of :class:`~rules.facts.Facts`, and turned into closures:
nothing is ever handed to ``eval``. A fact that is ``None`` is unknown, and so is what depends on it
(Kleene's strong logic), but ``a or b`` with a true ``a`` is true whatever ``b`` is.
``docs/rules.md`` has the whole table.
"""

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rules.errors import RuleError
from rules.node import (
    KINDS,
    NONE,
    Border,
    Kind,
    Names,
    Node,
    Row,
    check_members,
    check_words,
    nearest,
)

_SIGNS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda value, group: value in group,
    ast.NotIn: lambda value, group: value not in group,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: a / b,
}
_EXAMPLE = "write a comparison of facts, such as: n_examples / labels >= 40"


@dataclass(frozen=True)
class Condition:
    """A checked condition. Two conditions with the same text are equal."""

    text: str
    names: Names
    """Every fact it looks at."""
    certain: Names
    """The facts that are known whenever it holds, so that a sentence about it may quote them."""
    holds: Callable[[Row], bool | None] = field(compare=False, repr=False)
    """``True``, ``False``, or ``None`` where a fact that matters is unknown."""
    _lacking: Callable[[Row], Names] = field(compare=False, repr=False)
    key: tuple[Any, ...] = field(default=(), compare=False, repr=False)
    """What it says, however it is written."""
    borders: tuple[Border, ...] = field(default=(), compare=False, repr=False)
    """Its comparisons of numbers, from which thresholds are derived."""

    def unknowns(self, facts: Row) -> Names:
        """The unknown facts that leave it undecided; empty where it is decided."""
        return self._lacking(facts) if self.holds(facts) is None else NONE


def parse(text: str, where: str) -> Condition:
    """Read a condition.

    Raises:
        RuleError: It cannot be read, names an unknown fact or value, or compares unlike things.
    """
    node = read(text, where)
    if node.kind != "truth":
        raise RuleError(f"{text!r} is not true or false", where=where, fix=_EXAMPLE)
    return Condition(
        text, node.names, node.if_true, node.value, node.lacking, node.key, node.borders
    )


def read(text: str, where: str) -> Node:
    """Read any expression; :func:`parse` and the sentences say which kind they need."""
    try:
        return _tree(text)
    except RuleError as error:
        raise RuleError(error.what, where=where, fix=error.fix) from error


@lru_cache(maxsize=4096)
def _tree(text: str) -> Node:
    try:
        return _node(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RuleError(f"cannot read {text!r}", where="", fix=_EXAMPLE) from error


def _node(tree: ast.expr) -> Node:
    makers: dict[type[ast.expr], Callable[[Any], Node]] = {
        ast.Name: _fact,
        ast.Constant: _constant,
        ast.Tuple: _tuple,
        ast.BoolOp: _junction,
        ast.UnaryOp: _unary,
        ast.BinOp: _arithmetic,
        ast.Compare: _compared,
    }
    if type(tree) not in makers:
        raise _refused(tree)
    return makers[type(tree)](tree)


def _refused(tree: ast.AST) -> RuleError:
    fix = "use only facts, constants, comparisons, + - * /, and, or, not"
    return RuleError(f"{ast.unparse(tree)!r} is not allowed", where="", fix=fix)


def _fact(tree: ast.Name) -> Node:
    name = tree.id
    if name not in KINDS:
        fix = nearest(name, list(KINDS), "the facts are in rules/facts.py")
        raise RuleError(f"unknown fact {name!r}", where="", fix=fix)
    kind, options = KINDS[name]
    names = frozenset({name})
    key = ("fact", name)
    return Node(
        kind, lambda facts: facts.get(name), lambda _: names, names, names, names, options, key
    )


def _constant(tree: ast.Constant) -> Node:
    value = tree.value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _refused(tree)
    kind: Kind = "text" if isinstance(value, str) else "number"
    return Node(kind, lambda _: value, lambda _: NONE, options=(value,), key=("is", value))


def _tuple(tree: ast.Tuple) -> Node:
    if not all(isinstance(part, ast.Constant) for part in tree.elts):
        raise _refused(tree)
    group = tuple(option for part in tree.elts for option in _node(part).options)
    key = ("tuple", frozenset(group))
    return Node("tuple", lambda _: group, lambda _: NONE, options=group, key=key)


def _junction(tree: ast.BoolOp) -> Node:
    return _joined([_node(part) for part in tree.values], every=isinstance(tree.op, ast.And))


def _joined(parts: list[Node], every: bool) -> Node:
    """``and`` (``every``) or ``or``: one part may decide; else one unknown part leaves it open."""
    for part in parts:
        _demand(part, "truth", "each side of and/or must be true or false")
    values = tuple(part.value for part in parts)
    decisive = not every

    def value(facts: Row) -> bool | None:
        result: bool | None = every
        for each in values:
            answer = each(facts)
            if answer is decisive:
                return decisive
            if answer is None:
                result = None
        return result

    def lacking(facts: Row) -> Names:
        return NONE.union(*(p.lacking(facts) for p in parts if p.value(facts) is None))

    names = NONE.union(*(part.names for part in parts))
    union, common = NONE.union, frozenset[str].intersection
    true, false = (union, common) if every else (common, union)
    if_true, if_false = true(*(p.if_true for p in parts)), false(*(p.if_false for p in parts))
    key = ("and" if every else "or", frozenset(part.key for part in parts))
    borders = tuple(border for part in parts for border in part.borders)
    return Node("truth", value, lacking, names, if_true, if_false, (), key, borders)


def _demand(node: Node, kind: Kind, reason: str) -> None:
    if node.kind != kind:
        raise RuleError(f"{reason}, not {node.kind}", where="", fix=_EXAMPLE)


def _unary(tree: ast.UnaryOp) -> Node:
    inner = _node(tree.operand)
    if isinstance(tree.op, ast.Not):
        _demand(inner, "truth", "'not' needs something true or false")

        def denied(facts: Row) -> bool | None:
            answer = inner.value(facts)
            return None if answer is None else not answer

        return Node(
            *("truth", denied, inner.lacking, inner.names, inner.if_false, inner.if_true, ()),
            ("not", inner.key),
            inner.borders,
        )
    if not isinstance(tree.op, ast.USub):
        raise _refused(tree)
    _demand(inner, "number", "a minus sign needs a number")
    return _pair(_constant(ast.Constant(0)), inner, operator.sub, "number", "-")


def _arithmetic(tree: ast.BinOp) -> Node:
    work = _ARITHMETIC.get(type(tree.op))
    if work is None:
        raise _refused(tree)
    left, right = _node(tree.left), _node(tree.right)
    for side in (left, right):
        if side.kind != "number":
            _demand(side, "number", f"{ast.unparse(tree)!r}: arithmetic needs numbers")
    return _pair(left, right, work, "number", type(tree.op).__name__)


def _compared(tree: ast.Compare) -> Node:
    """``a < b <= c`` is ``a < b and b <= c``."""
    sides = [_node(side) for side in (tree.left, *tree.comparators)]
    pairs = [
        _pair(left, right, _check(left, sign, right, tree), "truth", type(sign).__name__)
        for left, sign, right in zip(sides, tree.ops, sides[1:], strict=False)
    ]
    return pairs[0] if len(pairs) == 1 else _joined(pairs, every=True)


def _check(left: Node, sign: ast.cmpop, right: Node, tree: ast.Compare) -> Callable[..., Any]:
    kinds = {left.kind, right.kind}
    work = _SIGNS.get(type(sign))
    if work is None:
        raise _refused(tree)
    if isinstance(sign, (ast.In, ast.NotIn)):
        check_members(left, right, ast.unparse(tree))
    elif "truth" in kinds:
        fix = "write the fact alone, or 'not' before it"
        what = f"{ast.unparse(tree)!r} compares something that is true or false"
        raise RuleError(what, where="", fix=fix)
    elif kinds == {"choice", "text"} and isinstance(sign, (ast.Eq, ast.NotEq)):
        choice, text = (left, right) if left.kind == "choice" else (right, left)
        check_words(choice, text.options)
    elif kinds != {"number"}:
        fix = "compare a number with a number, a word with one of its values (== != in)"
        raise RuleError(f"{ast.unparse(tree)!r} compares unlike things", where="", fix=fix)
    return work


def _pair(left: Node, right: Node, work: Callable[..., Any], kind: Kind, sign: str) -> Node:
    one, two, names = left.value, right.value, left.names | right.names

    def value(facts: Row) -> object:
        a, b = one(facts), two(facts)
        if a is None or b is None:
            return None
        try:
            return work(a, b)
        except (ZeroDivisionError, OverflowError):
            return None

    def lacking(facts: Row) -> Names:
        missing = frozenset(name for name in names if facts.get(name) is None)
        return missing or names  # nothing is missing where a known zero divides

    borders = _borders(left, right) if kind == "truth" and left.kind == "number" else ()
    key = (sign, left.key, right.key)
    return Node(kind, value, lacking, names, names, names, (), key, borders)


def _borders(left: Node, right: Node) -> tuple[Border, ...]:
    """Where both sides are equal; for ``x in (1, 2)`` where the fact is one of the members."""
    if right.kind == "tuple":
        members = [_constant(ast.Constant(option)) for option in right.options]
        return tuple(border for member in members for border in _borders(left, member))
    gap = _pair(left, right, operator.sub, "number", "-")
    return (Border(("=", left.key, right.key), gap.names, gap.value),)
