"""What is to be looked at, and what a look at it shows. Nothing here knows a widget."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from advisor import data, mapping
from advisor.check import Found
from advisor.columns import Columns
from advisor.data import Table
from advisor.examination import Asked, Examination, examine
from advisor.profile import DataProfile
from advisor.report_data import MARKS
from runners.base import Progress, Report, silent


class Wanted(NamedTuple):
    """What was typed into the form."""

    train: Path
    evaluation: Path | None = None
    corpus: Path | None = None
    """What a model is shown at use, which must hold no evaluation row."""
    columns: Columns = Columns()
    mapping: Path | None = None
    base_model: str | None = None
    embed: bool | None = None
    """Whether texts may be embedded; ``None``: where they are few."""


@dataclass(frozen=True)
class Looked:
    """Files that were read and examined."""

    wanted: Wanted
    columns: Columns
    """What was said of them, by boxes and by mapping file."""
    examination: Examination

    @property
    def profile(self) -> DataProfile:
        """What the rows are, in numbers."""
        return self.examination.profile

    @property
    def table(self) -> Table:
        """The rows to learn from."""
        return self.examination.examined.train.table

    @property
    def found(self) -> tuple[Found, ...]:
        """Every finding with all its rows, in the order of the profile's findings."""
        order = list(MARKS)
        return tuple(sorted(self.examination.found, key=lambda item: order.index(item.severity)))

    @property
    def can_be_mended(self) -> bool:
        """Whether something can be put right without asking anybody."""
        return bool(self.table.excluded) or any(item.remedy for item in self.found)

    def summary(self) -> str:
        """One line: how much there is, and what is wrong with it."""
        profile = self.profile
        serious = (item for item in profile.findings if item.severity != "info")
        worst = next(iter(profile.blocking), None) or next(serious, None)
        labels = f", {len(profile.labels):,} labels" if profile.labels else f" of {profile.kind}"
        text = f"{profile.file}: {profile.rows:,} rows{labels}"
        return f"{text}  {MARKS[worst.severity]} {worst.count:,} {worst.text}" if worst else text


def look(wanted: Wanted, report: Report = silent) -> Looked:
    """Read and examine, exactly as ``whichtune profile`` does.

    Raises:
        UserError: A file, its mapping or the base model cannot be used.
    """
    columns = mapping.columns(wanted.mapping, wanted.columns)
    report(Progress(message=f"reading {wanted.train.name}"))
    table, held_out = data.read_both(wanted.train, wanted.evaluation, columns, report)
    shown = None
    if wanted.corpus is not None:
        report(Progress(message=f"reading {wanted.corpus.name}"))
        shown = data.read(wanted.corpus, report=report)
    asked = Asked(wanted.base_model, wanted.embed)
    return Looked(wanted, columns, examine(table, held_out, shown, asked=asked, report=report))
