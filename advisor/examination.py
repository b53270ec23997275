"""What to look at in an examination, and in whose tokens: the user's word, else a default."""

from dataclasses import replace
from importlib.util import find_spec
from typing import NamedTuple

from advisor.check import Found
from advisor.data import Table
from advisor.examined import Examined
from advisor.profile import DataProfile
from advisor.profile import examine as measure
from runners import _models
from runners._render_tokenizer import BUNDLED
from runners.base import Report, silent

EMBEDDED = 5000
"""Rows up to which texts are embedded without being asked: about ten seconds."""


class Asked(NamedTuple):
    """What the user says about the examination; ``None`` leaves it to us."""

    base_model: str | None = None
    embed: bool | None = None


class Examination(NamedTuple):
    """A profile, and every row of every finding in it."""

    profile: DataProfile
    found: tuple[Found, ...]
    examined: Examined


def examine(
    table: Table,
    evaluation: Table | None = None,
    corpus: Table | None = None,
    *,
    asked: Asked = Asked(),  # noqa: B008 -- it is frozen
    report: Report = silent,
) -> Examination:
    """Look at rows with everything that is installed.

    Raises:
        UserError: The base model that was named is not there.
    """
    examined = Examined.of(
        table,
        evaluation,
        corpus,
        base_model=asked.base_model or _default(table),
        embed=len(table.rows) <= EMBEDDED if asked.embed is None else asked.embed,
        report=report,
    )
    examined = replace(examined, opened=asked.base_model is not None)
    profile, found = measure(examined)
    return Examination(profile, found, examined)


def _default(table: Table) -> str | None:
    """The model that such rows are tried with first; none where its tokenizer cannot be opened."""
    labels = table.mapping.kind in ("classification", "multi_label")
    needed = ("tokenizers",) if labels else ("transformers", "tokenizers", "jinja2")
    if not all(find_spec(name) for name in needed):
        return None
    if labels:
        return _models.DEFAULT_ENCODER if _models.packaged() else None
    return BUNDLED
