"""What runs say to texts of the user's, as rich renderables."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from advisor import tryout
from advisor.tryout import Column


def tried(texts: Sequence[str], columns: Sequence[Column]) -> RenderableType:
    """One run: an answer a line. Several: each text, and below it everyone's answer."""
    if len(columns) == 1:
        return Group(*(Text(tryout.line(item)) for item in columns[0].answers))
    width = max(len(column.name) for column in columns)
    parts: list[RenderableType] = []
    for place, text in enumerate(texts):
        grid = Table.grid(padding=(0, 2), pad_edge=False)
        grid.add_column(min_width=width, no_wrap=True)
        grid.add_column(overflow="fold")
        for column in columns:
            said = tryout.line(column.answers[place])
            grid.add_row(Text(column.name, style="dim"), Text(said))
        parts += [Text("")] * bool(place) + [Text(text, style="bold"), grid]
    return Group(*parts)
