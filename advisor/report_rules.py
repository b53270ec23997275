"""What the rules cover, as rich renderables."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rules.review import Coverage


def coverage(found: Coverage) -> RenderableType:
    """Rules by approach, rules by fact, and the words that no rule names."""
    table = Table(box=None, padding=(0, 1), pad_edge=False)
    for name in ("approach", "for", "against", "out", "A", "B", "C", "D", "oldest check"):
        table.add_column(name, justify="left" if name == "approach" else "right", no_wrap=True)
    for item in found.approaches:
        grades = [str(item.grades.get(grade, "")) for grade in "ABCD"]
        counts = (str(item.speaks_for), str(item.speaks_against), str(item.rules_out))
        table.add_row(item.approach, *counts, *grades, str(item.oldest))
    facts = ", ".join(
        f"{name} {count}" for name, count in sorted(found.facts.items(), key=lambda kv: -kv[1])
    )
    unseen = [name for name, count in found.facts.items() if not count]
    parts: list[RenderableType] = [table, Text(""), Text("Rules that look at each fact", "bold")]
    parts += [Text(facts), Text("")]
    if unseen:
        parts.append(Text(f"No rule looks at: {', '.join(unseen)}"))
    parts.append(Text("Values that no rule names", style="bold"))
    parts += [Text(f"  {name}: {', '.join(words)}") for name, words in found.words.items()]
    return Group(*parts)
