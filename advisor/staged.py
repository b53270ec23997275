"""Plans of several steps: what has to come before what, and how each step is run.

Some aims are not one training run: preferences build on a supervised model, a tuned reader is
worth what it adds to retrieval, a language learnt from raw text has to be taught manners again. The
order rests on ``docs/evidence.md#staged-plans``. A step that this version cannot run says so,
instead of showing a command that would fail.
"""

from advisor.recommend import can_serve
from rules.facts import Facts
from runners import base
from runners.base import Frozen

_PAIRS = 500
"""From here on preference training holds up (docs/evidence.md#dpo-pairs)."""
_ROWS = 200
"""From here on tuning on examples reliably pays (docs/evidence.md#tuning-pairs)."""
_SOME = 50
"""From here on it begins to show (docs/evidence.md#few-examples)."""
_TEXT = 1_000_000_000
"""Tokens from which continued pretraining is plausible (docs/evidence.md#raw-large)."""
_TITLES = {
    "zero_shot": "Measure the bare prompt",
    "few_shot": "Show examples in the prompt",
    "long_context": "Put all documents into the prompt",
    "rag": "Retrieve from the documents",
    "heads": "Train a classifier on frozen embeddings",
    "setfit": "Tune a small encoder on pairs of labels",
    "hosted": "Let the provider tune on your examples",
    "lora": "Supervised tuning with LoRA",
    "adapters": "Supervised tuning with adapters",
    "qlora": "Supervised tuning with QLoRA",
    "full_sft": "Supervised tuning of all weights",
    "hybrid": "Retrieve for the tuned model",
    "dpo": "Train on the preferences",
    "continued_pretraining": "Go on with pretraining on the raw text",
    "rlhf": "Optimise against the reward",
    "pretraining": "Pretrain a model of your own",
}
_SUPERVISED = frozenset({"lora", "qlora", "adapters", "full_sft", "hosted"})


class Step(Frozen):
    """One step of a plan."""

    number: int
    approach: str
    title: str
    why: str
    """Why here, in this place."""
    command: str | None
    """What to type; ``None`` where this version cannot run the step."""
    note: str
    """What stands in the way or has to be watched; empty where nothing does."""
    source: str


def plan(facts: Facts, top: str | None, data: str = "FILE") -> tuple[Step, ...]:
    """The steps that lead to ``top``, the approach in first place; the last one is the aim.

    Pure: the same facts and the same runners give the same plan. Empty where nothing is possible.
    """
    if top is None:
        return ()
    wanted = [_baseline(facts, top), *_before(facts, top), (top, _aim(facts, top))]
    wanted += [] if facts.target_met else _after(facts, top)
    steps: list[Step] = []
    for approach, (why, source) in (item for item in wanted if item):
        if approach in {step.approach for step in steps}:
            continue
        command, note = _how(approach, facts, data, behind=bool(steps))
        steps.append(
            Step(
                number=len(steps) + 1,
                approach=approach,
                title=_TITLES.get(approach, approach),
                why=why,
                command=command,
                note=note,
                source=f"docs/evidence.md#{source}",
            )
        )
    return tuple(steps)


_Wanted = tuple[str, tuple[str, str]]


def _baseline(facts: Facts, top: str) -> _Wanted | None:
    """The bare prompt, measured first; pointless where it cannot answer at all."""
    if top in ("zero_shot", "rag", "long_context", "hybrid", "pretraining"):
        return None
    if facts.citations_needed:
        return None
    why = "It costs nothing, and whatever comes next has to beat it."
    return "zero_shot", (why, "zero-shot-baseline")


def _before(facts: Facts, top: str) -> list[_Wanted]:
    """What has to be there first."""
    tuner = _tuner(facts)
    if top == "dpo":
        why = "It starts from a model that already answers in the manner of the pairs"
        rows = facts.n_examples or 0
        first = "your demonstrations" if rows >= _SOME else "the preferred answers of the pairs"
        return [(tuner, (f"{why}; tune on {first} first.", "dpo-pairs"))]
    if top == "rlhf":
        return _before_rewards(facts, tuner)
    if top == "hybrid":
        return [
            ("rag", ("Retrieval has to be there anyway, and may be enough.", "hybrid-gain")),
            (
                tuner,
                (
                    "Tune on answered questions with the passages in the prompt; expect 0 to 6 "
                    "points above retrieval, and measure that it is not less.",
                    "hybrid-gain",
                ),
            ),
        ]
    if top in _SUPERVISED and (facts.raw_tokens or 0) >= _TEXT and _reads_text(facts):
        why = "The raw text teaches the language of the field first; the examples build on it."
        return [("continued_pretraining", (why, "staged-plans"))]
    if top in _SUPERVISED and facts.task != "classification":
        why = "The same examples in the prompt are the second thing to beat, and cost minutes."
        return [("few_shot", (why, "few-examples"))] if (facts.n_examples or 0) > 0 else []
    return []


def _before_rewards(facts: Facts, tuner: str) -> list[_Wanted]:
    if facts.data_kind == "preference_pairs" or (facts.preference_pairs or 0) > 0:
        why = "The loop starts from a supervised model, which also writes what is compared."
        dpo = "On the same pairs it comes within one to three points at a fraction of the effort."
        return [(tuner, (why, "s26")), ("dpo", (dpo, "ppo-scale"))]
    if facts.data_kind == "prompt_response":
        why = "Written solutions are there: tuning on them comes first, and may be enough."
        return [(tuner, (why, "distil-first"))]
    return []


def _after(facts: Facts, top: str) -> list[_Wanted]:
    """What the aim makes possible, or leaves to be done."""
    rows = facts.n_examples or 0
    if top == "continued_pretraining":
        if rows >= _SOME:
            why = "Training on raw text unlearns manners; the examples teach them again."
            return [(_tuner(facts), (why, "staged-plans"))]
        why = "Training on raw text unlearns manners; without examples to teach them, show some."
        return [("few_shot", (why, "staged-plans"))]
    if top == "pretraining":
        why = "A model made from raw text completes text; the task itself is taught afterwards."
        return [("full_sft", (why, "staged-plans"))]
    if top in _SUPERVISED and (facts.preference_pairs or 0) >= _PAIRS:
        why = f"{facts.preference_pairs:,} preference pairs can follow, once the manner is there."
        return [("dpo", (why, "dpo-pairs"))]
    if top == "rag" and rows >= _ROWS and facts.access != "api_only":
        why = (
            f"Only if retrieval falls short: {rows:,} answered questions can teach the model to "
            "use passages, for 0 to 6 points more."
        )
        return [("hybrid", (why, "hybrid-gain"))]
    return []


def _aim(facts: Facts, top: str) -> tuple[str, str]:
    if top == "zero_shot" and facts.target_met:
        return "The model already does what you need: keep the prompt, and measure it.", "s1"
    sources = {
        **dict.fromkeys(
            ("zero_shot",), ("It is measured first in any case.", "zero-shot-baseline")
        ),
        "dpo": ("The pairs say what is better; this is the aim.", "dpo-pairs"),
        "rlhf": ("The reward says what is better; this is the aim.", "verifiable-reward"),
        "hybrid": ("Both parts together, measured against retrieval alone.", "hybrid-gain"),
        "continued_pretraining": ("The text is enough to move the model.", "raw-large"),
        "pretraining": ("No existing model covers it, and the text is plentiful.", "s29"),
    }
    return sources.get(top, ("It is in first place for your case.", "staged-plans"))


def _tuner(facts: Facts) -> str:
    """How a supervised step is made here: by the provider, in 16 bit, or in 4 bit."""
    if facts.access == "api_with_finetuning" and not facts.privacy:
        return "hosted"
    size, memory = facts.model_params_b, facts.gpu_memory_gb
    if size is None or memory is None:
        return "lora"
    return "lora" if memory * (facts.n_gpus or 1) >= 2.6 * size + 2 or size <= 0.5 else "qlora"


def _reads_text(facts: Facts) -> bool:
    return facts.goal in ("knowledge", "language") or facts.task in (
        "domain_knowledge",
        "new_language",
    )


def _how(approach: str, facts: Facts, data: str, *, behind: bool) -> tuple[str | None, str]:
    if approach not in base.names():
        return None, f"this version has no runner for {approach} yet; the step is advice only"
    if not can_serve(approach, facts.task):
        tasks = ", ".join(base.find(approach).TASKS)
        return None, f"the runner of {approach} does {tasks} so far, not {facts.task}"
    note = "start from the result of the step before" if behind and approach == "dpo" else ""
    return f"whichtune run --approach {approach} --data {data}", note
