"""What the flags say about the columns of the user's files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rules.errors import DataError

if TYPE_CHECKING:
    from advisor.columns import Columns


def columns(
    flags: "dict[str, str | None]",
    *,
    roles: Sequence[str] | None = None,
    mapping_file: Path | None = None,
) -> "Columns":
    """Flags and mapping file together; a flag wins over the file.

    Args:
        flags: ``input``, ``target``, ``id``, ``kind``, ``encoding`` and ``part``, as typed.
        roles: ``ROLE=COLUMN``, as typed.
        mapping_file: What ``--mapping`` names.

    Raises:
        DataError: A role is not written as ROLE=COLUMN, or the file is no mapping.
    """
    from advisor import mapping
    from advisor.columns import Columns

    given: dict[str, str] = {}
    for said in roles or ():
        role, equals, column = said.partition("=")
        if not (role and equals and column):
            fix = "write ROLE=COLUMN, such as --role rejected=worse"
            raise DataError(f"{said!r} names no role and column", where="--role", fix=fix)
        given[role.strip()] = column.strip()
    return mapping.columns(mapping_file, Columns(**flags, roles=given))
