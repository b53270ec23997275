"""What was read and what was found in it, as lines and list rows. Pure, for any width."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from textual.content import Content

from advisor.check import Found
from advisor.report_data import MARKS
from advisor.report_xray import visible
from tui import words
from tui.listing import Item
from tui.looked import Looked

_STYLES = {"x": "bold $error", "!": "bold $warning", "?": "bold $accent"}
_NAMES = 9
"""Cells for what a line is about."""
_CODE = 18


@dataclass(frozen=True)
class Point:
    """One row of the list of findings, and what it says in full."""

    mark: str
    """As ``whichtune profile`` writes it; ``?`` for what nobody looked for."""
    code: str
    count: int | None
    text: str
    fix: str = ""
    mends: str = ""
    found: Found | None = None
    shows_rows: bool = False
    """Whether there are rows or places behind it."""


def about(looked: Looked, width: int) -> Content:
    """Kind, columns, rows, labels and lengths: a line or two for each."""
    lines: list[Content] = []
    for name, text in _about(looked):
        told = words.wrapped(text, width - _NAMES, 2)
        for number, line in enumerate(told):
            head = ("" if number else name).ljust(_NAMES)
            lines.append(Content.assemble((head, "$foreground-muted"), line))
    return Content("\n").join(lines)


def _about(looked: Looked) -> Iterator[tuple[str, str]]:
    profile, table = looked.profile, looked.table
    mapping = table.mapping
    yield "kind", f"{profile.kind}, {mapping.how}"
    yield "columns", " · ".join(f"{role} {name!r}" for role, name in mapping.roles.items())
    yield "rows", " · ".join(_rows(looked))
    if profile.labels:
        yield "labels", _labels(profile.labels)
    size, tokens = profile.characters, profile.tokens
    if tokens is None:
        told = f"p50 {size.p50:,} · p95 {size.p95:,} · max {size.max:,} characters"
        yield "length", f"{told}; no tokenizer to count tokens with"
        return
    size, base = tokens.lengths, tokens.base_model.rpartition("/")[2]
    drawn = "" if tokens.rows == profile.rows else f" ({tokens.rows:,} rows drawn evenly)"
    told = f"p50 {size.p50:,} · p95 {size.p95:,} · max {size.max:,} of {base}{drawn}"
    cuts = [f"{cut.tokens:,} cuts {_share(cut.share)}" for cut in tokens.cut]
    yield "tokens", "; ".join((told, " · ".join(cuts))) if cuts else told


def _rows(looked: Looked) -> Iterator[str]:
    profile, table = looked.profile, looked.table
    yield f"{profile.rows:,} of {table.records_read:,} records ({table.format}, {table.encoding})"
    yield f"{profile.distinct_rows:,} distinct"
    if profile.evaluation_rows is not None:
        yield f"evaluation {profile.evaluation_rows:,}"


def _labels(counts: dict[str, int]) -> str:
    told = [f"{visible(label)} {count:,}" for label, count in counts.items()]
    if len(told) <= 4:
        return f"{len(told)}: {' · '.join(told)}"
    return f"{len(told)}: {' · '.join(told[:3])} · … · rarest {told[-1]}"


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "<1%"


def tally(looked: Looked) -> str:
    """How many findings there are of each severity: ``x 1 · ! 3 · ? 1``."""
    counts = Counter(MARKS[finding.severity] for finding in looked.profile.findings)
    counts["?"] = len(looked.profile.skipped)
    told = [f"{mark} {counts[mark]}" for mark in (*MARKS.values(), "?") if counts[mark]]
    return " · ".join(told) or "nothing found"


def points(looked: Looked) -> list[Point]:
    """Findings, checks that were not made, what was repaired, and at last all rows."""
    profile = looked.profile
    told = [
        Point(
            mark=MARKS[finding.severity],
            code=finding.code,
            count=finding.count,
            text=finding.text,
            fix=finding.fix,
            mends=finding.mends,
            found=found,
            shows_rows=bool(found.where or found.places),
        )
        for finding, found in zip(profile.findings, looked.found, strict=True)
    ]
    if not told:
        told.append(Point("✓", "ok", None, "all that was looked for is in order"))
    for item in profile.skipped:
        text = f"not looked for: {item.says}; {item.reason}"
        told.append(Point("?", item.check, None, text, item.fix))
    told += [Point(" ", "note", None, note) for note in looked.table.notes]
    told.append(Point(" ", "rows", profile.rows, "rows, all of them", shows_rows=True))
    return told


def items(found: list[Point]) -> list[Item]:
    """The points as rows of a list: mark, code, count, and the start of the text."""
    codes = min(_CODE, max(len(point.code) for point in found))
    counts = max(len(f"{point.count or 0:,}") for point in found)
    return [Item(str(number), _item(point, codes, counts)) for number, point in enumerate(found)]


def _item(point: Point, codes: int, counts: int) -> Content:
    count = "" if point.count is None else f"{point.count:,}"
    return Content.assemble(
        (f"{point.mark} ", _STYLES.get(point.mark, "")),
        (words.clip(point.code, codes).ljust(codes), "bold"),
        f" {count.rjust(counts)} ",
        (visible(point.text), "$foreground-muted"),
    )


def in_full(point: Point, width: int, lines: int) -> Content:
    """The whole text of a point, and what to do; what does not fit shows that it was cut."""
    count = "" if point.count is None else f"{point.count:,} "
    fix = words.wrapped(f"fix: {point.fix}", width, 2) if point.fix else []
    mends = words.wrapped(f"f mends it: {point.mends}", width, 1) if point.mends else []
    room = max(1, lines - len(fix) - len(mends))
    told = [Content(line) for line in words.wrapped(visible(count + point.text), width, room)]
    told += [Content.styled(line, "$success") for line in fix]
    told += [Content.styled(line, "$foreground-muted") for line in mends]
    return Content("\n").join(told)
