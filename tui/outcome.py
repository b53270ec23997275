"""What a finished run found, as text: the same words on the run screen and in the comparison."""

from collections.abc import Mapping

from textual.content import Content

from advisor import scale
from runners.base import Result, Scorecard
from tui import words

MISTAKES = 5
"""Confusions shown; the scorecard keeps some more."""


def mistakes(result: Result, texts: Mapping[str, str]) -> Content:
    """The worst confusions, each with one of its rows where its text is at hand."""
    card = result.scorecard
    if not isinstance(card, Scorecard):
        told = f"whichtune show {result.run} --errors shows the answers that are farthest off"
        return Content.styled(told, "$foreground-muted")
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
    card = result.scorecard
    name = scale.main(card)
    if isinstance(card, Scorecard):
        lines = [f"macro F1   {words.interval(card.macro_f1)} on {card.rows:,} rows"]
    else:
        lines = [
            f"{scale.TITLES[other]:15} {scale.shown(other, value)}"
            for other, value in card.metrics.items()
            if other != name
        ]
    lines += [
        f"{of:10} {scale.shown(name, scale.metrics_of(known)[name])} {scale.TITLES[name]}, "
        "a baseline"
        for of, known in result.baselines.items()
        if name in scale.metrics_of(known)
    ]
    lines.append(
        f"cost       {words.duration(result.train_seconds)} to learn from {result.train_rows:,} "
        f"rows, {result.predict_ms_per_row:.1f} ms to {_ask(result)} one, "
        f"{words.size(result.peak_memory_bytes)} at most"
    )
    if result.forecast and result.fit_memory_bytes:
        lines.append(
            f"forecast   {words.duration(result.forecast.seconds)} and "
            f"{words.size(result.forecast.memory_bytes)} to learn; it took "
            f"{words.duration(result.train_seconds)} and {words.size(result.fit_memory_bytes)}"
        )
    return Content.assemble("\n".join(lines), "\n", mistakes(result, {}))


def _ask(result: Result) -> str:
    return "label" if isinstance(result.scorecard, Scorecard) else "answer"
