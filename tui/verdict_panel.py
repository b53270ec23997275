"""The live verdict: the ranking as it stands after each answer, as narrow as 30 cells.

It draws what :func:`advisor.recommend.recommend` says, in its order, and adds only where each
approach stood before the last answer.
"""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from advisor.recommend import Ranked, Recommendation
from tui import words

_REASON_LINES = 3
_MOVE = 4
"""Cells for an arrow and how many places."""


class VerdictPanel(VerticalScroll, can_focus=False):
    """Place, mark, approach, score, bar, movement; the top reason below, as room allows."""

    BORDER_TITLE = "Verdict so far"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.recommendation: Recommendation | None = None
        self._before: dict[str, int] = {}

    def compose(self) -> ComposeResult:
        """One block of text."""
        yield Static("", id="ranking")

    def show(self, recommendation: Recommendation, *, mark_moves: bool = True) -> None:
        """Draw a new verdict; what an answer has moved is marked."""
        last = self.recommendation
        if last is None or not mark_moves:
            self._before = {}
        elif last.facts != recommendation.facts:
            self._before = {item.approach: item.place for item in last.ranking}
        self.recommendation = recommendation
        self._draw()

    def on_resize(self) -> None:
        """How many reasons fit depends on the size."""
        self._draw()

    def _draw(self) -> None:
        width, height = self.size.width, self.size.height
        if self.recommendation is None or not width:
            return
        lines = self._lines(self.recommendation, width, height)
        if len(lines) > height:  # the scroll bar takes a column
            lines = self._lines(self.recommendation, width - 1, height)
        self.query_one("#ranking", Static).update(Content("\n").join(lines))

    def _lines(self, recommendation: Recommendation, width: int, height: int) -> list[Content]:
        ranking = recommendation.ranking
        possible = [item for item in ranking if item.status != "ruled_out"]
        out = [item for item in ranking if item.status == "ruled_out"]
        most = max((item.score for item in possible), default=0)
        lines = words.sureness(recommendation, width)
        spare = height - len(ranking) - len(lines)
        names = max((len(item.approach) for item in possible), default=0)
        for item in possible:
            lines.append(self._place(item, most, min(names, width - 9), width))
            told = self._reason(item, width, spare - bool(out and item.place > 1))
            lines += [Content.styled(line, "$foreground-muted") for line in told]
            spare -= len(told)
        if out and spare > 0:
            lines.append(Content.styled(f"ruled out: {len(out)}", "bold $foreground-muted"))
        lines += [self._ruled_out(item, width) for item in out]
        return lines

    def _place(self, item: Ranked, most: int, names: int, width: int) -> Content:
        """One line, whatever the width: the bar gives way first, then the arrow, never the name."""
        bar = min(10, width - names - 10 - _MOVE)
        style = "bold $success" if item.status == "recommended" else ""
        return Content.assemble(
            (f"{item.place:>2} {words.VERDICT_MARKS[item.status]} ", style),
            (words.clip(item.approach, names).ljust(names), style),
            f" {words.score(item.score):>3}",
            (f" {words.bar(item.score, most, bar)}" if bar > 1 else "", "$primary"),
            (self._movement(item) if width >= names + 9 + _MOVE else "", "bold $warning"),
        )

    def _reason(self, item: Ranked, width: int, room: int) -> list[str]:
        """The top reason: on some lines for first place, else as much of it as fits on one."""
        reason = words.top_reason(item.verdict)
        if reason is None or room < 1:
            return []
        if item.place > 1:
            return [words.clip(f"   {reason.text}", width)]
        return words.wrapped(reason.text, width, min(room, _REASON_LINES), indent=3)

    def _movement(self, item: Ranked) -> str:
        moved = self._before.get(item.approach, item.place) - item.place
        return f" {'↑' if moved > 0 else '↓'}{abs(moved)}" if moved else ""

    def _ruled_out(self, item: Ranked, width: int) -> Content:
        reason = words.top_reason(item.verdict)
        text = f" ✗ {item.approach}: {reason.text if reason else ''}"
        return Content.styled(words.clip(text, width), "$foreground-disabled")
