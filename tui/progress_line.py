"""How far a run is, how fast it goes and what is left of it, in a line or two."""

from textual.content import Content

from tui import words
from tui.watch import Sight

_BAR = 24


def progress(sight: Sight, *, steps: bool = True) -> Content:
    """A bar; ``steps`` adds the step and, in a second line, the pace."""
    news, seconds = sight.progress, words.duration(sight.seconds)
    if sight.run.state in ("planned", "queued"):
        told = "not started" if sight.run.state == "planned" else "waiting"
        return Content.styled(told, "$foreground-muted")
    if sight.run.state == "done":
        return Content.assemble((words.bar(1, 1, _BAR), "$success"), f" 100%  {seconds}")
    if news is None or not news.steps:
        return Content(f"{'·' * _BAR}        {seconds}")
    share = min(1.0, news.step / news.steps)
    filled = words.bar(share, 1, _BAR).replace(" ", "·")
    told = f"  step {news.step:,} of {news.steps:,}" if steps else ""
    pace = _pace(sight) if steps else ""
    return Content.assemble((filled, "$primary"), f" {share:4.0%}  {seconds}{told}{pace}")


def _pace(sight: Sight) -> str:
    """What is left, how fast it goes and what it holds in memory, as far as it is known."""
    latest = {name: points[-1][1] for name, points in sight.curves.items() if points}
    parts = [
        f"{words.duration(sight.seconds_left)} left" if sight.seconds_left is not None else "",
        f"{speed:,.0f} tokens/s" if (speed := latest.get("tokens_per_second")) else "",
        f"{memory:.1f} GiB" if (memory := latest.get("memory_gib")) else "",
    ]
    found = ", ".join(part for part in parts if part)
    return f"\n{found}" if found else ""
