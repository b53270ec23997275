"""Where words go: stdout is data, stderr is talk. Colour never carries meaning alone."""

import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from advisor.live import Live
from runners.base import Frozen, Progress, Report

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text


def out() -> "Console":
    """The console on stdout."""
    from rich.console import Console

    return Console(soft_wrap=False, highlight=False)


def show(*parts: "RenderableType") -> None:
    """Print renderables on stdout, one below the other; a long command runs over, uncut."""
    console = out()
    for part in parts:
        console.print(part, crop=False)


def command(text: str, indent: int = 0) -> "Text":
    """A line to be pasted: never wrapped, never cut, whatever the width of the screen."""
    from rich.text import Text

    return Text(" " * indent + text, no_wrap=True, overflow="ignore")


def talk(text: str) -> None:
    """One line on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def talk_rich(part: "RenderableType") -> None:
    """A renderable on stderr."""
    from rich.console import Console

    Console(stderr=True, highlight=False).print(part)


def emit(output: Frozen) -> None:
    """Print an output model as JSON on stdout."""
    sys.stdout.write(output.model_dump_json(indent=2) + "\n")
    sys.stdout.flush()


@contextmanager
def news(title: str, *, patience: float = 0.0) -> Generator[Report]:
    """Show progress on stderr while the block runs: a live bar on a terminal, else plain lines.

    Args:
        title: What it is about.
        patience: Seconds before the first plain line: what is over sooner needs none.
    """
    if not sys.stderr.isatty():
        yield _lines(title, time.monotonic() + patience)
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(bar_width=20),
        bars.MofNCompleteColumn(),
        bars.TimeElapsedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task, live = bar.add_task(title, total=None), Live()

        def tell(progress: Progress) -> None:
            text = f"{title}: {progress.message}{live.told(progress)}"
            bar.update(task, description=text, completed=progress.step, total=progress.steps)
            if progress.warning:
                bar.console.print(f"! {title}: {progress.message}", markup=False)

        yield tell


def _lines(title: str, start: float) -> Report:
    """A line for each new phase, for logs and pipes, where a moving bar would be noise."""
    last = ""

    def tell(progress: Progress) -> None:
        nonlocal last
        early = time.monotonic() < start and not progress.warning
        if not early and (progress.warning or progress.message != last):
            talk(f"{'! ' if progress.warning else ''}{title}: {progress.message}")
            last = progress.message

    return tell
