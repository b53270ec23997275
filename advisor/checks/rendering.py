"""Rows that a base model must not be trained on as they are, by the code names of the X-ray."""

from collections.abc import Iterator, Sequence

from advisor.check import Found
from advisor.examined import Examined

SAYS = "rows that the base model's template masks, cuts or leaves without an end"
LIBRARIES = ("transformers",)
COST = 1.0


def look(examined: Examined) -> Iterator[Found]:
    """Of rows with answers to write; where no base model is named, nobody can tell."""
    rendered = examined.rendered
    if rendered is None:
        return
    from runners._render_guards import FIXES, WARNINGS

    found = rendered.found
    for code, count in found.counts.items():
        blocks = code not in WARNINGS and count == found.rows
        text = f"of {found.rows:,} rows as {examined.base_model} sees them: {found.examples[code]}"
        fix = f"{FIXES[code]}; see one: whichtune xray DATA --row '{found.ids[code][0]}'"
        severity = "blocking" if blocks else "warning"
        places = _places(examined, set(found.ids[code]), rendered.places)
        yield Found(code, text, places, severity, fix)


def _places(examined: Examined, ids: set[str], places: Sequence[int]) -> list[int]:
    rows = examined.train.table.rows
    return [place for place in places if rows[place].id in ids]
