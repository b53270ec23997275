"""What kind of rows a file holds: every schema is asked, the surest answer wins, and says why."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from advisor import columns as choice
from advisor.columns import ColumnMapping, Columns
from advisor.schema import COMMON, LEVELS, Match, Sample, plain, schemas
from rules.errors import DataError

_USERS = ("user_id", "userid", "username", "author_id", "customer_id", "client_id", "annotator_id")
_GROUPS = (
    "group", "group_id", "conversation_id", "thread_id", "session_id", "dialogue_id",
    "document_id", "doc_id",
)  # fmt: skip


def detect(values: Mapping[str, Sequence[object]], columns: Columns, where: str) -> ColumnMapping:
    """Decide from the first records, and from what the user said, what the rows are.

    Args:
        values: The first values of each column.
        columns: What the user said.
        where: The file, for messages.

    Raises:
        DataError: A named column, role or kind does not exist, or no kind fits.
    """
    given = {
        role: choice.named(name, values, _flag(role), where) or name
        for role, name in columns.given().items()
    }
    sample = Sample(values, given, where, asked=columns.kind is not None)
    asked = [columns.kind] if columns.kind else list(schemas())
    if columns.kind and columns.kind not in schemas():
        near = get_close_matches(columns.kind, list(schemas()), n=1)
        fix = f"did you mean {near[0]!r}? " if near else ""
        fix += f"the kinds are: {', '.join(schemas())}"
        raise DataError(f"no kind of rows {columns.kind!r}", where="--kind", fix=fix)
    _refuse_unknown_roles(columns, asked)
    matches = {name: schemas()[name].match(sample) for name in asked}
    found = {name: match for name, match in matches.items() if match}
    if not found:
        return _told(columns, given, sample)
    strengths = {name: _strength(name, match) for name, match in found.items()}
    best = max(strengths.values())
    name, *rivals = [name for name, strength in strengths.items() if strength == best]
    return _mapping(name, found[name], sample, rivals)


def _strength(name: str, match: Match) -> tuple[bool, int, int]:
    """The special before the general, then the surest, then what explains more columns."""
    roles = match.roles.keys() - COMMON.keys()
    return not schemas()[name].GENERAL, LEVELS.index(match.sure), len(roles)


def _mapping(name: str, match: Match, sample: Sample, rivals: Sequence[str] = ()) -> ColumnMapping:
    roles = match.roles | sample.given
    for role, words in (("id", choice.ID_NAMES), ("user", _USERS), ("group", _GROUPS)):
        column = sample.role(role, words)
        if column and role not in roles and column not in roles.values():
            roles[role] = column
    named = set(match.roles.values()) <= set(sample.given.values())
    how = f"{'given' if named else match.sure}: {match.why}"
    if rivals:
        how += f"; they could also be read as {' or '.join(rivals)}: --kind"
    return ColumnMapping(kind=name, roles=roles, how=how)


def _told(columns: Columns, given: dict[str, str], sample: Sample) -> ColumnMapping:
    """No kind fits of itself: the user's word for it, if it is complete; else the question."""
    named = Columns(input=given.get("input"), target=given.get("target"), id=given.get("id"))
    name = columns.kind or "classification"
    if name == "classification":
        _ask(sample, named)
    known = schemas()[name].ROLES
    if given.keys() - COMMON.keys():
        return _mapping(name, Match(dict(given), "given", "the roles were named"), sample)
    fix = f"name its columns: {' '.join(f'--role {role}=COLUMN' for role in known)}"
    raise DataError(f"these rows do not look like {name}", where=sample.where, fix=fix)


def _ask(sample: Sample, named: Columns) -> None:
    """Say what is missing for a text and its label, and that there are other kinds of rows."""
    try:
        choice.find(sample.values, named, sample.where)
    except DataError as error:
        fix = f"{error.fix}; if they are no texts with labels, say what they are: --kind NAME"
        raise DataError(error.what, where=error.where, fix=fix) from None


def _refuse_unknown_roles(columns: Columns, kinds: Sequence[str]) -> None:
    known = {role for kind in kinds for role in schemas()[kind].ROLES} | COMMON.keys()
    for role in columns.roles:
        if role not in known:
            near = get_close_matches(plain(role), sorted(known), n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            fix = f"{hint}the roles are: {', '.join(sorted(known))}"
            raise DataError(f"no role {role!r}", where="--role", fix=fix)


def _flag(role: str) -> str:
    return f"--{role}" if role in ("input", "target", "id") else f"--role {role}="
