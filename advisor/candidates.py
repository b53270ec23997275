"""What people are to rate: the answers of two runs, of one run drawn twice, or those in a file.

What cannot be rated is counted by its reason and told: prompts whose answers are the same, whose
one side is missing, or that are no text.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from advisor import rating, tryout
from advisor.rating import Candidates, Item, Mode, Origin
from rules.errors import RunError, SettingError
from runners import _data, _generation, _quiet, _run_folder
from runners._references import asked
from runners._run_folder import RunStatus
from runners.base import Frozen, Progress, Report, Row, find, silent

DRAWN = 100
"""Prompts that a model is asked anew, unless told: answers that exist already cost nothing."""
_SAME = "both answers are the same"
_MISSING = "an answer is missing"
_NO_PROMPT = "no prompt: a text to go on with"
_AGAIN = "the same prompt with the same answers again"
_SAME_PROMPTS = "have both answer the same prompts: --prompts FILE"


Reasons = dict[str, list[str]]
"""Names of the rows that are not asked, by the reason."""


class Wanted(Frozen):
    """What a user asks for."""

    mode: Mode = "pairs"
    seed: int = 0
    most: int | None = None
    """Prompts at most; ``None``: all, and ``DRAWN`` where a model has to be asked."""
    temperature: float = 0.9


class Prompt(NamedTuple):
    """One prompt with what everyone says to it."""

    row: Row
    answers: tuple[str, ...]


def of_runs(
    chosen: Sequence[RunStatus],
    wanted: Wanted,
    prompts: Sequence[Row] | None = None,
    report: Report = silent,
) -> Candidates:
    """The answers of one run or two.

    Args:
        chosen: Finished runs. One alone answers twice, unless its answers are only to be liked.
        wanted: How many, and in which order.
        prompts: To ask the runs now; ``None``: what they answered when they were measured.
        report: Told how far the runs are.

    Raises:
        RunError: A run is not finished, or two were measured on different rows.
        SettingError: One run alone, and it takes no second way to say a thing.
        UserError: A run cannot be opened again.
    """
    tryout.require_ready(chosen)
    if len(chosen) > 2:
        fix = f"name two of them: whichtune rate {chosen[0].name} {chosen[1].name} --out FILE"
        raise RunError(f"two answers are compared, not {len(chosen)}", where="rate", fix=fix)
    twice = len(chosen) == 1 and wanted.mode == "pairs"
    measured = prompts is None
    rows = _questions(chosen) if prompts is None else list(prompts)
    notes = [_LEAKS] if measured else []
    if not twice and measured:
        said = [kept(run) for run in chosen]
        origins = [_origin(run) for run in chosen]
    else:
        most = DRAWN if wanted.most is None else wanted.most
        rows = _some(rows, wanted.seed, most)
        origins = [_origin(run) for run in chosen]
        if twice:
            origins = [
                _origin(chosen[0], wanted.temperature, seed)
                for seed in (2 * wanted.seed, 2 * wanted.seed + 1)
            ]
        said = _ask(list(chosen) * (2 if twice else 1), origins, rows, report)
    found = [Prompt(row, tuple(answers[row.id] for answers in said)) for row in rows]
    return collected(found, origins, wanted, notes=notes)


_LEAKS = (
    "the prompts are rows that these runs were measured on: what learns from the ratings has to be "
    "measured on others"
)


def collected(
    found: Sequence[Prompt],
    origins: Sequence[Origin],
    wanted: Wanted,
    left_out: Mapping[str, Sequence[str]] | None = None,
    notes: Sequence[str] = (),
) -> Candidates:
    """What of it can be rated, in the order in which it is asked."""
    reasons = {reason: list(names) for reason, names in (left_out or {}).items()}
    items: dict[object, Item] = {}
    for prompt in found:
        row = prompt.row
        if not row.input.strip() and not row.messages:
            reasons.setdefault(_NO_PROMPT, []).append(row.id)
            continue
        if wanted.mode == "pairs":
            _pair(prompt, items, reasons)
        else:
            _each(prompt, items, reasons)
    most = wanted.most and wanted.most * (len(origins) if wanted.mode == "thumbs" else 1)
    return Candidates(
        mode=wanted.mode,
        seed=wanted.seed,
        origins=tuple(origins),
        items=rating.ordered(list(items.values()), wanted.seed, most),
        left_out={reason: tuple(names) for reason, names in reasons.items()},
        notes=tuple(notes),
    )


def _pair(prompt: Prompt, items: dict[object, Item], reasons: Reasons) -> None:
    row, answers = prompt.row, prompt.answers
    if not all(text.strip() for text in answers):
        reasons.setdefault(_MISSING, []).append(row.id)
    elif answers[0].strip() == answers[1].strip():
        reasons.setdefault(_SAME, []).append(row.id)
    else:
        _add(row.id, row, answers, (0, 1), items, reasons)


def _each(prompt: Prompt, items: dict[object, Item], reasons: Reasons) -> None:
    for place, answer in enumerate(prompt.answers):
        name = prompt.row.id if len(prompt.answers) == 1 else f"{prompt.row.id}#{place + 1}"
        if answer.strip():
            _add(name, prompt.row, (answer,), (place,), items, reasons)
        else:
            reasons.setdefault(_MISSING, []).append(name)


def _add(
    name: str,
    row: Row,
    answers: tuple[str, ...],
    origins: tuple[int, ...],
    items: dict[object, Item],
    reasons: Reasons,
) -> None:
    turns = tuple((turn["role"], turn["content"]) for turn in row.messages)
    key = row.input, turns, frozenset(answers)
    if key in items:
        reasons.setdefault(_AGAIN, []).append(name)
        return
    items[key] = Item(
        id=name, input=row.input, messages=row.messages, answers=answers, origins=origins
    )


def _questions(chosen: Sequence[RunStatus]) -> list[Row]:
    """What all of them were asked, each question once."""
    return [one.row for one in asked(measured_on(chosen))]


def measured_on(
    chosen: Sequence[RunStatus], where: str = "rate", fix: str = _SAME_PROMPTS
) -> list[Row]:
    """The rows that all of them were measured on.

    Raises:
        RunError: They are not the same ones.
    """
    first = chosen[0].plan.evaluation
    for run in chosen[1:]:
        if run.plan.evaluation.sha256 != first.sha256:
            what = f"{chosen[0].name} and {run.name} were measured on different rows"
            raise RunError(what, where=where, fix=fix)
    return _data.read_rows(first)


def kept(run: RunStatus) -> dict[str, str]:
    """What it answered when it was measured, by the id of the row."""
    predictions = _run_folder.read_predictions(run.folder / _run_folder.PREDICTIONS)
    return {item.id: item.prediction for item in predictions}


def _origin(run: RunStatus, temperature: float | None = None, seed: int | None = None) -> Origin:
    return Origin(
        run=run.name,
        model=run.plan.base_model,
        plan_sha256=_run_folder.plan_sha256(run.folder),
        temperature=temperature,
        seed=seed,
    )


def _some(rows: Sequence[Row], seed: int, most: int) -> list[Row]:
    import random

    return list(rows) if len(rows) <= most else random.Random(seed).sample(list(rows), most)


def _ask(
    chosen: Sequence[RunStatus], origins: Sequence[Origin], rows: Sequence[Row], report: Report
) -> list[dict[str, str]]:
    """What each says to each prompt; one model is open at a time."""
    _quiet.settle()
    found: list[dict[str, str]] = []
    for place, (run, origin) in enumerate(zip(chosen, origins, strict=True)):
        progress = Progress(message=f"{origin.name} answers", step=place, steps=len(chosen))
        report(progress)
        predictor = find(run.plan.approach).load(run.plan.artifact)
        if origin.seed is not None and origin.temperature is not None:
            writer = _generation.writer_of(predictor)
            if writer is None:
                fix = f"name a second run: whichtune rate {run.name} RUN; or give thumbs: --thumbs"
                what = f"{run.name} has one answer to a prompt: it draws no other"
                raise SettingError(what, where="rate", fix=fix)
            writer.sampling = _generation.Sampling(origin.temperature, origin.seed)
        found.append({item.id: item.prediction for item in predictor.predict(rows)})
        del predictor
    return found
