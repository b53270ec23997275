"""What a table shows before anything is trained on it: sizes, labels, lengths, and what is wrong.

The findings come from the modules in ``advisor/checks``; here they are put in order, and counted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from advisor import lengths as measures
from advisor.check import Check, Finding, Found, NotLookedError, checks, missing
from advisor.checks.labels import distinct_labels
from advisor.data import Table
from advisor.examined import Examined
from advisor.glimpse import Glimpse, glimpses
from advisor.lengths import Lengths, TokenLengths
from advisor.profile_facts import FactValue, facts_of
from runners.base import Frozen, Progress

_ORDER = ("blocking", "warning", "info")


class Skipped(Frozen):
    """A check that was not made, and why."""

    check: str
    says: str
    """What it would have looked for."""
    reason: str
    fix: str


class DataProfile(Frozen):
    """A table in numbers, and what was found in it."""

    file: str
    kind: str
    """What the rows are: the name of a schema."""
    rows: int
    distinct_rows: int
    """Rows less repeats: the same text with the same label or answer."""
    labels: dict[str, int]
    """Rows of each label, the most frequent first; empty where rows have no labels."""
    distinct_labels: dict[str, int]
    """The same without repeats."""
    rarest_label: str
    characters: Lengths
    """Of what a row asks: its text, or the first turn of its user."""
    words: Lengths
    tokens: TokenLengths | None = None
    """Of whole rows as a model sees them; ``None`` where no tokenizer could be had."""
    evaluation_file: str | None
    evaluation_rows: int | None
    leaked_rows: int
    """Training rows, repeats aside, whose text also stands in the evaluation file."""
    target: str
    """The column of the labels or answers; empty where there is none."""
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    """Nobody looked for these: that nothing was found says nothing about them."""
    known: dict[str, tuple[FactValue, str]] = {}
    """What the rules may know from the data: each fact with how it was found."""
    glimpses: tuple[Glimpse, ...] = ()
    """Three rows as the model will see them."""

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What has to be put right first."""
        return tuple(finding for finding in self.findings if finding.severity == "blocking")

    def facts(self) -> dict[str, tuple[FactValue, str]]:
        """What the rules may know from the data: each fact with how it was found."""
        return self.known


def profile(table: Table, evaluation: Table | None = None) -> DataProfile:
    """Measure a table, and compare it with the rows set aside for evaluation, where there are."""
    return examine(Examined.of(table, evaluation))[0]


def examine(examined: Examined) -> tuple[DataProfile, tuple[Found, ...]]:
    """The same, with every row of every finding.

    Raises:
        UserError: There is no such base model.
    """
    made, skipped = _chosen(examined)
    found = tuple(_looked(examined, made, skipped))
    return _measured(examined, found, skipped), found


def facts(table: Table, evaluation: Table | None = None) -> dict[str, tuple[FactValue, str]]:
    """What the rules may know from the data; nobody looks for what is wrong with it."""
    return _measured(Examined.of(table, evaluation), (), ()).known


def _measured(
    examined: Examined, found: Sequence[Found], skipped: Sequence[Skipped]
) -> DataProfile:
    side, held_out = examined.train, examined.evaluation
    firsts = side.firsts
    known = set(held_out.keys) if held_out else set[bytes]()
    leaked = sum(side.keys[place] in known for place in firsts) if known else 0
    labels = _labels(side.targets()) if side.labelled else {}
    distinct = distinct_labels(side) if side.labelled else {}
    findings = (item.told(examined) for item in found)
    measured = DataProfile(
        file=side.table.path.name,
        kind=side.kind,
        rows=len(side),
        distinct_rows=len(firsts),
        labels=labels,
        distinct_labels=distinct,
        rarest_label=min(distinct, key=lambda label: (distinct[label], label), default=""),
        characters=measures.of(map(len, side.questions())),
        words=measures.of(len(text.split()) for text in side.questions()),
        tokens=measures.in_tokens(examined),
        evaluation_file=held_out.table.path.name if held_out else None,
        evaluation_rows=len(held_out) if held_out else None,
        leaked_rows=leaked,
        target=side.table.mapping.target,
        findings=tuple(sorted(findings, key=lambda item: _ORDER.index(item.severity))),
        skipped=tuple(skipped),
        glimpses=glimpses(examined),
    )
    return measured.model_copy(update={"known": facts_of(measured, side)})


def _labels(targets: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(targets).items(), key=lambda item: (-item[1], item[0])))


def _chosen(examined: Examined) -> tuple[list[tuple[str, Check]], list[Skipped]]:
    """The checks that can be made here, and those that cannot."""
    made: list[tuple[str, Check]] = []
    skipped: list[Skipped] = []
    for name, check in checks().items():
        lacking = missing(check)
        if lacking:
            reason, fix = f"{lacking[0]} is not installed", "pip install 'whichtune[run]'"
            skipped.append(Skipped(check=name, says=check.SAYS, reason=reason, fix=fix))
        else:
            made.append((name, check))
    return made, skipped


def _looked(
    examined: Examined, made: Sequence[tuple[str, Check]], skipped: list[Skipped]
) -> Iterator[Found]:
    whole, done = sum(check.COST for _, check in made), 0.0
    for name, check in made:
        message = f"looking for {check.SAYS}"
        share = round(1000 * done / whole)
        examined.report(Progress(message=message, step=share, steps=1000))
        try:
            yield from check.look(examined)
        except NotLookedError as why:
            skipped.append(Skipped(check=name, says=check.SAYS, reason=why.reason, fix=why.fix))
        done += check.COST
