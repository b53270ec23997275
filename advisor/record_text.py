"""A decision record in Markdown: what a colleague reads a year later."""

from collections.abc import Iterator

from advisor import phrases
from advisor.outputs_advice import RankedOutput
from advisor.record import Record


def markdown(record: Record) -> str:
    """The whole record as a page."""
    return "\n".join(_lines(record)) + "\n"


def _lines(record: Record) -> Iterator[str]:
    advice, expiry = record.advice, record.expiry
    yield f"# Decision of {record.made}: {advice.top or 'every approach is ruled out'}"
    yield ""
    yield f"Margin: **{advice.margin.verdict}** ({advice.margin.because})."
    if advice.runner_up:
        rule = f" [{advice.runner_up.rule}]" if advice.runner_up.rule else ""
        yield f"Runner-up: **{advice.runner_up.approach}**. {advice.runner_up.why}{rule}"
    if advice.experiment:
        found = advice.experiment
        yield f"Measure first: {', '.join(found.approaches)}. {found.why} {found.tells}"
    yield ""
    for gate in advice.gates:
        yield f"- {'STOP' if gate.stop else 'Note'}: {gate.text} ({gate.source})"
        yield from (f"  - {step}" for step in gate.how)
    yield from ("## Facts", "", "| fact | value | from |", "| --- | --- | --- |")
    for name, item in advice.facts.items():
        value = _cell(phrases.told(name, item.value))
        yield f"| {name} | {value} | {item.origin}: {_cell(item.how)} |"
    unknown = ", ".join(item.fact for item in advice.open)
    yield from ("", f"Not known, though rules wait for it: {unknown or 'nothing'}.", "")
    yield from ("## Verdicts", "")
    for item in advice.ranking:
        yield from _verdict(item)
    yield from ("", "## What would change it", "")
    for flip in advice.flips:
        yield f"- {flip.text}: **{flip.top or 'nothing is left'}**"
    stable = advice.stability
    yield f"- the same first place in {stable.same} of {stable.total} one-fact changes"
    yield from ("", "## Check again", "")
    yield f"- on **{expiry.date}** at the latest: {expiry.because}"
    yield from (f"- when there is {when}" for when in expiry.when)
    yield from ("", "## Made with", "")
    yield f"whichtune {record.whichtune}, {len(record.rules)} rules; versions of those that fired:"
    fired = [reason.rule for item in advice.ranking for reason in item.reasons]
    yield ""
    yield from (f"- `{rule}` {record.rules[rule]}" for rule in sorted(fired))


def _verdict(item: RankedOutput) -> Iterator[str]:
    out = item.status == "ruled_out"
    yield f"{item.place}. **{item.approach}** {'ruled out' if out else f'{item.score:+d}'}"
    for reason in item.reasons:
        points = f"{reason.points:+d} " if reason.points else ""
        own = reason.where.startswith("rules/approaches/")
        where = "" if own else f", {reason.where}"
        yield f"   - {points}{reason.text} [{reason.rule}{where}, {reason.source}]"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
