"""The line that says how far reading and examining are, and how long it will still take."""

import time
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from runners.base import Progress
from tui import words

if TYPE_CHECKING:
    from textual.timer import Timer

_BAR = 16
_EARLY = 0.1
"""Share from which on the time that is left can be told."""


class ReadingLine(Static):
    """Takes no room until something is read."""

    DEFAULT_CSS = "ReadingLine { display: none; height: auto; max-height: 2; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__("", id=id)
        self._message = ""
        self._far = Progress(message="")
        """The latest news of how far the whole is."""
        self._began = 0.0
        self._counted: float | None = None
        """When the first news came that said how far it is."""
        self._timer: Timer | None = None

    def begin(self, message: str) -> None:
        """Start the clock."""
        self._message, self._far = message, Progress(message=message)
        self._began, self._counted = time.monotonic(), None
        self.display = True
        self._timer = self._timer or self.set_interval(1, self._draw)
        self._timer.resume()
        self._draw()

    def show(self, news: Progress) -> None:
        """Take the latest news; a part that counts its own steps does not move the bar."""
        part = bool(news.steps and self._far.steps and news.steps != self._far.steps)
        count = f" {news.step:,} of {news.steps:,}" if part else ""
        if news.step and not news.steps:
            count = f": {news.step:,} records"
        self._message = f"{news.message}{count}"
        if not part:
            self._far = news
        if news.steps and self._counted is None:
            self._counted = time.monotonic()
        self._draw()

    def end(self) -> None:
        """Take the line away."""
        self.display = False
        if self._timer is not None:
            self._timer.pause()

    def _draw(self) -> None:
        news, now = self._far, time.monotonic()
        share = min(1.0, news.step / news.steps) if news.steps else 0.0
        filled = words.bar(share, 1, _BAR).replace(" ", "·")
        percent = f"{share:4.0%}" if news.steps else "    "
        self.update(
            Content.assemble(
                (filled, "$primary"),
                f" {percent}  {words.duration(now - self._began)}{self._left(share, now)}",
                (f"\n{self._message} …", "$foreground-muted"),
            )
        )

    def _left(self, share: float, now: float) -> str:
        if self._counted is None or not _EARLY <= share < 1:
            return ""
        return f", about {words.duration((now - self._counted) * (1 / share - 1))} left"
