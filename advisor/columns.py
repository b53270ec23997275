"""Which column holds the text, which the label: by flag, else by name, else by what they hold."""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal, NamedTuple

from rules.errors import DataError
from runners.base import Frozen

# In the order of preference: `text` before `title` where a file has both.
INPUT_NAMES: Sequence[str] = (  # noqa: SIM905
    "text input sentence utterance message messages masseges query question prompt claim content "
    "review body comment tweet post document email sms abstract description summary subject title"
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
    """What the user said about a file: its columns, and how it is to be read."""

    input: str | None = None
    target: str | None = None
    id: str | None = None
    roles: dict[str, str] = {}
    """Columns by role, for the roles that have no flag of their own."""
    kind: str | None = None
    """What the rows are: the name of a schema, ``--kind``."""
    encoding: str | None = None
    part: str | None = None
    """Which sheet, table, member or split of a file that holds several, ``--part``."""

    def given(self) -> dict[str, str]:
        """Columns by role: all that were named."""
        flags = {"input": self.input, "target": self.target, "id": self.id}
        return self.roles | {role: name for role, name in flags.items() if name}


class ColumnMapping(Frozen):
    """What kind of rows these are, which column plays which role, and why."""

    kind: str = "classification"
    """The name of a schema."""
    roles: dict[str, str]
    how: str
    """``sure: …``, ``likely: …`` or ``given: …``, with the reason."""

    @property
    def input(self) -> str:
        """The column of the text, or of what stands for it."""
        named = (self.roles.get(role) for role in ("input", "messages", "sentences"))
        return next((name for name in named if name), "")

    @property
    def target(self) -> str:
        """The column of the label, the answer, or the labels; empty where there is none."""
        return self.roles.get("target") or self.roles.get("labels") or ""

    @property
    def id(self) -> str | None:
        """The column of the ids; ``None``: rows are numbered by the line they start on."""
        return self.roles.get("id")

    def told(self) -> dict[str, str | None]:
        """All of it in one table, for a record or a script."""
        return {"kind": self.kind, "id": None, **self.roles, "how": self.how}


class Choice(NamedTuple):
    """The columns of text, label and id, and why these."""

    input: str
    target: str
    id: str | None
    sure: Literal["given", "sure", "likely"]
    why: str


class Kind(NamedTuple):
    """What a column holds, from its first values."""

    values: int
    distinct: int
    characters: float

    @property
    def repeats(self) -> bool:
        """Whether values come again and again, as labels do."""
        return self.distinct <= max(self.values // 2, 1)

    @property
    def is_prose(self) -> bool:
        """Whether there are enough values, mostly different and long, to call them texts."""
        return self.values >= _ENOUGH and self.distinct > self.values // 2 and self.characters > 30


Values = Mapping[str, Sequence[object]]


def find(values: Values, columns: Columns, where: str) -> Choice:
    """Decide from the names and the first values of each column.

    Raises:
        DataError: A named column does not exist, or text and label cannot be told apart.
    """
    given = Columns(
        input=named(columns.input, values, "--input", where),
        target=named(columns.target, values, "--target", where),
        id=named(columns.id, values, "--id", where),
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
    kinds = {name: kind(values[name]) for name in free}
    text = given.input or _called(INPUT_NAMES, free)
    labels = [name for name in free if name != text and not kinds[name].is_prose]
    target = given.target or _called(TARGET_NAMES, labels)
    if text and target:
        sure, why = _why(text, target, given)
        rivals = [name for name in labels if name != target and name.lower() in TARGET_NAMES]
        if rivals and not given.target:
            why += f"; --target could also be {' or '.join(f'`{name}`' for name in rivals)}"
    else:
        text, target, why = _by_content(text, target, kinds, where)
        sure = "likely"
    return Choice(text, target, key, sure, why)


def _why(text: str, target: str, given: Columns) -> tuple[Literal["given", "sure", "likely"], str]:
    called = [name for name in (text, target) if name not in (given.input, given.target)]
    if not called:
        return "given", "--input and --target"
    sure = HEADER_WORDS.issuperset(name.strip().lower() for name in called)
    verb = "columns are" if len(called) > 1 else "column is"
    names = " and ".join(f"`{name}`" for name in called)
    return "sure" if sure else "likely", f"the {verb} called {names}"


def named(name: str | None, values: Values, flag: str, where: str) -> str | None:
    """The column the user means, whatever its case.

    Raises:
        DataError: There is none of this name.
    """
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


def kind(values: Sequence[object]) -> Kind:
    """Count and measure the values of one column."""
    filled = [str(value).strip() for value in values if value is not None]
    filled = [value for value in filled if value]
    characters = sum(map(len, filled)) / max(len(filled), 1)
    return Kind(len(filled), len(set(filled)), characters)


def _by_content(
    text: str | None, target: str | None, kinds: Mapping[str, Kind], where: str
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
    return longer, shorter, f"`{shorter}` holds {values}, `{longer}` the longer text"


def _unclear(
    text: str | None, target: str | None, kinds: Mapping[str, Kind], where: str
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


def _plausible(text: Kind | None, target: Kind) -> bool:
    """Whether labels repeat and texts are longer."""
    shorter = text is None or target.characters < text.characters
    return shorter and (target.repeats or target.values < _ENOUGH) and not target.is_prose
