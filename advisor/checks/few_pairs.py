"""Fewer pairs, or fewer raters, than what is learned from them can rest on.

The floor of 500 pairs is that of the rules (docs/evidence.md, "DPO pairs"): below it preference
training learns accidents. How many people rated is known of files that ``whichtune rate`` wrote,
and of verdicts that stand in columns of their own.
"""

from collections import Counter
from collections.abc import Iterator

from advisor.check import Found
from advisor.columns import Columns
from advisor.examined import Examined, Side
from advisor.opening import open_any
from advisor.schemas import ranked_pairs
from rules.errors import DataError

SAYS = "too few pairs to learn from, and pairs that one person rated alone"
LIBRARIES = ()
COST = 0.2

FEWEST = 500
_RATERS = "raters"


def look(examined: Examined) -> Iterator[Found]:
    """Of pairs, and of answers with thumbs."""
    side = examined.train
    if side.kind not in ("preference", "ranked_pairs", "liked"):
        return
    if side.kind != "liked" and len(side.firsts) < FEWEST:
        rows = len(side.firsts)
        text = f"pairs, and training on fewer than {FEWEST} learns accidents (docs/evidence.md, "
        text += "DPO pairs)"
        fix = "rate more: whichtune rate; or tune on the better answers alone, as prompts with "
        fix += "answers"
        yield Found("few_pairs", text, range(rows), fix=fix)
    yield from _alone(side)


def _alone(side: Side) -> Iterator[Found]:
    """Rows that one person rated, where it is known by how many they were."""
    counts = _raters(side)
    alone = counts[1]
    if not alone:
        return
    text = f"rows rated by one person alone: {alone:,} of {len(side):,}; nobody knows whether "
    text += "another one would say the same"
    fix = "have a second person rate some of them: whichtune rate --out LOG --rater NAME"
    yield Found("one_rater", text, range(len(side)), "info", fix)


def _raters(side: Side) -> Counter[int]:
    """Rows by how many people rated them; empty where that is not known."""
    table = side.table
    if table.mapping.kind == "ranked_pairs":
        judges = ranked_pairs.judges(table.mapping.roles["votes"], list(table.columns))
        return Counter({len(judges): len(side)})
    if _RATERS not in table.columns:
        return Counter()
    try:
        records = open_any(table.path, Columns()).records
        said = [str(record.cells.get(_RATERS)) for record in records.items]
    except DataError:  # a part of a file with several: nobody knows
        return Counter()
    return Counter(int(count) for count in said if count.isdigit())
