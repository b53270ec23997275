"""One approach explained as an expert would: a paragraph, not a table.

Every sentence is either a rule's own, with its id in brackets, or computed: the place, the
distance, the nearest change that would put it first, and how well the claims are supported.
"""

from collections.abc import Iterator, Sequence

from advisor import phrases
from advisor.advice import Advice
from advisor.counterfactuals import flips_to
from advisor.recommend import Ranked
from rules.engine import Approach, Reason, Rule
from rules.errors import RuleError
from rules.node import nearest

_GRADES = {
    "A": "several measurements agree on",
    "B": "one good measurement supports",
    "C": "practice, not measurement, supports",
    "D": "we extrapolate",
}
_NUMBERS = ("No", "One thing", "Two things", "Three things", "Four things", "Five things")


def explain(said: Advice, name: str) -> str:
    """The case for and against an approach, as one paragraph.

    Raises:
        RuleError: There is no such approach; the nearest one is named.
    """
    approach = find(said.approaches, name)
    item = next(item for item in said.recommendation.ranking if item.approach == name)
    parts = [_place(item, said), *_arguments(item), *_open(item), *_turn(item, said)]
    return " ".join([*parts, *_support(item, approach)])


def find(approaches: Sequence[Approach], name: str) -> Approach:
    """An approach by its name."""
    known = {approach.name: approach for approach in approaches}
    if name not in known:
        fix = nearest(name, list(known), f"the approaches are {', '.join(known)}")
        raise RuleError(f"no approach {name!r}", where="--explain", fix=fix)
    return known[name]


def _place(item: Ranked, said: Advice) -> str:
    found, title = said.recommendation, f"{item.title} ({item.approach})"
    if item.status == "ruled_out":
        return f"{title} is ruled out here."
    first = found.ranking[0]
    if item.place > 1:
        behind = first.score - item.score
        points = f"{behind} point{'s' * (behind != 1)} behind" if behind else "level with"
        return f"{title} comes in place {item.place}, {points} {first.approach}."
    sure = {
        "clear": "is the clear choice here",
        "moderate": "is the better choice here, by a moderate margin",
        "toss-up": "stands first, but it is a toss-up",
    }[found.margin.verdict]
    rival = f" over {found.runner_up.approach}" if found.runner_up else ""
    return f"{title} {sure}{rival}: {found.margin.because}."


def _arguments(item: Ranked) -> Iterator[str]:
    reasons = sorted(item.verdict.reasons, key=lambda reason: -abs(reason.points))
    gates = [reason for reason in reasons if reason.effect == "rules_out"]
    speaking = [reason for reason in reasons if reason.points > 0]
    against = [reason for reason in reasons if reason.points < 0]
    for reason in gates:
        yield _cited(reason)
    if speaking:
        yield ("Otherwise: " if gates else "") + _lead(len(speaking), "for it")
        yield from (_cited(reason) for reason in speaking)
    elif not gates:
        yield "Nothing that is known speaks for it."
    if against:
        yield _lead(len(against), "against it")
        yield from (_cited(reason) for reason in against)
    if not gates and not against and speaking:
        yield "Nothing that is known speaks against it."


def _lead(count: int, side: str) -> str:
    many = _NUMBERS[count] if count < len(_NUMBERS) else f"{count} things"
    return f"{many} {'speaks' if count == 1 else 'speak'} {side}:"


def _cited(reason: Reason) -> str:
    own = reason.where.startswith("rules/approaches/")
    return f"{reason.text} [{reason.rule}{'' if own else ', ' + reason.where}]"


def _open(item: Ranked) -> Iterator[str]:
    """What is not known and would matter, the fact that most rules wait for first."""
    waiting: dict[str, list[str]] = {}
    for undecided in item.verdict.undecided:
        for fact in undecided.facts:
            waiting.setdefault(fact, []).append(undecided.rule)
    if waiting and item.status != "ruled_out":
        facts = sorted(waiting, key=lambda fact: -len(waiting[fact]))[:3]
        rules = len(item.verdict.undecided)
        many = f"Of its rules {rules} wait" if rules > 1 else "One of its rules waits"
        yield f"{many} for facts that nobody gave, first of all {_listed(facts)}."


def _turn(item: Ranked, said: Advice) -> Iterator[str]:
    """What would put it first; for the first, what would dethrone it."""
    if item.place == 1 and item.status == "recommended":
        near = said.around.flips[:2]
        told = [f"{flip.top or 'nothing'} with {flip.text}" for flip in near]
        if told:
            yield f"The answer would be {', or '.join(told)}."
        yield f"It stays first in {said.around.same} of {said.around.total} one-fact changes."
        return
    flips = flips_to(item.approach, said.around)[:2]
    if flips:
        yield f"It would come first with {' or with '.join(flip.text for flip in flips)}."
    else:
        yield "No change of a single fact would put it first."


def _support(item: Ranked, approach: Approach) -> Iterator[str]:
    rules = {rule.id: rule for rule in approach.rules}
    used: list[Rule] = [rules[reason.rule] for reason in item.verdict.reasons]
    if not used:
        return
    by_grade: dict[str, list[str]] = {}
    for rule in used:
        by_grade.setdefault(rule.confidence, []).append(rule.id)
    grades = sorted(by_grade)
    if len(used) == 1 or len(grades) == 1:
        what = "the argument" if len(used) == 1 else "these arguments"
        told = f"{_GRADES[grades[0]]} {what}"
    else:
        told = "; ".join(f"{_GRADES[grade]} {_listed(by_grade[grade])}" for grade in grades)
    oldest = min(rule.checked for rule in used)
    yield f"How well this is known: {told}; last checked {oldest:%Y-%m-%d}."


def _listed(items: Sequence[str]) -> str:
    return " and ".join((", ".join(items[:-1]), items[-1])) if len(items) > 1 else items[0]


def known(said: Advice) -> str:
    """The facts in words, as the paragraph's ground."""
    row = said.situation.known
    return "; ".join(phrases.told(fact, item.value) for fact, item in row.items()) or "nothing"
