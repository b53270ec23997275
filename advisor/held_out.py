"""Whether a judge is a stranger to what it judges: else it finds its own taste, or its own memory.

A reward model that trained a run likes what that run learned to please it with, and one that has
seen a question knows which answer somebody preferred.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rules.errors import RunError
from runners import _data, _reward_model
from runners._references import known_by
from runners._reward_model import About
from runners._run_folder import RunStatus
from runners.base import Row

FLAG = "--not-held-out"
UNKNOWN = "judge_of_unknown_pairs"
_STAGE = "reward"


class Kin(NamedTuple):
    """One way in which a judge is no stranger."""

    code: str
    what: str


def kinship(judge: About, chosen: Sequence[RunStatus], judged: Sequence[Row]) -> list[Kin]:
    """Everything that speaks against this judge; nothing: it is held out.

    Args:
        judge: A reward model.
        chosen: The runs whose answers it judges.
        judged: The rows they answered, as they were read.
    """
    found: list[Kin] = []
    for run in chosen:
        own = _reward_model.find(run.plan.artifact / _STAGE / "artifact")
        if own and own.weights_sha256 == judge.weights_sha256:
            what = f"it is the reward model that trained {run.name}"
            found.append(Kin("judge_trained_the_run", what))
    if judge.learned is None:
        what = "it does not say which pairs it learned from: it was trained by an older version"
        return [*found, Kin(UNKNOWN, what)]
    seen = _shared(judge.learned, judged)
    if seen:
        what = f"it learned from pairs of {seen:,} of the {len(judged):,} questions that it judges"
        found.append(Kin("judge_saw_the_questions", what))
    for run in chosen:
        rows = _data.read_rows(run.plan.train)
        if shared := _shared(judge.learned, rows):
            what = f"it learned from {shared:,} of the {len(rows):,} rows that {run.name} learned"
            found.append(Kin("judge_shares_pairs", f"{what} from: both make the same mistakes"))
    return found


def require(found: Sequence[Kin], judge: str) -> None:
    """Refuse a judge that is no stranger; one of which it is not known is only warned of.

    Raises:
        RunError: It is none.
    """
    known = [kin for kin in found if kin.code != UNKNOWN]
    if known:
        what = f"the judge is not held out: {'; '.join(kin.what for kin in known)}"
        fix = "train one on other pairs (whichtune run --approach rlhf --data OTHER_PAIRS "
        fix += f"--setting steps=1), or ask a model: --judge api:NAME; to see it anyway: {FLAG}"
        raise RunError(what, where=f"--judge {judge}", fix=fix)


def _shared(learned: frozenset[str], rows: Sequence[Row]) -> int:
    return sum(known_by(row) in learned for row in rows)
