"""Which column holds the text, which the label: by flag, else by name, else by what they hold."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from rules.errors import DataError
from runners.base import Frozen

# In the order of preference: `text` before `title` where a file has both.
INPUT_NAMES: Sequence[str] = (  # noqa: SIM905
    "text input sentence utterance message messages masseges query question prompt content review "
    "body comment tweet post document email sms abstract description summary subject title"
).split()
TARGET_NAMES: Sequence[str] = (  # noqa: SIM905
    "label labels target class intent category categories sentiment topic tag tags output y "
    "label_text label_name class_name type"
).split()
ID_NAMES = ("id", "_id", "idx", "uuid", "guid")
HEADER_WORDS = frozenset((*INPUT_NAMES, *TARGET_NAMES, *ID_NAMES))

_ENOUGH = 20
"""Values from which on it can be judged whether they repeat."""


class Columns(Frozen):
    """The columns the user named: ``--input``, ``--target``, ``--id``."""

    input: str | None = None
    target: str | None = None
    id: str | None = None


class ColumnMapping(Frozen):
    """The columns that are used, and why these."""

    input: str
    target: str
    id: str | None
    """None: rows are numbered by the line they start on."""
    how: str
    """``sure: …``, ``likely: …`` or ``given: …``, with the reason."""


class _Kind(NamedTuple):
    """What a column holds, from its first values."""

    values: int
    distinct: int
    characters: float

    @property
    def repeats(self) -> bool:
        return self.distinct <= max(self.values // 2, 1)

    @property
    def is_prose(self) -> bool:
        return self.values >= _ENOUGH and self.distinct > self.values // 2 and self.characters > 30


Values = Mapping[str, Sequence[object]]


def find(values: Values, columns: Columns, where: str) -> ColumnMapping:
    """Decide from the names and the first values of each column.

    Raises:
        DataError: A named column does not exist, or text and label cannot be told apart.
    """
    given = Columns(
        input=_named(columns.input, values, "--input", where),
        target=_named(columns.target, values, "--target", where),
        id=_named(columns.id, values, "--id", where),
    )
    if given.input and given.input == given.target:
        fix = f"give one of the others: {_listed(values)}"
        raise DataError(f"{given.input!r} is both input and target", where="--target", fix=fix)
    if len(values) < 2:
        fix = "add a column with the label of each row: text,label"
        raise DataError(f"one column only: {_listed(values)}", where=where, fix=fix)
    names = [name for name in values if not _is_unnamed(name)] or list(values)
    taken = {name for name in (given.input, given.target) if name}
    key = given.id or _called(ID_NAMES, [name for name in names if name not in taken])
    free = [name for name in names if name not in {*taken, key}]
    kinds = {name: _kind(values[name]) for name in free}
    text = given.input or _called(INPUT_NAMES, free)
    labels = [name for name in free if name != text and not kinds[name].is_prose]
    target = given.target or _called(TARGET_NAMES, labels)
    if text and target:
        how = _why(text, target, given)
        rivals = [name for name in labels if name != target and name.lower() in TARGET_NAMES]
        if rivals and not given.target:
            how += f"; --target could also be {' or '.join(f'`{name}`' for name in rivals)}"
    else:
        text, target, how = _by_content(text, target, kinds, where)
    return ColumnMapping(input=text, target=target, id=key, how=how)


def _why(text: str, target: str, given: Columns) -> str:
    called = [name for name in (text, target) if name not in (given.input, given.target)]
    if not called:
        return "given: --input and --target"
    sure = HEADER_WORDS.issuperset(name.strip().lower() for name in called)
    verb = "columns are" if len(called) > 1 else "column is"
    names = " and ".join(f"`{name}`" for name in called)
    return f"{'sure' if sure else 'likely'}: the {verb} called {names}"


def _named(name: str | None, values: Values, flag: str, where: str) -> str | None:
    if name is None or name in values:
        return name
    alike = [known for known in values if known.strip().lower() == name.strip().lower()]
    if len(alike) == 1:
        return alike[0]
    near = get_close_matches(name, list(values), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    fix = f"{hint}the columns are: {_listed(values)}"
    raise DataError(f"no column {name!r} in {where}", where=flag, fix=fix)


def _listed(values: Collection[str]) -> str:
    shown = [repr(name) for name in list(values)[:20]]
    return ", ".join(shown) + (f" and {len(values) - 20} more" if len(values) > 20 else "")


def _called(known: Sequence[str], names: Sequence[str]) -> str | None:
    """The first column with a known name; else the only one whose name ends in a known word."""
    free = {name.strip().lower(): name for name in reversed(names)}
    for word in known:
        if word in free:
            return free[word]
    ends = [name for name in free if len(words := _words(name)) > 1 and words[-1] in known]
    return free[ends[0]] if len(ends) == 1 and known is not ID_NAMES else None


def _is_unnamed(name: str) -> bool:
    """Columns without a name are called ``column 3``, after their place."""
    return name.startswith("column ") and name.removeprefix("column ").isdigit()


def _words(name: str) -> list[str]:
    return name.replace("-", " ").replace("_", " ").split()


def _kind(values: Sequence[object]) -> _Kind:
    filled = [str(value).strip() for value in values if value is not None]
    filled = [value for value in filled if value]
    characters = sum(map(len, filled)) / max(len(filled), 1)
    return _Kind(len(filled), len(set(filled)), characters)


def _by_content(
    text: str | None, target: str | None, kinds: Mapping[str, _Kind], where: str
) -> tuple[str, str, str]:
    """Two columns are told apart by what they hold; of more, one could only guess."""
    left = [name for name in kinds if name not in (text, target)]
    if text is None and target is None and len(left) == 2:
        longer, shorter = sorted(left, key=lambda name: -kinds[name].characters)
    elif len(left) == 1:
        longer, shorter = text or left[0], target or left[0]
    else:
        raise _unclear(text, target, kinds, where)
    if target is None and not _plausible(kinds.get(longer), kinds[shorter]):
        raise _unclear(text, target, kinds, where)
    seen = kinds.get(shorter)
    values = f"{seen.distinct} distinct short values" if seen else "the labels"
    return longer, shorter, f"likely: `{shorter}` holds {values}, `{longer}` the longer text"


def _unclear(
    text: str | None, target: str | None, kinds: Mapping[str, _Kind], where: str
) -> DataError:
    missing = "text" if target else "label" if text else "text and which the label"
    left = [name for name in kinds if name not in (text, target)]
    flags = f"--input {_quoted(text)} --target {_quoted(target)}"
    fix = f"name them: {flags}; the columns are: {_listed(left) or 'none left'}"
    if sum(map(_is_unnamed, kinds)) > len(kinds) // 2:
        fix = "write a header such as text,label into the first line, and nothing above it"
    return DataError(f"cannot tell which column is the {missing}", where=where, fix=fix)


def _quoted(name: str | None) -> str:
    return "COLUMN" if name is None else f"'{name}'" if " " in name else name


def _plausible(text: _Kind | None, target: _Kind) -> bool:
    """Whether labels repeat and texts are longer."""
    shorter = text is None or target.characters < text.characters
    return shorter and (target.repeats or target.values < _ENOUGH) and not target.is_prose
