"""What has to be settled before any approach is worth its effort, and the cheap experiment.

A gate is certain, as a rule that rules out is; it speaks about the whole undertaking instead of one
approach. A gate that stops says what to do instead.
"""

from collections.abc import Collection
from typing import Literal

from rules.facts import Facts
from runners.base import Frozen

GateId = Literal["build_evaluation_set", "set_rows_aside", "target_met", "data_stays"]
FEW = 20
"""Below this many rows, a part set aside could tell nothing (half of them: +-30 points)."""
_NO_ROWS = ("none", "documents", "raw_text", "user_history")


class Gate(Frozen):
    """One thing that comes before the choice of an approach."""

    id: GateId
    stop: bool
    """Whether nothing should be trained before it is settled."""
    text: str
    how: tuple[str, ...] = ()
    """What to do about it, step by step."""
    source: str


class Experiment(Frozen):
    """What to measure when no verdict is honest, or nothing is known."""

    approaches: tuple[str, ...]
    """Cheapest first; all can be measured within about an hour."""
    why: str
    tells: str
    """What its outcome will tell."""


def gates(facts: Facts) -> tuple[Gate, ...]:
    """Every gate these facts run into; those that stop first."""
    found = [gate for gate in (_target(facts), _evaluation(facts), _private(facts)) if gate]
    return tuple(sorted(found, key=lambda gate: not gate.stop))


def _target(facts: Facts) -> Gate | None:
    if not facts.target_met:
        return None
    return Gate(
        id="target_met",
        stop=True,
        text="The model already does what you need: stop at prompting.",
        how=(
            "keep the prompt and the evaluation rows under version control",
            "measure again when the model or the inputs change",
        ),
        source="docs/evidence.md#zero-shot-baseline",
    )


def _evaluation(facts: Facts) -> Gate | None:
    if facts.has_evaluation_set is not False:
        return None
    source = "docs/evidence.md#zero-shot-baseline"
    rows = facts.n_examples
    few = rows is not None and rows < FEW
    if few or (rows is None and facts.data_kind in _NO_ROWS):
        return Gate(
            id="build_evaluation_set",
            stop=True,
            text="There are no rows to measure on, and none to set aside: build them first.",
            how=_built_from(facts),
            source=source,
        )
    return Gate(
        id="set_rows_aside",
        stop=False,
        text="Without rows to measure on, nobody can tell whether anything helped.",
        how=(
            "a run sets a fifth of your rows aside, and never trains on them:",
            "whichtune run --data FILE",
        ),
        source=source,
    )


def _built_from(facts: Facts) -> tuple[str, ...]:
    take = "take 50 real inputs, and write down for each the answer you would accept"
    if facts.data_kind == "documents" or facts.task == "qa_documents":
        take = "collect 50 real questions, and note for each the answer and its passage"
    elif facts.task == "classification":
        take = "label 50 real texts, at least 5 for each label, two people independently"
    elif facts.task == "preference_alignment":
        take = "take 50 real prompts, and let two people pick the better of two answers"
    return (
        take,
        "50 rows tell 80 % from 91 %; 200 tell 80 % from 86 %",
        "save them as JSON Lines, each with an input and a target",
        "whichtune advise --data FILE",
    )


def _private(facts: Facts) -> Gate | None:
    if not facts.privacy:
        return None
    how = ("take a model with open weights that runs on your own machines",)
    return Gate(
        id="data_stays",
        stop=False,
        text="The data must not leave your machines: no hosted tuning, no API.",
        how=how if facts.access in ("api_only", "api_with_finetuning") else (),
        source="docs/evidence.md#privacy",
    )


def experiment(facts: Facts, contenders: Collection[str], possible: Collection[str]) -> Experiment:
    """The cheap experiment: prompting, the nearest examples in the prompt, a head on labels."""
    labelled = facts.task == "classification" or facts.data_kind == "labelled"
    cheap = ["zero_shot"]
    if facts.n_examples != 0 and facts.data_kind not in ("none", "documents", "raw_text"):
        cheap += ["few_shot"] + (["heads"] if labelled else [])
    if facts.task == "qa_documents" or facts.data_kind == "documents":
        cheap += ["rag"]
    chosen = tuple(name for name in cheap if name in possible) or tuple(contenders)[:1]
    rest = [name for name in contenders if name not in chosen]
    tells = "" if facts.has_evaluation_set else "50 rows tell 80 % from 91 %; write them first. "
    tells += "Where the cheapest of them is good enough, or as good as the next, take it."
    if rest:
        tells += f" Only where none is does {' or '.join(rest)} have to earn its effort."
    return Experiment(
        approaches=chosen,
        why="Each is measured within the hour, on the same rows, before anything is trained.",
        tells=tells,
    )
