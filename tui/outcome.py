"""What a finished run found, as text: the same words on the run screen and in the comparison."""

from collections.abc import Mapping

from textual.content import Content

from runners.base import Result
from tui import words

MISTAKES = 5
"""Confusions shown; the scorecard keeps some more."""


def mistakes(result: Result, texts: Mapping[str, str]) -> Content:
    """The worst confusions, each with one of its rows where its text is at hand."""
    card = result.scorecard
    sizes = {label.label: label.rows for label in card.labels}
    shown = card.confusions[:MISTAKES]
    parts: list[Content | str | tuple[str, str]] = [
        ("worst mistakes" if shown else "no mistakes on these rows", "bold")
    ]
    for item in shown:
        of = f" of {sizes[item.target]}" if item.target in sizes else ""
        parts.append(f"\n  {item.target} → {item.prediction}: {item.rows}{of}")
        text = next((texts[row] for row in item.ids if row in texts), None)
        if text is not None:
            quoted = words.clip(" ".join(text.split()), 68)
            parts.append((f"\n    “{quoted}”", "$foreground-muted"))
    return Content.assemble(*parts)


def outcome(result: Result) -> Content:
    """What it measured, what no training would have given, and what it cost."""
    lines = [
        f"macro F1   {words.interval(result.scorecard.macro_f1)} on {result.scorecard.rows:,} rows"
    ]
    lines += [
        f"{name:10} {words.interval(card.accuracy)} accuracy, a baseline"
        for name, card in result.baselines.items()
    ]
    lines.append(
        f"cost       {words.duration(result.train_seconds)} to learn from {result.train_rows:,} "
        f"rows, {result.predict_ms_per_row:.1f} ms to label one, "
        f"{words.size(result.peak_memory_bytes)} at most"
    )
    if result.forecast and result.fit_memory_bytes:
        lines.append(
            f"forecast   {words.duration(result.forecast.seconds)} and "
            f"{words.size(result.forecast.memory_bytes)} to learn; it took "
            f"{words.duration(result.train_seconds)} and {words.size(result.fit_memory_bytes)}"
        )
    return Content.assemble("\n".join(lines), "\n", mistakes(result, {}))
