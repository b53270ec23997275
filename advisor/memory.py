"""What a plan takes of memory: the question as it is typed, and the answer with its reasons.

The arithmetic is in ``rules``: here a question becomes a setup, every default gets its origin, and
the setup is held against a card. With ``exact`` the step is traced and not computed.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cache
from typing import Any, cast, get_args

from advisor import memory_stored, model_source
from advisor.model_source import ModelSource
from rules import fit, fit_changes, model_config, tables, ways
from rules.errors import UserError
from rules.fit import Capacity, Largest, Verdict
from rules.fit_changes import Change
from rules.memory import Estimate, estimate
from rules.model_shape import ModelShape
from rules.model_types import TYPES
from rules.setup import Attention, Optimizer, Policy, Precision, Quantisation, Reference, Setup
from rules.ways import Known

USUAL_TOKENS = 1024
"""Longest row unless somebody says otherwise: ``max_length`` of TRL 1.16's trainers."""

CHOICES: dict[str, tuple[str, ...]] = {
    "precision": get_args(Precision),
    "optimizer": get_args(Optimizer),
    "attention": get_args(Attention),
    "quantisation": get_args(Quantisation),
    "policy": get_args(Policy),
    "reference": get_args(Reference),
}
_APART = 0.05
"""How far trace and closed form may be apart before it is said."""
_TOO_FAR = 0.15
"""From where on nothing is searched for by the closed form."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know. ``None``: not said."""

    model: str
    approach: str
    tokens: int | None = None
    batch: int | None = None
    gpu: str | None = None
    exact: bool = False
    lengths: tuple[int, ...] = ()
    """Tokens of the user's rows, where the rows are known."""
    counted: str = ""
    """How those were counted."""
    known: Known = field(default_factory=Known)


@dataclass(frozen=True, slots=True)
class Stage:
    """One step that the approach runs; some run several, one after the other."""

    setup: Setup
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Answer:
    """What it takes, whether that fits, and what to change or what else would fit."""

    question: Question
    source: ModelSource
    stages: tuple[Stage, ...]
    peak: Stage
    """The stage that needs the most; all below is about it."""
    closed: Estimate | None
    """What the closed form says, where the answer was traced and a closed form exists."""
    correction: float
    """Trace over closed form; what else would fit is computed by the latter and multiplied."""
    searched: bool
    """Whether the closed form is near enough to say what else would fit."""
    verdict: Verdict
    card: Capacity | None
    changes: tuple[Change, ...]
    largest: Largest | None
    largest_model: str | None
    origins: dict[str, str]
    """Where each value comes from that nobody gave."""
    notes: tuple[str, ...]


def answer(question: Question) -> Answer:
    """Work out what a plan takes.

    Raises:
        UserError: The model, the approach or a number is none; what to type instead is named.
    """
    check(question)
    source = model_source.find(question.model, exact=question.exact)
    question, source, origins = _completed(question, source)
    setups = _setups(question, source.shape)
    stages = tuple(Stage(each, _estimate(each, source, question)) for each in setups)
    peak = max(stages, key=lambda stage: stage.estimate.safe)
    by_formula = estimate(peak.setup) if question.exact else peak.estimate
    correction = peak.estimate.safe / by_formula.safe
    card = fit.capacity(question.gpu) if question.gpu else None
    verdict = fit.verdict(peak.estimate, card.bytes if card else None)
    # what follows tries many setups, by the closed form: the card is corrected by the trace
    near = abs(by_formula.allocated / peak.estimate.allocated - 1) < _TOO_FAR
    room = card.bytes / correction if card and near else None
    closed = by_formula if question.exact and peak.setup.shape.architecture in TYPES else None
    return Answer(
        question=question,
        source=source,
        stages=stages,
        peak=peak,
        closed=closed,
        correction=correction,
        searched=near,
        verdict=verdict,
        card=card,
        changes=_changes(question, peak.setup, room) if room and not verdict.fits else (),
        largest=fit.largest(peak.setup, room) if room and verdict.fits else None,
        largest_model=_largest_model(question, room) if room and verdict.fits else None,
        origins=origins,
        notes=(*source.notes, *_cautions(peak, closed, card)),
    )


def check(question: Question) -> None:
    """Refuse what cannot be, by its flag.

    Raises:
        UserError: A number is below 1, or a word is none of the choices.
    """
    known = cast("dict[str, Any]", question.known)
    numbers = {"tokens": question.tokens, "batch": question.batch, **known}
    for name in ("tokens", "batch", "rank", "accumulation", "devices", "trained_layers"):
        value = numbers.get(name)
        if value is not None and value < 1:
            what = f"{value} is not a number of anything"
            flag = "--layers" if name == "trained_layers" else f"--{name}"
            raise UserError(what, where=flag, fix="give 1 or more, or leave it out")
    for name, choices in CHOICES.items():
        value = known.get(name)
        if value is not None and value not in choices:
            near = get_close_matches(str(value), choices, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            fix = f"{hint}one of {', '.join(choices)}"
            raise UserError(f"unknown {name} {value!r}", where=f"--{name}", fix=fix)


def _completed(
    question: Question, source: ModelSource
) -> tuple[Question, ModelSource, dict[str, str]]:
    """Fill in what was not said, and say where it comes from."""
    approach, known = question.approach, dict(question.known)
    origins = {
        name: why
        for name, why in ways.defaults(approach, question.known.get("policy")).items()
        if name not in known and not (name == "batch" and question.batch)
    }
    source, held, why = memory_stored.settle(source, approach, question.known.get("quantisation"))
    if why:
        known["quantisation"], origins["quantisation"] = held, why
    if question.tokens is None:
        tokens, why = _tokens(question.lengths, source.shape.context)
        origins["tokens"] = f"{why} ({question.counted})" if question.counted else why
        question = replace(question, tokens=tokens)
    return replace(question, known=cast("Known", known)), source, origins


def _tokens(lengths: Sequence[int], context: int | None) -> tuple[int, str]:
    most = context or USUAL_TOKENS
    if lengths and max(lengths) <= most:
        return max(lengths), "the longest of your rows"
    if lengths:
        cut = sum(length > most for length in lengths) / len(lengths)
        return most, f"the model's context; {cut:.0%} of your rows are longer and would be cut"
    if most < USUAL_TOKENS:
        return most, f"the model's context, below the {USUAL_TOKENS} of TRL's trainers"
    return USUAL_TOKENS, "max_length of TRL's trainers; say --tokens, or give your rows: --data"


def _setups(question: Question, shape: ModelShape) -> tuple[Setup, ...]:
    tokens = question.tokens or USUAL_TOKENS
    known = question.known
    found = ways.setups(question.approach, shape, tokens=tokens, batch=question.batch, **known)
    if not found:
        what = f"{question.approach}: {ways.why_none(question.approach)}"
        fix = "ask for an approach that runs here, such as --approach qlora"
        raise UserError(what, where="--approach", fix=fix)
    return found


def _estimate(setup: Setup, source: ModelSource, question: Question) -> Estimate:
    if not question.exact:
        return estimate(setup)
    from runners import _models

    _models.require("torch", "transformers", "peft", approach="--exact")
    from runners import _trace  # seconds to import, and only for a trace

    return _trace.trace(setup, source.config)


def others(setup: Setup) -> tuple[ModelShape, ...]:
    """The models of our table that could take this one's place."""
    return tuple(shape for shape in shapes() if shape.kind == setup.shape.kind)


@cache
def shapes() -> tuple[ModelShape, ...]:
    """Every model of our table that has a closed form, smallest first."""
    found: list[ModelShape] = []
    for row in tables.models():
        with suppress(UserError):  # no closed form: `whichtune fits` lists it as left out
            found.append(model_config.read_row(row).shape)
    return tuple(found)


def _changes(question: Question, setup: Setup, room: float) -> tuple[Change, ...]:
    lengths = question.lengths
    return fit_changes.changes(setup, room, lengths=lengths, smaller=others(setup))


def _largest_model(question: Question, room: float) -> str | None:
    """The largest of our table with which the same plan fits."""
    for shape in reversed(shapes()):
        with suppress(UserError):  # of another kind, or reads fewer tokens
            stages = _setups(replace(question, known=_movable(question.known)), shape)
            if all(fit.fits(stage, room) for stage in stages):
                return shape.name
    return None


def _movable(known: Known) -> Known:
    """What may be asked of another model too: not how this one is stored."""
    kept = {name: value for name, value in known.items() if value != "gptq4"}
    return cast("Known", kept)


def _cautions(peak: Stage, closed: Estimate | None, card: Capacity | None) -> tuple[str, ...]:
    found: list[str] = []
    if peak.estimate.margin:
        found.append(
            f"a guess: nobody has measured this on {peak.setup.shape.architecture} and the stack "
            f"{peak.setup.stack!r}; {peak.estimate.margin:.0%} are added in the safe number"
        )
    if peak.setup.devices > 1:
        found.append(
            f"shared by {peak.setup.devices} cards (FSDP): weights, gradients and optimizer; whole "
            "on each card: activations, logits, the tables and the layer that is being computed"
        )
    if memory_stored.leaves_experts(peak.setup):
        found.append(
            "the experts stay in 16 bits: transformers 5 holds them in one tensor that "
            "bitsandbytes does not replace"
        )
    if closed and abs(closed.allocated / peak.estimate.allocated - 1) > _APART:
        apart = closed.allocated / peak.estimate.allocated - 1
        found.append(f"the closed form says {apart:+.0%} against the trace: trust the trace")
    if card and peak.setup.precision == "bf16":
        found += [
            f"{gpu.name} has no bf16: --precision fp16 takes as many bytes"
            for gpu in tables.gpus()
            if gpu.name in card.understood and not gpu.bf16
        ]
    return tuple(found)
