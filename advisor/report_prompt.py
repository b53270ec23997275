"""A prompt that was held against the advice, in words."""

import shlex
from collections.abc import Iterator

from rich.text import Text

from advisor.prompts import Checked

_INDENT = " " * 13


def checked(found: Checked) -> Iterator[Text]:
    """What it says, what is missing with an example, and what to write."""
    yield Text(f"{found.file}: {found.words:,} words, version {found.version}", style="bold")
    if not found.english:
        yield Text("  not English: only English prompts are held against the advice")
    for part in found.parts:
        if part.found:
            yield Text.assemble(f"  ok       {part.code:10} ", (part.found, "italic"))
        else:
            yield Text(f"  missing  {part.code:10} {part.why}")
            yield Text(
                f"             worse:  {part.worse}\n             better: {part.better}", "dim"
            )
    if found.vague:
        yield Text(f"  vague    {', '.join(found.vague)}: say what is meant")
    if found.open:
        yield Text(f"  open     {', '.join(found.open)}: fill it in")
    if found.missing:
        yield Text("\nbefore", style="bold")
        yield Text(found.before)
        yield Text("\nafter, with what is in brackets to be filled in", style="bold")
        yield Text(found.after)
    elif not found.open:
        use = shlex.quote(f"instruction=@{found.file}")
        yield Text(f"\nNext: whichtune run --approach zero_shot --setting {use} --data FILE")
