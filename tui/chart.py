"""A small line chart in braille: eight dots a cell, the ends of both axes in figures."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from tui import words

Points = Sequence[tuple[float, float]]
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot in a braille cell, by row and column."""


def braille(points: Points, width: int, height: int) -> list[str]:
    """Draw a line through the points, scaled to fill ``width`` times ``height`` cells.

    >>> braille([(0, 0), (1, 1)], 2, 1)
    ['⡠⠊']
    """
    if not points or width < 1 or height < 1:
        return [" " * max(0, width)] * max(0, height)
    columns, rows = width * 2, height * 4
    cells = [[0x2800] * width for _ in range(height)]
    previous: int | None = None
    for column, y in enumerate(_resample(points, columns)):
        row = round((1 - y) * (rows - 1))
        for dot in _between(previous, row):
            cells[dot // 4][column // 2] |= _DOTS[dot % 4][column % 2]
        previous = row
    return ["".join(chr(cell) for cell in line) for line in cells]


def _between(previous: int | None, row: int) -> range:
    """The dots that join two neighbouring columns without a gap."""
    if previous is None or abs(previous - row) <= 1:
        return range(row, row + 1)
    return range(row, previous) if previous > row else range(previous + 1, row + 1)


def _resample(points: Points, columns: int) -> list[float]:
    """A height between 0 and 1 for each column of dots, between the points in a straight line."""
    values = [y for _, y in points]
    low, spread = min(values), max(values) - min(values)
    heights = [(y - low) / spread if spread else 0.5 for y in values]
    if len(points) == 1:
        return heights * columns
    first, span = points[0][0], points[-1][0] - points[0][0]
    found: list[float] = []
    left = 0
    for column in range(columns):
        x = first + span * column / max(1, columns - 1)
        while left < len(points) - 2 and points[left + 1][0] < x:
            left += 1
        step = points[left + 1][0] - points[left][0]
        share = min(1.0, max(0.0, (x - points[left][0]) / step)) if step else 1.0
        found.append(heights[left] + share * (heights[left + 1] - heights[left]))
    return found


class Chart(Widget, can_focus=False):
    """One curve with its name, its newest value, and the ends of both axes."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._curve = ""
        self._points: Points = ()

    def show(self, curve: str, points: Points) -> None:
        """Draw another state of the curve; points whose value is no number are left out."""
        self._curve = curve
        self._points = [(x, y) for x, y in points if abs(y) < float("inf")]
        self.refresh()

    def render(self) -> Content:
        """The curve between its labels."""
        width, height = self.size.width, self.size.height
        if len(self._points) < 2 or height < 3:
            told = "no curve yet: two points make one" if height else ""
            return Content.styled(told, "$foreground-muted")
        values = [y for _, y in self._points]
        labels = [words.number(max(values)), words.number(min(values))]
        margin = max(len(label) for label in labels)
        inner = max(1, width - margin - 2)
        lines = braille(self._points, inner, height - 2)
        parts: list[Content] = [
            Content.assemble((self._curve, "bold"), f"  now {words.number(values[-1])}")
        ]
        for place, line in enumerate(lines):
            label = labels[0] if place == 0 else labels[1] if place == len(lines) - 1 else ""
            axis = "┤" if label else "│"
            parts.append(
                Content.assemble(
                    (f"{label:>{margin}}{axis}", "$foreground-muted"), (line, "$primary")
                )
            )
        first, last = words.number(self._points[0][0]), words.number(self._points[-1][0])
        foot = f"{'':>{margin}} {first}{last:>{max(1, inner - len(first))}}"
        parts.append(Content.styled(foot, "$foreground-muted"))
        return Content("\n").join(parts)
