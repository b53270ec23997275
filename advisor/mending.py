"""Records on their way into a mended file: which stay, which go, and what their cells become."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from advisor.check import Found, Remedy
from advisor.columns import Columns
from advisor.data import Table
from advisor.opening import open_any
from advisor.tabular import Record
from rules.errors import DataError
from runners.base import Frozen, Progress, Report

UNREADABLE = "excluded"
"""The code of records that never became rows."""
JOINED = "joined"
NOT_TEXTS = ("id", "user", "group", "votes", "liked")
"""Roles whose cells name something, and are not to be mended."""
_SHOWN = 5


class Change(Frozen):
    """One record that is changed or left out: a line of the log."""

    line: int
    """The line it starts on; in a JSON document, its number."""
    id: str
    """Of its first row; empty where it never became one."""
    codes: tuple[str, ...]
    done: tuple[str, ...]
    """What was done, for each code."""
    left_out: bool
    before: dict[str, object]
    """The whole record where it is left out, else the cells that are changed."""
    after: dict[str, object] | None
    """The same cells as they are now; ``None`` where it is left out."""


class _Step(NamedTuple):
    code: str
    remedy: Remedy


@dataclass
class Mending:
    """The records of one file on their way into the new one."""

    table: Table
    chosen: Mapping[str, Sequence[Found]]
    columns: Columns
    keep: Callable[[dict[str, object]], None] = lambda cells: None
    """Takes each record that stays, as it is now."""
    examples: list[Change] = field(default_factory=list[Change])
    counts: Counter[str] = field(default_factory=Counter[str])
    by_finding: Counter[str] = field(default_factory=Counter[str])
    unmended: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        """Turn findings inside out: what is to be done at each place."""
        self._steps: defaultdict[int, list[_Step]] = defaultdict(list)
        for code, items in self.chosen.items():
            for item in items:
                if item.remedy:
                    step = _Step(code, item.remedy)
                    for place in item.places:
                        self._steps[place].append(step)
        self._reasons = {item.line: item.reason for item in self.table.excluded}
        roles = self.table.mapping.roles
        self._texts = {name for role, name in roles.items() if role not in NOT_TEXTS}
        self._last = self.table.columns[-1] if self.table.columns else ""
        self._joins = self.table.mapping.input == self._last

    def changes(self, report: Report) -> Iterator[Change]:
        """Every record goes to ``keep``, or is left out; those that are not as before are told.

        Raises:
            DataError: The file changed since it was read.
        """
        for record, places in self._records():
            self.counts["records"] += 1
            if self.counts["records"] % 20_000 == 0:
                step, steps = self.counts["records"], self.table.records_read
                report(Progress(message="mending", step=step, steps=steps))
            change = self._one(record, places)
            if change is None:
                continue
            self.counts["left_out" if change.left_out else "changed"] += 1
            self.by_finding.update(set(change.codes))
            if len(self.examples) < _SHOWN:
                self.examples.append(change)
            yield change

    def _records(self) -> Iterator[tuple[Record, range]]:
        """Each record of the file with the places of its rows, of which there may be none."""
        opened = open_any(self.table.path, self.columns)
        if opened.sha256 != self.table.sha256:
            fix = "wait until nobody writes to it, and try again"
            where = str(self.table.path)
            raise DataError("the file changed since it was read", where=where, fix=fix)
        self._delimiter = opened.records.delimiter
        lines = self.table.rows.lines()
        line, place = next(lines, None), 0
        for record in opened.records.items:
            start = place
            while line == record.line:
                line, place = next(lines, None), place + 1
            yield record, range(start, place)
        assert line is None, "a row of no record"

    def _one(self, record: Record, places: range) -> Change | None:
        steps = [step for place in places for step in self._steps.get(place, ())]
        reason = self._unusable(record, places)
        if reason:
            return self._change(record, places, [(UNREADABLE, f"left out: {reason}")])
        # Of a record with several rows, all must go before it goes.
        leaving = [
            [s for s in self._steps.get(place, ()) if s.remedy.mend is None] for place in places
        ]
        if leaving and all(leaving):
            went = dict.fromkeys((s.code, s.remedy.does) for step in leaving for s in step)
            return self._change(record, places, list(went))
        cells, done = self._joined(record)
        for step in dict.fromkeys(steps):
            mended = self._mended(cells, step.remedy) if step.remedy.mend else cells
            if mended == cells:
                self.unmended[step.code] += 1
            else:
                cells = mended
                done.append((step.code, step.remedy.does))
        self.keep(cells)
        return self._change(record, places, done, cells) if done else None

    def _unusable(self, record: Record, places: range) -> str:
        """Why a record that is no row cannot stay; empty where it can."""
        if places:
            return ""
        reason = self._reasons.get(record.line, "no row in it")
        whole = not record.broken and (self._joins or not record.extra)
        return "" if whole and UNREADABLE not in self.chosen else reason

    def _joined(self, record: Record) -> tuple[dict[str, object], list[tuple[str, str]]]:
        """Cells right of the last column are joined to it, as they were when rows were made."""
        if not record.extra:
            return record.cells, []
        whole = self._delimiter.join((str(record.cells[self._last]), *record.extra))
        does = f"cells right of the last column joined to `{self._last}`"
        return {**record.cells, self._last: whole}, [(JOINED, does)]

    def _mended(self, cells: dict[str, object], remedy: Remedy) -> dict[str, object]:
        mend = cast("Callable[[str], str]", remedy.mend)
        if remedy.role:
            name = self.table.mapping.roles[remedy.role]
            return {**cells, name: _renamed(mend, cells.get(name))} if name in cells else cells
        return {k: _deep(mend, v) if k in self._texts else v for k, v in cells.items()}

    def _change(
        self,
        record: Record,
        places: range,
        done: list[tuple[str, str]],
        after: dict[str, object] | None = None,
    ) -> Change:
        before: dict[str, object] = dict(record.cells)
        if record.extra:
            before[""] = list(record.extra)
        if after is not None:
            names = [name for name, cell in after.items() if cell != record.cells.get(name)]
            before = {name: record.cells.get(name) for name in names}
            after = {name: after[name] for name in names}
        return Change(
            line=record.line,
            id=self.table.rows[places[0]].id if places else "",
            codes=tuple(code for code, _ in done),
            done=tuple(does for _, does in done),
            left_out=after is None,
            before=before,
            after=after,
        )


def _deep(mend: Callable[[str], str], value: object) -> object:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        return mend(value)
    if isinstance(value, list):
        return [_deep(mend, item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {k: _deep(mend, v) for k, v in cast("dict[str, object]", value).items()}
    return value


def _renamed(mend: Callable[[str], str], value: object) -> object:
    """A label, as it was read from its cell; the cell as it is where the label stays."""
    label = str(value).lower() if isinstance(value, bool) else value
    if not isinstance(label, str):
        return value
    label = label.strip().strip("\ufeff")
    return value if mend(label) == label else mend(label)
