"""The command that looks into the rule book: list, check, coverage, explain."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import typer

from advisor import console
from advisor.cli_options import Json, Rules
from rules import engine
from rules.engine import Approach, Rule
from rules.errors import RuleError, UserError
from rules.node import nearest


def rules_command(
    action: Annotated[
        Literal["list", "check", "coverage", "explain"], typer.Argument(help="What to do.")
    ],
    rule_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Rule or approach.")] = None,
    rules: Rules = None,
    as_json: Json = False,
) -> None:
    """Look into the rules: all of them, one, what they cover, and whether they contradict.

    \b
    whichtune rules list [APPROACH]            every rule, with its effect and its file
    whichtune rules explain lora-labels        one rule: condition, source, age, cases
    whichtune rules check --rules company/     contradictions, rules that never fire, broken cases
    whichtune rules coverage                   what is known about what, and what is not

    check ends with 1 when two rules contradict each other or a case does not hold. An argument
    without effect is named, no more: a policy that rules something out is meant to silence it.
    """
    approaches = engine.load(engine.FOLDER, *(rules or []))
    if action == "list":
        _list(approaches, rule_id, as_json=as_json)
    elif action == "explain":
        _explain(approaches, rule_id, as_json=as_json)
    elif action == "coverage":
        _coverage(approaches, as_json=as_json)
    else:
        _check(approaches, as_json=as_json)


def _list(approaches: Sequence[Approach], wanted: str | None, *, as_json: bool) -> None:
    names = [approach.name for approach in approaches]
    if wanted and wanted not in names:
        fix = nearest(wanted, names, f"the approaches are {', '.join(names)}")
        raise RuleError(f"no approach {wanted!r}", where="rules list", fix=fix)
    chosen = [item for item in approaches if wanted in (None, item.name)]
    if as_json:
        from advisor.outputs_rules import RulesOutput

        console.emit(RulesOutput.of(chosen))
        return
    for approach in chosen:
        for rule in approach.rules:
            sign = {"speaks_for": "+", "speaks_against": "-"}.get(rule.effect, "x")
            points = f"{sign}{rule.weight}" if rule.weight else sign
            sys.stdout.write(f"{points:>4}  {rule.id:42} {rule.where}\n")


def _explain(approaches: Sequence[Approach], wanted: str | None, *, as_json: bool) -> None:
    every = {rule.id: (approach, rule) for approach in approaches for rule in approach.rules}
    if wanted is None or wanted not in every:
        otherwise = "whichtune rules list shows every id"
        fix = nearest(wanted, list(every), otherwise) if wanted else otherwise
        what = f"no rule {wanted!r}" if wanted else "which rule?"
        raise UserError(what, where="rules explain", fix=fix)
    approach, rule = every[wanted]
    if as_json:
        from advisor.outputs_rules import RuleOutput

        console.emit(RuleOutput.of(approach, rule))
        return
    sys.stdout.write("\n".join(_told(approach, rule)) + "\n")


def _told(approach: Approach, rule: Rule) -> Sequence[str]:
    weight = f", {rule.weight} points" if rule.weight else ""
    effect = rule.effect.replace("_", " ").replace("rules out", "rules it out")
    said = {
        "A": "several measurements agree, or it follows from the words",
        "B": "one good measurement",
        "C": "a rule of practice",
        "D": "our extrapolation",
    }[rule.confidence]
    cases = [
        f"           {case.facts.model_dump(exclude_none=True)}"
        for case in approach.cases
        if rule.id in case.fires
    ]
    return [
        f"{rule.id}   {approach.title} ({approach.name}): {effect}{weight}",
        f"  when     {rule.when}",
        f"  because  {rule.because}",
        f"  source   {rule.source}",
        f"  checked  {rule.checked}, confidence {rule.confidence}: {said}",
        f"  file     {rule.where}   version {rule.version}",
        *(["  fires in one of its cases with", *cases[:3]] if cases else []),
    ]


def _coverage(approaches: Sequence[Approach], *, as_json: bool) -> None:
    from rules import review

    found = review.coverage(approaches)
    if as_json:
        from advisor.outputs_rules import CoverageOutput

        console.emit(CoverageOutput(coverage=found))
        return
    from advisor import report_rules

    console.show(report_rules.coverage(found))


def _check(approaches: Sequence[Approach], *, as_json: bool) -> None:
    from rules import review

    found = review.check(approaches)
    if as_json:
        from advisor.outputs_rules import ReviewOutput

        console.emit(ReviewOutput(review=found))
    else:
        for finding in found.findings:
            sys.stdout.write(f"{finding.where}: {finding.text}\n  fix: {finding.fix}\n")
        total = sum(len(approach.rules) for approach in approaches)
        sys.stdout.write(f"{total:,} rules, {len(found.findings)} findings\n")
        for note in found.notes:
            console.talk(note)
    if any(finding.kind != "no_effect" for finding in found.findings):
        raise typer.Exit(1)


COMMANDS: dict[str, Callable[..., None]] = {"rules": rules_command}
