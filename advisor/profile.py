"""What a table shows before anything is trained on it: sizes, labels, lengths, and what is wrong.

Two texts are the same here when they are equal once case, spacing and letter variants are set
aside: rows that repeat in this sense inflate a score as much as exact copies do.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Literal

from advisor.data import Table, fingerprint
from runners.base import Frozen, Row

Severity = Literal["info", "warning", "blocking"]
FactValue = str | int | float | bool

_LONG_CELL = 20_000
_ROWS_SHOWN = 20
_NULLS = frozenset(("null", "none", "nan", "n/a", "na", "#n/a", "nil", "-", "?"))
_ENOUGH_TO_SPLIT = 50
"""Rows from which on a fifth (ten rows) says anything at all."""
_DAMAGED = re.compile("â€|[ÃÂ][\u0080-\u00bf]|‰Û|åÕ|å£|\ufffd")
"""What is left of quotes and accents when text was decoded with the wrong encoding."""
_MARKUP = re.compile(r"&(?:[a-z]{2,6}|#\d{2,5});|<br\s*/?>|</?(?:p|div|span|b|i|a)\b[^<>]*>", re.I)


class Finding(Frozen):
    """One thing that is wrong with the data, or good to know."""

    severity: Severity
    """``blocking``: nothing can be trained or measured on this."""
    code: str
    text: str
    """Reads on from the count: ``37`` ``rows that repeat another one``."""
    count: int
    rows: tuple[str, ...] = ()
    """Ids of the rows, or places in the file: the first of them."""
    fix: str = ""


class Lengths(Frozen):
    """How long the texts are: median, 95th percentile and the longest."""

    p50: int
    p95: int
    max: int


class DataProfile(Frozen):
    """A table in numbers, and what was found in it."""

    file: str
    rows: int
    distinct_rows: int
    """Rows less repeats: the same text with the same label."""
    labels: dict[str, int]
    """Rows of each label, the most frequent first."""
    distinct_labels: dict[str, int]
    """The same without repeats."""
    rarest_label: str
    characters: Lengths
    words: Lengths
    evaluation_file: str | None
    evaluation_rows: int | None
    leaked_rows: int
    """Training rows, repeats aside, whose text also stands in the evaluation file."""
    target: str
    """The column of the labels."""
    findings: tuple[Finding, ...]

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What has to be put right first."""
        return tuple(finding for finding in self.findings if finding.severity == "blocking")

    def facts(self) -> dict[str, tuple[FactValue, str]]:
        """What the rules may know from the data: each fact with how it was found."""
        examples = self.distinct_rows - self.leaked_rows
        repeats = self.rows - self.distinct_rows
        how = f"{self.rows:,} rows" + (f" less {repeats:,} repeats" if repeats else "")
        how += f" less {self.leaked_rows:,} of the evaluation" if self.leaked_rows else ""
        rarest = min(self.distinct_labels.values())
        column = f"`{self.target}` of {self.file}"
        return {
            "task": ("classification", f"one label a row, in {column}"),
            "goal": ("classification", f"{len(self.labels):,} labels in {column}"),
            "data_kind": ("labelled", f"every row has a label, in {column}"),
            "n_examples": (examples, f"{how} in {self.file}"),
            "labels": (len(self.labels), f"distinct values in {column}"),
            "rarest_label": (rarest, f"`{self.rarest_label}` in {self.file}, repeats aside"),
            "has_evaluation_set": self._evaluation_set(),
        }

    def _evaluation_set(self) -> tuple[bool, str]:
        if self.evaluation_file:
            return True, f"{self.evaluation_rows:,} rows in {self.evaluation_file}"
        twice = sum(rows > 1 for rows in self.distinct_labels.values())
        if self.distinct_rows >= _ENOUGH_TO_SPLIT and twice > 1:
            return True, f"a fifth of {self.distinct_rows:,} rows can be split off"
        return False, f"{self.distinct_rows:,} rows are too few to split some off"


def profile(table: Table, evaluation: Table | None = None) -> DataProfile:
    """Measure a table, and compare it with the rows set aside for evaluation, where there are."""
    by_text = _by_text(table)
    by_label = _by_label(table)
    held_out = _by_text(evaluation).keys() if evaluation else dict[str, list[Row]]().keys()
    distinct = [(key, row.target) for key, rows in by_text.items() for row in _first_copies(rows)]
    labels = _counted(row.target for row in table.rows)
    distinct_labels = _counted(label for _, label in distinct)
    findings = [*_about_labels(by_label), *_about_texts(table.rows), *_repeats(table, by_text)]
    findings += _excluded(table)
    findings += _single(by_label, distinct_labels, measured=evaluation is not None)
    if evaluation:
        findings += _excluded(evaluation)
        findings += _leaks(by_text, held_out, evaluation.path.name)
        findings += _labels_apart(by_label, _by_label(evaluation), evaluation.path.name)
    order = ("blocking", "warning", "info")
    return DataProfile(
        file=table.path.name,
        rows=len(table.rows),
        distinct_rows=len(distinct),
        labels=labels,
        distinct_labels=distinct_labels,
        rarest_label=min(distinct_labels, key=lambda label: (distinct_labels[label], label)),
        characters=_lengths([len(row.input) for row in table.rows]),
        words=_lengths([len(row.input.split()) for row in table.rows]),
        evaluation_file=evaluation.path.name if evaluation else None,
        evaluation_rows=len(evaluation.rows) if evaluation else None,
        leaked_rows=sum(key in held_out for key, _ in distinct),
        target=table.mapping.target,
        findings=tuple(sorted(findings, key=lambda finding: order.index(finding.severity))),
    )


def _by_text(table: Table) -> dict[str, list[Row]]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in table.rows:
        groups[fingerprint(row.input)].append(row)
    return dict(groups)


def _by_label(table: Table) -> dict[str, list[Row]]:
    groups: defaultdict[str, list[Row]] = defaultdict(list)
    for row in table.rows:
        groups[row.target].append(row)
    return dict(groups)


def _first_copies(rows: Iterable[Row]) -> Iterable[Row]:
    """Of rows with the same text, the first with each label."""
    return {row.target: row for row in reversed(list(rows))}.values()


def _counted(labels: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0])))


def _lengths(sizes: list[int]) -> Lengths:
    sizes.sort()
    last = len(sizes) - 1
    return Lengths(p50=sizes[last // 2], p95=sizes[round(last * 0.95)], max=sizes[-1])


def _named(labels: Sequence[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:5])
    return shown + (f" and {len(labels) - 5:,} more" if len(labels) > 5 else "")


def _finding(
    code: str, text: str, rows: Sequence[Row], fix: str, severity: Severity = "warning"
) -> Finding:
    shown = tuple(row.id for row in rows[:_ROWS_SHOWN])
    return Finding(severity=severity, code=code, text=text, count=len(rows), rows=shown, fix=fix)


def _about_labels(by_label: Mapping[str, list[Row]]) -> Iterator[Finding]:
    if len(by_label) == 1:
        label, rows = next(iter(by_label.items()))
        fix = "add rows with a second label, or name another column: --target COLUMN"
        yield _finding("one_label", f"rows, and one label only: {label!r}", rows, fix, "blocking")
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(by_label, key=lambda label: -len(by_label[label])):
        alike[re.sub(r"[\s_-]", "", label.casefold())].append(label)
    for usual, *others in alike.values():
        if others:
            rows = [row for label in others for row in by_label[label]]
            text = f"rows whose label is {usual!r} but for case or spacing: {_named(others)}"
            yield _finding("label_spelling", text, rows, f"write all of them as {usual!r}")
    nulls = [label for label in by_label if label.casefold() in _NULLS]
    if nulls:
        rows = [row for label in nulls for row in by_label[label]]
        fix = "delete these rows, or give the label a name if it is one"
        yield _finding(
            "label_null", f"rows whose label looks like an empty cell: {_named(nulls)}", rows, fix
        )


def _single(
    by_label: Mapping[str, list[Row]], distinct: Mapping[str, int], *, measured: bool
) -> Iterator[Finding]:
    labels = sorted(label for label, rows in distinct.items() if rows == 1)
    if not labels:
        return
    rows = [row for label in labels for row in by_label[label]]
    if measured:
        text = f"rows of labels with one text to learn from: {_named(labels)}"
    else:
        text = f"rows of labels with one text, which nothing can measure: {_named(labels)}"
    fix = "add a second text for each of them, or merge them with another label"
    severity = "blocking" if len(labels) == len(by_label) and not measured else "warning"
    yield _finding("single_text", text, rows, fix, severity)


def _about_texts(rows: Sequence[Row]) -> Iterator[Finding]:
    long = [row for row in rows if len(row.input) > _LONG_CELL]
    if long:
        text = f"texts of more than {_LONG_CELL:,} characters, of which a model reads a part only"
        fix = "look at them: a quote may be missing; else split or shorten them"
        yield _finding("long_text", text, long, fix)
    damaged = [row for row in rows if not row.input.isascii() and _DAMAGED.search(row.input)]
    if damaged:
        text = "texts with damaged letters, such as â€™ for an apostrophe"
        fix = "export them again as UTF-8, or repair them: pip install ftfy"
        yield _finding("damaged_letters", text, damaged, fix)
    marked = [row for row in rows if ("&" in row.input or "<" in row.input)]
    marked = [row for row in marked if _MARKUP.search(row.input)]
    if marked:
        fix = "take it out, unless the texts to come will have it too"
        yield _finding("markup", "texts with HTML in them, such as &amp;", marked, fix, "info")


def _excluded(table: Table) -> Iterator[Finding]:
    if table.excluded:
        reasons = Counter(record.reason for record in table.excluded).most_common(3)
        told = ", ".join(f"{reason} ({times:,})" for reason, times in reasons)
        yield Finding(
            severity="warning",
            code="excluded",
            text=f"of {table.records_read:,} records in {table.path.name} cannot be used: {told}",
            count=len(table.excluded),
            rows=tuple(table.place(record.line) for record in table.excluded[:_ROWS_SHOWN]),
            fix=f"put them right, starting with {table.place(table.excluded[0].line)}",
        )


def _repeats(table: Table, by_text: Mapping[str, list[Row]]) -> Iterator[Finding]:
    copies: set[str] = set()
    mixed: set[str] = set()
    literal = texts = 0
    for group in (group for group in by_text.values() if len(group) > 1):
        first = {row.id for row in _first_copies(group)}
        copies |= {row.id for row in group} - first
        literal += len(group) - len({(row.input, row.target) for row in group})
        if len(first) > 1:
            texts += 1
            mixed |= {row.id for row in group}
    if copies:
        rows = [row for row in table.rows if row.id in copies]
        nearly = len(copies) - literal
        how = f"{literal:,} letter for letter, {nearly:,} but for case, spacing or letter variants"
        fix = "nothing to do: one of each is kept when the data is split"
        yield _finding("repeats", f"rows that repeat another one: {how}", rows, fix)
    if mixed:
        rows = [row for row in table.rows if row.id in mixed]
        text = f"rows whose text has more than one label: {texts:,} such texts"
        fix = "decide on one label for each: no model can get them all right"
        yield _finding("contradictions", text, rows, fix)


def _leaks(by_text: Mapping[str, list[Row]], held_out: Set[str], file: str) -> Iterator[Finding]:
    rows = [row for key, group in by_text.items() if key in held_out for row in group]
    if rows:
        severity = "blocking" if by_text.keys() <= held_out else "warning"
        fix = "nothing to do: they are left out of training when the data is split"
        if severity == "blocking":
            fix = "give another file to measure on: --evaluation FILE"
        yield _finding("leak", f"training rows that stand in {file} too", rows, fix, severity)


def _labels_apart(
    train: Mapping[str, list[Row]], evaluation: Mapping[str, list[Row]], file: str
) -> Iterator[Finding]:
    unseen = sorted(evaluation.keys() - train.keys())
    if unseen:
        rows = [row for label in unseen for row in evaluation[label]]
        text = f"rows of {file} that can only be wrong: training lacks {_named(unseen)}"
        fix = "add training rows for these labels, or take them out of the evaluation"
        yield _finding("unseen_label", text, rows, fix)
    unmeasured = sorted(train.keys() - evaluation.keys())
    if unmeasured:
        rows = [row for label in unmeasured for row in train[label]]
        text = f"rows whose label {file} lacks, so that nothing measures it: {_named(unmeasured)}"
        fix = "add evaluation rows for these labels"
        yield _finding("unmeasured_label", text, rows, fix, "info")
