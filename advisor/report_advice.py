"""Advice as rich renderables: verdict, facts, ranking, what would change it, what to ask."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from advisor import base_models, console, memory_advice, staged
from advisor.advice import Advice
from advisor.facts import Situation
from advisor.gates import Experiment, Gate
from advisor.questions import QUESTIONS
from advisor.recommend import Ranked, Recommendation
from rules.facts import Facts

_SHOWN_FLIPS, _SHOWN_REASONS, _SHOWN_MODELS = 4, 3, 2
_BAR = 10
_OWN = "rules/approaches/"


def advice(said: Advice, *, details: bool, data: str = "FILE") -> RenderableType:
    """Verdict, facts with origins, every approach, the way there, and what would change it."""
    found = said.recommendation
    ranked = [item for item in found.ranking if item.status != "ruled_out"]
    out = [item for item in found.ranking if item.status == "ruled_out"]
    parts: list[RenderableType] = [*_gates(found.gates), verdict(found), Text("")]
    parts += [facts(said.situation), Text("")]
    known = said.situation.facts
    parts += [
        _approach(item, known, details=details or item.place <= _SHOWN_REASONS) for item in ranked
    ]
    if out:
        parts += [Text(""), Text("Ruled out", style="bold"), _ruled_out(out)]
    parts += [*_steps(said, data), *_base_model(said, details=details)]
    return Group(*parts, *around(said, details=details), *_next(said, details=details))


def verdict(found: Recommendation) -> RenderableType:
    """First place, how sure it is, and who came second and why."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, width=11)
    table.add_column(ratio=1)
    if not found.top:
        table.add_row("Verdict", Text("every approach is ruled out", style="bold"))
        return table
    first, second = found.ranking[0], found.runner_up
    tossed = found.margin.verdict == "toss-up"
    names = f"{first.approach} or {second.approach}" if tossed and second else first.approach
    head = Text(f"{'toss-up: ' if tossed else ''}{names}", style="bold")
    if not tossed:
        head.append(f"  {found.margin.verdict}", style="not bold")
    table.add_row(Text("Verdict", style="bold"), head)
    table.add_row("", Text(found.margin.because))
    if second:
        text = Text(f"{second.approach}: {second.why}")
        text.append(f"  [{second.rule}]" if second.rule else "", style="dim")
        table.add_row("Runner-up", text)
    if found.experiment:
        table.add_row("Measure", _experiment(found.experiment))
    return table


def _experiment(found: Experiment) -> Text:
    text = Text(", ".join(found.approaches), style="bold")
    text.append(f"  {found.why} {found.tells}", style="not bold")
    return text


def _gates(found: Sequence[Gate]) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for gate in found:
        text = Text("Stop: " if gate.stop else "Note: ", style="bold")
        text.append(gate.text, style="not bold").append(f"  [{gate.source}]", style="dim")
        lines.append(text)
        for step in gate.how:
            if step.startswith("whichtune "):
                lines.append(console.command(step, indent=4))
            else:
                lines.append(Padding(Text(f"- {step}"), (0, 0, 0, 2)))
    return [*lines, Text("")] if lines else []


def facts(situation: Situation) -> RenderableType:
    """What is known, and from where; what is not known, by name."""
    table = Table.grid(padding=(0, 2))
    for name, item in situation.known.items():
        value = f"{item.value:,}" if isinstance(item.value, int | float) else str(item.value)
        value = {"True": "yes", "False": "no"}.get(str(item.value), value)
        table.add_row(name, value, Text(f"{item.origin}: {item.how}", style="dim"))
    unknown = [q.id for q in QUESTIONS if q.id not in situation.known]
    rest = Text("not known: " + ", ".join(unknown), style="dim") if unknown else Text("")
    return Group(Text("Facts", style="bold"), Padding(table, (0, 0, 0, 2)), Padding(rest, (0, 2)))


def _approach(item: Ranked, known: Facts, *, details: bool) -> RenderableType:
    head = Text(f"{item.place:>2}  {item.approach}", style="bold" if item.place == 1 else "")
    head.append(f"  {item.score:+d}  {item.title}", style="")
    if item.status == "recommended":
        head.append("  <- recommended", style="bold")
    if not item.can_run:
        head.append("  (advice only)", style="dim")
    if not details:
        return head
    lines = [
        _reason(reason.points, reason.text, _from(reason.rule, reason.source, reason.where))
        for reason in sorted(item.verdict.reasons, key=lambda reason: -abs(reason.points))
    ]
    memory = memory_advice.held(known, item.approach)
    if memory:
        text = "\n".join(memory_advice.lines(memory))
        lines.append(Padding(Text(text, style="dim"), (0, 0, 0, 7)))
    return Group(head, *lines)


def _from(rule: str, source: str, where: str) -> str:
    """Rule and source; for a rule that is not our own, its file too."""
    return f"{rule}, {source}" if where.startswith(_OWN) else f"{rule}, {where}, {source}"


def _reason(points: int, text: str, origin: str) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=6, justify="right")
    table.add_column(ratio=1)
    body = Text(text)
    body.append(f"  [{origin}]", style="dim")
    table.add_row(f"{points:+d}" if points else "", body)
    return table


def _ruled_out(items: Iterable[Ranked]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=2, justify="right")
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for item in items:
        gate = next(r for r in item.verdict.reasons if r.effect == "rules_out")
        own = gate.where.startswith(_OWN)
        text = Text(gate.text)
        text.append(f"  [{gate.rule}{'' if own else ', ' + gate.where}]", style="dim")
        table.add_row("x", item.approach, text)
    return table


def _steps(said: Advice, data: str) -> list[RenderableType]:
    """The steps that lead to first place; nothing where it is a single one."""
    steps = staged.plan(said.situation.facts, said.recommendation.top, data)
    if len(steps) < 2:
        return []
    lines: list[RenderableType] = [Text(""), Text("In this order", style="bold")]
    for step in steps:
        text = Text(f"{step.number}. {step.title} ({step.approach}): {step.why}")
        text.append(f" {step.note}" if step.note else "").append(f"  [{step.source}]", style="dim")
        lines.append(Padding(text, (0, 0, 0, 4)))
        if step.command:
            lines.append(console.command(step.command, indent=7))
    return lines


def _base_model(said: Advice, *, details: bool) -> list[RenderableType]:
    """What to build on: why this kind and size, and some names."""
    found = base_models.advise(said.situation.facts)
    lines: list[RenderableType] = [Text(""), Text("Base model", style="bold")]
    lines.append(Padding(Text(" ".join(found.why)), (0, 0, 0, 4)))
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1)
    for model in found.models if details else found.models[:_SHOWN_MODELS]:
        size = f"{model.parameters_b:g}B"
        table.add_row(model.id, size, f"{model.why} {model.needs}".strip())
    lines.append(Padding(table, (0, 0, 0, 4)))
    if details:
        lines += [Padding(Text(fit.arithmetic, "dim"), (0, 0, 0, 4)) for fit in found.fits]
    return [*lines, *(Padding(Text(note, "dim"), (0, 0, 0, 4)) for note in found.notes)]


def around(said: Advice, *, details: bool) -> list[RenderableType]:
    """The nearest changes that put another approach first, and how many do not."""
    found = said.around
    shown = found.flips if details else found.flips[:_SHOWN_FLIPS]
    lines: list[RenderableType] = [Text(""), Text("Would change it", style="bold")]
    table = Table.grid(padding=(0, 2))
    table.add_column(ratio=1)
    table.add_column(no_wrap=True)
    for flip in shown:
        table.add_row(flip.text, f"-> {flip.top or 'nothing is left'}")
    if not shown:
        table.add_row("no single fact", "")
    more = len(found.flips) - len(shown)
    stable = f"same first place in {found.same} of {found.total} one-fact changes"
    stable += f"; {more} more would change it: --details" if more else ""
    return [*lines, Padding(table, (0, 0, 0, 4)), Padding(Text(stable, "dim"), (0, 0, 0, 4))]


def _next(said: Advice, *, details: bool) -> list[RenderableType]:
    lines: list[RenderableType] = [Text(""), Text("Worth answering", style="bold")]
    if said.next is None:
        why = "nothing more that could be asked is likely to change first place"
        return [*lines, Padding(Text(why), (0, 0, 0, 4))]
    ask = said.next
    text = Text(f"{ask.question.text}\n{ask.why_now[0].upper()}{ask.why_now[1:]}.")
    lines.append(Padding(text, (0, 0, 0, 4)))
    lines.append(console.command(f"--set {ask.question.id}=…", indent=4))
    if details:
        rules = sum(len(item.rules) for item in said.recommendation.open_facts)
        lines.append(Padding(Text(f"{rules} rules wait for a fact", "dim"), (0, 0, 0, 4)))
    return lines


def ladder(said: Advice) -> RenderableType:
    """Every approach on its rung, the cheapest at the foot, with its place and its points."""
    ranking = sorted(said.recommendation.ranking, key=lambda item: -item.rung)
    possible = [item.score for item in ranking if item.status != "ruled_out"]
    most, least = max(possible, default=0), min(possible, default=0)
    name = max(len(item.approach) for item in ranking)
    lines: list[RenderableType] = [Text("costly", style="dim")]
    for item in ranking:
        out, first = item.status == "ruled_out", item.status == "recommended"
        told = sorted(item.verdict.reasons, key=lambda r: (r.effect != "rules_out", -abs(r.points)))
        length = 0 if out else round(_BAR * (item.score - least) / max(1, most - least))
        place, score = ("x", "") if out else (f"{item.place}.", f"{item.score:+d}")
        text = f"{'->' if first else '':2} {place:>3} {item.approach:{name}} {score:>3} "
        text += f"{'#' * length:{_BAR}} {told[0].text if told else ''}"
        style = "bold" if first else "dim" if out else ""
        lines.append(Text(text, style=style, no_wrap=True, overflow="ellipsis"))
    return Group(*lines, Text("cheap", style="dim"))
