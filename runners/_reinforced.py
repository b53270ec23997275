"""What reinforcement did, on questions it was not trained on: reward, KL, length and diversity.

Both the model and its reference answer each question once, greedily; the warnings have codes.
"""

import itertools
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from runners import _measure_text, _render, _run_folder
from runners._policy import Policy
from runners._references import asked, question
from runners._rewards import Reward
from runners.base import Plan, Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FILE = "reinforced.json"
_HELD = 32
_KL, _LONGER, _POORER = 10.0, 1.5, 0.5
"""Nats an answer, times the length, times the diversity, from which a warning is given: guesses."""


class Side(NamedTuple):
    """What one model answers."""

    reward: float
    low: float
    high: float
    words: float
    distinct: float
    """Share of pairs of neighbouring words that occur once only, over all answers."""
    preferred: float | None
    """Share of held-out pairs of which it finds the better answer likelier, by bytes."""


class Compared(NamedTuple):
    """Before and after."""

    questions: int
    before: Side
    after: Side
    kl: float
    """Mean of the logarithm of how much likelier an answer is than under the reference, in nats."""

    def told(self) -> str:
        """One line of it."""
        one, other = self.before, self.after
        return (
            f"on {self.questions} questions held back: reward {one.reward:.3f} ({one.low:.3f} to "
            f"{one.high:.3f}) -> {other.reward:.3f} ({other.low:.3f} to {other.high:.3f}), "
            f"KL {self.kl:.2f}, words {one.words:.1f} -> {other.words:.1f}, "
            f"distinct {one.distinct:.2f} -> {other.distinct:.2f}"
        )

    def values(self) -> dict[str, float]:
        """Its numbers, for whoever draws them."""
        return {"reward before": self.before.reward, "reward after": self.after.reward}

    def warnings(self) -> list[str]:
        """What a higher reward may hide."""
        one, other = self.before, self.after
        found: list[str] = []
        if None not in (one.preferred, other.preferred) and other.reward > one.reward:
            fell = (one.preferred or 0) - (other.preferred or 0)
            if fell > 0.05:
                text = f"the reward rose and preference accuracy fell by {fell:.2f}"
                found.append(f"reward_hacked: {text}; raise --setting beta=")
        if self.kl > _KL:
            text = f"answers are {self.kl:.1f} nats from the reference"
            found.append(f"kl_explosion: {text}; raise --setting beta=, or take fewer steps")
        if other.distinct < _POORER * one.distinct:
            text = f"distinct pairs of words fell from {one.distinct:.2f} to {other.distinct:.2f}"
            found.append(f"diversity_collapse: {text}; raise --setting beta=")
        if other.words > _LONGER * max(one.words, 1):
            text = f"answers grew from {one.words:.1f} to {other.words:.1f} words"
            found.append(f"length_hacking: {text}; see whether the reward likes length alone")
        return found


def parted(
    plan: Plan, rows: Sequence[Row], tokenizer: "PreTrainedTokenizerBase", most: int
) -> tuple[list[Row], list[Row]]:
    """Questions to learn from, each once, and some that are only looked at.

    Raises:
        RenderError: A row does not fit the template.
    """
    del plan
    each = [rows[item.places[0]] for item in asked(rows)]
    fitting = [row for row in each if len(_render.prompt(question(row), tokenizer)[1]) <= most]
    held = min(_HELD, len(fitting) // 5)
    return fitting[held:], fitting[:held]


def compared(plan: Plan, policy: Policy, rows: Sequence[Row], reward: Reward) -> Compared:
    """Ask both, and write down what came of it."""
    after, kl = _side(policy, rows, reward)
    with policy.as_reference():
        before, _ = _side(policy, rows, reward)
    found = Compared(len(rows), before, after, kl)
    about = {"before": before._asdict(), "after": after._asdict(), "kl": kl, "questions": len(rows)}
    _run_folder.write_atomic(plan.artifact / FILE, json.dumps(about, indent=1))
    return found


def _side(policy: Policy, rows: Sequence[Row], reward: Reward) -> tuple[Side, float]:
    import numpy as np

    asked_rows = [question(row) for row in rows]
    said = [item.prediction for item in policy.predict(asked_rows)]
    scores = np.array(reward(rows, said) if said else [0.0])
    draws = np.random.default_rng(0).choice(scores, (1000, len(scores))).mean(axis=1)
    low, high = (float(value) for value in np.percentile(draws, [2.5, 97.5]))
    words = [_measure_text.words_of(text) for text in said]
    pairs = [pair for some in words for pair in itertools.pairwise(some)]
    answered = [
        row.model_copy(update={"target": text, "rejected": None})
        for row, text in zip(asked_rows, said, strict=True)
        if text
    ]
    own, before = policy.bits(answered), policy.reference_bits(answered)
    nats = [(b.bits - a.bits) * math.log(2) for a, b in zip(own, before, strict=True)]
    side = Side(
        reward=float(scores.mean()),
        low=low,
        high=high,
        words=sum(map(len, words)) / max(len(words), 1),
        distinct=len(set(pairs)) / max(len(pairs), 1),
        preferred=_preferred(policy, rows),
    )
    return side, sum(nats) / max(len(nats), 1)


def _preferred(policy: Policy, rows: Sequence[Row]) -> float | None:
    pairs = [row for row in rows if row.rejected and row.target]
    if not pairs:
        return None
    better = policy.bits(pairs)
    worse = policy.bits([row.model_copy(update={"target": row.rejected}) for row in pairs])
    right = [a.bits / a.bytes < b.bits / b.bytes for a, b in zip(better, worse, strict=True)]
    return sum(right) / len(right)
