"""Runs side by side on the same rows: intervals, ties in words, baselines, worst mistakes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from advisor import runs, scale
from advisor.compare import Comparison, Line, compare, latest_group
from advisor.runs import RunStatus
from rules.errors import UserError
from runners import _data
from runners.base import Scorecard
from tui import words
from tui.error_note import ErrorNote
from tui.listing import Item, Listing
from tui.messages import OpenRuns, Refused, RunsCompared
from tui.outcome import MISTAKES, mistakes
from tui.page import Page

_VERDICT_MARKS = {"best": "●", "tie": "=", "worse": "✗"}
_Part = Content | str | tuple[str, str]


class ComparisonScreen(Page):
    """A table of lines; below it the winner, and what the run under the cursor gets wrong."""

    TITLE_TEXT = "comparison"
    ABOUT = (
        "Two runs tie unless a paired test tells them apart; of those that tie, the cheaper wins."
    )
    SCROLLS = "#mistakes"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "runs", "All runs")]

    def __init__(self, folders: tuple[Path, ...], folder: Path) -> None:
        super().__init__()
        self._folders, self._folder = folders, folder
        self._seen: RunsCompared | None = None

    def body(self) -> Iterable[Widget]:
        """Table, sentence, details."""
        yield Static("", id="columns-names")
        yield Listing(id="lines")
        yield ErrorNote(id="error")
        yield Static("", id="winner")
        yield VerticalScroll(Static("", id="detail"), id="mistakes", can_focus=False)

    def on_mount(self) -> None:
        """Comparing draws thousands of samples: in a thread."""
        self.query_one("#winner", Static).update("comparing …")
        self.next_step("wait, or escape")
        self._compare()

    @work(thread=True)
    def _compare(self) -> None:
        try:
            if self._folders:
                chosen = [runs.find(str(folder), self._folder) for folder in self._folders]
            else:
                chosen = latest_group(runs.all_runs(self._folder))
            comparison = compare(chosen)
            texts = examples(chosen)
        except UserError as error:
            self.post_message(Refused(error))
        else:
            self.post_message(RunsCompared(comparison, tuple(chosen), texts))

    @on(Refused)
    def show_error(self, event: Refused) -> None:
        """Why these cannot be compared, and what to do."""
        self.query_one("#winner", Static).update("")
        self.query_one(ErrorNote).show(event.error)
        self.next_step("r lists the runs: mark some with space and compare them with c")

    @on(RunsCompared)
    def show_lines(self, event: RunsCompared) -> None:
        """Draw the table; the cursor starts at the winner."""
        self._seen = event
        comparison = event.comparison
        self.head(f"{comparison.rows:,} rows that none of them was trained on")
        self._draw_lines(comparison.winner)
        self.query_one(Listing).focus()
        winner = Content.assemble(("Winner: ", "bold $success"), comparison.because)
        notes = [Content.styled(f"  {note}", "$foreground-muted") for note in comparison.notes]
        self.query_one("#winner", Static).update(Content("\n").join([winner, *notes]))
        if comparison.winner in {run.name for run in event.runs}:
            self.next_step(f"try the winner: whichtune try {comparison.winner}")
        else:
            self.next_step("no run beats a baseline: look at the data, or run another approach")

    def on_resize(self) -> None:
        """A wide screen has room for two more columns."""
        self._draw_lines()

    def _draw_lines(self, select: str | None = None) -> None:
        wide = self.size.width >= 110
        metric = self._seen.comparison.metric if self._seen else "accuracy"
        self.query_one("#columns-names", Static).update(_names(metric, wide))
        if self._seen is not None:
            lines = self._seen.comparison.lines
            items = [Item(line.name, _row(line, metric, wide)) for line in lines]
            self.query_one(Listing).fill(items, select)

    @on(OptionList.OptionHighlighted)
    def show_detail(self, event: OptionList.OptionHighlighted) -> None:
        """What the run under the cursor costs and confuses."""
        seen = self._seen
        if seen is None:
            return
        line = next((line for line in seen.comparison.lines if line.name == event.option.id), None)
        if line is not None:
            run = next((run for run in seen.runs if run.name == line.name), None)
            detail = _detail(line, run, seen.comparison, seen.texts)
            self.query_one("#detail", Static).update(detail)
            self.query_one("#mistakes", VerticalScroll).scroll_home(animate=False)

    def action_runs(self) -> None:
        """Go to the list of runs."""
        self.post_message(OpenRuns())


def examples(chosen: Sequence[RunStatus]) -> dict[str, str]:
    """The texts of the rows that the scorecards name; without the file there are just no texts."""
    wanted = {
        row
        for run in chosen
        if run.result and isinstance(run.result.scorecard, Scorecard)
        for confusion in run.result.scorecard.confusions[:MISTAKES]
        for row in confusion.ids
    }
    try:
        rows = _data.read_rows(chosen[0].plan.evaluation) if chosen else []
    except UserError:
        return {}
    return {row.id: row.input for row in rows if row.id in wanted}


def _names(metric: str, wide: bool) -> str:
    first = f"{scale.TITLES[metric]} (95 %)"
    names = f"     {'run':19}{first:23}{'verdict':17}{'train':>7}{'row':>8}"
    second = "macro F1 (95 %)" if metric == "accuracy" else ""
    return names + (f"{'memory':>10}  {second}".rstrip() if wide else "")


def _row(line: Line, metric: str, wide: bool) -> Content:
    place = "=" if line.verdict == "tie" else str(line.place)
    verdict: str = line.verdict
    if line.p_value is not None:
        verdict += f", {words.chance(line.p_value)}"
    speed = f"{line.predict_ms_per_row:.1f} ms" if line.predict_ms_per_row is not None else "-"
    style = "bold $success" if line.verdict == "best" else ""
    muted = "$foreground-muted" if line.baseline else ""
    return Content.assemble(
        (f"{place:>2} ", "bold"),
        (words.clip(line.name, 18).ljust(19), style or muted),
        (scale.shown(metric, line.value).ljust(23), style or muted),
        (f"{_VERDICT_MARKS[line.verdict]} {verdict}".ljust(17), style or muted),
        f"{words.duration(line.train_seconds):>7}",
        f"{speed:>8}",
        f"{words.size(line.peak_memory_bytes):>10}  {_macro_f1(line)}" if wide else "",
    )


def _macro_f1(line: Line) -> str:
    return words.interval(line.macro_f1) if line.macro_f1 else ""


def _verdict(line: Line, comparison: Comparison) -> str:
    best = next((item.name for item in comparison.lines if item.verdict == "best"), "")
    chance = f" ({words.chance(line.p_value)})" if line.p_value is not None else ""
    match line.verdict:
        case "best":
            told = f"the best {scale.TITLES[comparison.metric]}"
            told = "the highest accuracy" if comparison.metric == "accuracy" else told
        case "tie":
            told = f"tie with {best}{chance}: of those that tie, the cheaper wins"
        case "worse":
            told = f"worse than {best}{chance}"
    if line.rows_to_decide:
        told += f"; some {line.rows_to_decide:,} rows would tell them apart"
    return f"a baseline, what no training gives: {told}" if line.baseline else told


def _second(line: Line) -> str:
    """The other numbers of a line."""
    if line.macro_f1:
        return f"macro F1 {words.interval(line.macro_f1)}"
    known = line.metrics.items()
    return ", ".join(f"{scale.TITLES[n]} {scale.number(n, v.value)}" for n, v in known)


def _detail(
    line: Line, run: RunStatus | None, comparison: Comparison, texts: dict[str, str]
) -> Content:
    parts: list[_Part] = [
        (line.name, "bold"),
        f": {_verdict(line, comparison)}\n",
        f"{_second(line)}, memory {words.size(line.peak_memory_bytes)}\n",
    ]
    if run is None or run.result is None:
        return Content.assemble(*parts)
    parts.append(mistakes(run.result, texts))
    return Content.assemble(*parts)
