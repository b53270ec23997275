"""A text and one label."""

from advisor import columns
from advisor.columns import Columns
from advisor.rows import Draft
from advisor.schema import Cells, Match, Roles, Sample, Unusable, text
from rules.errors import DataError

SAYS = "texts with one label each"
ROLES = {"input": "the text", "target": "its label"}
GENERAL = True


def match(sample: Sample) -> Match | None:
    """By the columns' names, or because one holds a few values again and again."""
    told = sample.given.get
    given = Columns(input=told("input"), target=told("target"), id=told("id"))
    try:
        found = columns.find(sample.values, given, sample.where)
    except DataError:
        return None
    if sample.share(found.input, lambda value: isinstance(value, list | dict)) > 0.5:
        return None
    roles = {"input": found.input, "target": found.target}
    return Match(roles | ({"id": found.id} if found.id else {}), found.sure, found.why)


def drafts(cells: Cells, roles: Roles) -> list[Draft]:
    """A JSON boolean is a label too; it is no text."""
    value = cells.get(roles["target"])
    said = text(cells, roles["input"], "text")
    label = str(value).lower() if isinstance(value, bool) else text(cells, roles["target"], "label")
    label = label.strip().strip("\ufeff")
    if not label:
        raise Unusable("no label")
    return [Draft(input=said, target=label)]
