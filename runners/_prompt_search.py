"""A search over prompts and numbers of examples, on rows that were set aside to choose by.

Each candidate is fitted and asked as a run would do it, on the same rows. Where calls are few,
half of the candidates are dropped after a part of the rows (sequential halving: Karnin, Koren and
Somekh 2013, ICML), and the answers that are there are kept for the next round. All rounds are fixed
before the first question. Among the last ones the cheapest within a standard error of the best is
picked, as in a sweep; cheap is what reads and writes few tokens.
"""

import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runners import _causal_lm, _measure, _measure_text, _measuring, _outgoing, _quiet
from runners._prompt_trials import Candidate, Round, Searched, Trial
from runners._references import Asked, asked
from runners.base import (
    Plan,
    Prediction,
    Predictor,
    Progress,
    Report,
    Row,
    Usage,
    find,
    silent,
)

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 16


def questions(plan: Plan, rows: Sequence[Row]) -> list[Asked]:
    """What can be asked, shuffled by the seed; rows of texts that ask the same are one."""
    found = asked(rows)
    if not _measuring.is_text(plan):
        found = [Asked(row, (n,), (row.target,)) for n, row in enumerate(rows)]
    return random.Random(plan.seed).sample(found, len(found))


class _Entrant:
    """A candidate on its way, with what it answered so far."""

    def __init__(self, candidate: Candidate, place: int) -> None:
        self.candidate, self.place = candidate, place
        self.predictor: Predictor | None = None
        self.answers: list[Prediction] = []
        self.values: list[float] = []

    def order(self) -> tuple[float, float]:
        """The best first, and of equals the cheapest."""
        return -sum(self.values) / len(self.values), self.tokens

    @property
    def tokens(self) -> float:
        return sum(item.tokens or 0 for item in self.answers) / len(self.answers)


def search(
    plan: Plan,
    candidates: Sequence[Candidate],
    sides: tuple[Sequence[Row], Sequence[Row]],
    rounds: Sequence[Round],
    report: Report,
) -> Searched:
    """Carry the rounds out.

    Args:
        plan: Task, base model, endpoint and seed; approach and settings are those of a candidate.
        candidates: The approach's own instruction with the fewest examples comes first.
        sides: Rows that examples are taken from, and rows to choose by.
        rounds: As :func:`_prompt_trials.schedule` gives them.
        report: Is told how far it is.

    Raises:
        UserError: The model cannot be opened or asked, or the money is used up.
    """
    _quiet.settle()
    began = time.monotonic()
    shown, held = sides
    items = questions(plan, held)[: rounds[-1].rows]
    entrants = [_Entrant(candidate, place) for place, candidate in enumerate(candidates)]
    with tempfile.TemporaryDirectory(prefix="whichtune-") as folder, _causal_lm.opened_once():
        staying = entrants
        for number, step in enumerate(rounds):
            staying = _best(staying, step.candidates)
            told = f"round {number + 1} of {len(rounds)}, {len(staying)} candidates"
            for place, entrant in enumerate(staying):
                report(Progress(message=told, step=place, steps=len(staying)))
                if entrant.predictor is None:
                    entrant.predictor = _fitted(plan, entrant, shown, Path(folder))
                _answer(plan, entrant, items[len(entrant.answers) : step.rows], held)
    everyone = [answer for entrant in entrants for answer in entrant.answers]
    usage = _outgoing.usage(plan, everyone, report)
    return _found(plan, entrants, staying, usage).model_copy(
        update={
            "rows": tuple(item.row.id for item in items),
            "examples": len(shown),
            "rounds": tuple(rounds),
            "seconds": time.monotonic() - began,
        }
    )


def _best(entrants: Sequence[_Entrant], count: int) -> list[_Entrant]:
    """Those that go on; the first of all does so whatever it answered, to be held against."""
    if count >= len(entrants):
        return list(entrants)
    own, *others = entrants
    return [own, *sorted(others, key=_Entrant.order)[: count - 1]]


def _fitted(plan: Plan, entrant: _Entrant, shown: Sequence[Row], folder: Path) -> Predictor:
    candidate = entrant.candidate
    inside = plan.model_copy(
        update={
            "approach": candidate.approach,
            "settings": candidate.settings,
            "folder": folder / str(entrant.place),
        }
    )
    runner = find(candidate.approach)
    runner.fit(inside, shown, silent)
    return runner.load(inside.artifact)


def _answer(plan: Plan, entrant: _Entrant, items: Sequence[Asked], held: Sequence[Row]) -> None:
    """Ask about some more rows, and keep what the answers are worth."""
    predictor = entrant.predictor
    if predictor is None:
        raise AssertionError("not fitted")
    block = max(1, len(items)) if plan.endpoint else _BLOCK
    for start in range(0, len(items), block):
        part = items[start : start + block]
        answers = predictor.predict([item.row for item in part])
        entrant.answers += answers
        if not _measuring.is_text(plan):
            pairs = zip(part, answers, strict=True)
            entrant.values += [
                float(answer.prediction in item.references) for item, answer in pairs
            ]
            continue
        for item, answer in zip(part, answers, strict=True):
            rows = [held[place] for place in item.places]
            entrant.values.append(_measure_text.row_scores(rows, [answer] * len(rows))[0])


def _found(
    plan: Plan, entrants: Sequence[_Entrant], last: Sequence[_Entrant], usage: Usage | None
) -> Searched:
    import numpy as np

    text = _measuring.is_text(plan)
    values = {id(entrant): np.array(entrant.values) for entrant in entrants}
    order = sorted(last, key=_Entrant.order)
    top = values[id(order[0])]
    tied = [entrant for entrant in order if _measure.tie(top, values[id(entrant)])]
    chosen = min(tied, key=lambda entrant: entrant.tokens)
    gone = sorted(
        (entrant for entrant in entrants if entrant not in last),
        key=lambda entrant: (-len(entrant.values), *entrant.order()),
    )
    trials = {
        id(entrant): _trial(entrant, values[id(entrant)], text=text, ties=entrant in tied)
        for entrant in [*order, *gone]
    }
    return Searched(
        metric="chrf" if text else "accuracy",
        rows=(),
        examples=0,
        rounds=(),
        trials=tuple(trials.values()),
        best=trials[id(order[0])],
        picked=trials[id(chosen)],
        own=trials[id(entrants[0])],
        gain=_measure.mean(values[id(chosen)] - values[id(entrants[0])]),
        optimism=_measure.optimism(np.array([values[id(entrant)] for entrant in last])),
        usage=usage,
        seconds=0.0,
    )


def _trial(entrant: _Entrant, values: "np.ndarray", *, text: bool, ties: bool) -> Trial:
    prompt = entrant.candidate.prompt
    return Trial(
        prompt=prompt.name,
        version=prompt.version,
        shots=entrant.candidate.shots,
        rows=len(values),
        score=_measure.mean(values) if text else _measure.share(values > 0),
        tokens=round(entrant.tokens, 1),
        ties=ties,
    )
