"""Ask a fitted approach about the evaluation rows, and hold what it says against them.

Rows of labels are asked one by one. Of rows of text each question is asked once, and its answer
stands with every row that asks it; a text alone asks nothing, and only its bits are counted.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from rules.errors import UserError
from runners import (
    _asking,
    _measure,
    _measure_text,
    _models,
    _own_metric,
    _preferences,
    _run_folder,
)
from runners._references import asked, is_text_alone
from runners.base import (
    Card,
    Latency,
    Plan,
    Prediction,
    Predictor,
    Progress,
    Report,
    RetrievalCard,
    Row,
    TextPredictor,
    find,
    silent,
)

BASELINE = "zero_shot"
"""The approach that is the untouched model; run beside every other one."""
_TIMED, _TIMED_SECONDS = 50, 10.0
"""Questions that are timed one by one, and when no other one is begun."""


class Answers(NamedTuple):
    """One prediction a row, and how long a question took."""

    predictions: list[Prediction]
    seconds_each: float


def is_text(plan: Plan) -> bool:
    """Whether answers are texts, not labels."""
    return plan.task != "classification"


def ask(plan: Plan, predictor: Predictor, rows: Sequence[Row], report: Report) -> Answers:
    """Predict every row; a slow model shows how far it is."""
    answers = _ask(plan, predictor, rows, report)
    return answers._replace(predictions=_own(plan, rows, answers.predictions, report))


def _ask(plan: Plan, predictor: Predictor, rows: Sequence[Row], report: Report) -> Answers:
    if not is_text(plan):
        return _in_blocks(plan, predictor, rows, report)
    answers = _texts(plan, predictor, rows, report)
    if plan.endpoint or not isinstance(predictor, TextPredictor):
        return answers  # a model behind an address does not say what it finds likely
    return answers._replace(predictions=_with_bits(predictor, rows, answers.predictions, report))


def _own(
    plan: Plan, rows: Sequence[Row], predictions: list[Prediction], report: Report
) -> list[Prediction]:
    """With what the user's own metric says; where it fails, the rest of the run is still worth it.

    It was tried before training, and answers are kept: they can be scored again by ``compare``.
    """
    if plan.metric_function is None:
        return predictions
    try:
        return _own_metric.scored(plan.metric_function, rows, predictions)
    except UserError as error:
        again = f"whichtune compare {_own_metric.FLAG} {plan.metric_function.call}"
        text = f"{error.what}; not measured by it. {error.fix}, then: {again}"
        report(Progress(message=text, warning=True))
        return predictions


def _texts(plan: Plan, predictor: Predictor, rows: Sequence[Row], report: Report) -> Answers:
    if isinstance(predictor, TextPredictor) and all(map(is_text_alone, rows)):
        return Answers([Prediction(id=row.id, prediction="") for row in rows], 0.0)
    questions = asked(rows)
    found = _in_blocks(plan, predictor, [question.row for question in questions], report)
    spread: dict[int, Prediction] = {}
    for question, answer in zip(questions, found.predictions, strict=True):
        for place in question.places:
            spread[place] = answer.model_copy(update={"id": rows[place].id})
    return Answers([spread[place] for place in range(len(rows))], found.seconds_each)


def _in_blocks(plan: Plan, predictor: Predictor, rows: Sequence[Row], report: Report) -> Answers:
    if plan.endpoint:  # all at once, so that the server is never waited for by every question
        with _asking.told(_told(report)):
            return _in_one(predictor, rows, max(1, len(rows)), report)
    return _in_one(predictor, rows, max(64, len(rows) // 20), report)


def _told(report: Report) -> _asking.Tell:
    """News of questions at an address, twenty times on the way."""

    def tell(done: int, count: int) -> None:
        if done % max(1, count // 20) == 0:
            report(Progress(message="asking", step=done, steps=count))

    return tell


def _in_one(predictor: Predictor, rows: Sequence[Row], block: int, report: Report) -> Answers:
    predictions: list[Prediction] = []
    began = time.perf_counter()
    for start in range(0, len(rows), block):
        report(Progress(message="measuring", step=start, steps=len(rows)))
        part = rows[start : start + block]
        begun = time.perf_counter()
        found = predictor.predict(part)
        share = (time.perf_counter() - begun) / len(part)
        predictions += [item.model_copy(update={"seconds": round(share, 6)}) for item in found]
    return Answers(predictions, (time.perf_counter() - began) / len(rows))


def latency(
    plan: Plan, predictor: Predictor, rows: Sequence[Row], report: Report
) -> Latency | None:
    """Ask some questions again, one by one: rows that are asked together share their time evenly.

    An address is not asked again: its answers are kept, with the time that each took.
    ``None`` where there is nothing to ask, or an answer was kept without its time.
    """
    import numpy as np

    every = [
        question.row for question in asked(rows) if not is_text_alone(rows[question.places[0]])
    ]
    some = [every[place] for place in range(0, len(every), max(1, -(-len(every) // _TIMED)))]
    report(Progress(message=f"timing {len(some):,} questions one by one"))
    taken: list[float] = []
    began = time.perf_counter()
    with _asking.read_again() as waits:
        for row in some:
            waits.clear()
            begun = time.perf_counter()
            predictor.predict([row])
            taken.append(1000 * (time.perf_counter() - begun + sum(waits)))
            if not all(waits):
                return None
            if time.perf_counter() - began > _TIMED_SECONDS:
                break
    if not taken:
        return None
    p50, p95 = (round(float(value), 3) for value in np.percentile(taken, [50, 95]))
    at_once = min(plan.endpoint.concurrency, len(rows)) if plan.endpoint else 1
    return Latency(questions=len(taken), p50_ms=p50, p95_ms=p95, at_once=at_once)


def retrieval(
    predictor: Predictor, rows: Sequence[Row], predictions: Sequence[Prediction], report: Report
) -> RetrievalCard | None:
    """Where answers from an index went wrong; of predictors that search one."""
    judged = getattr(predictor, "judged", None)
    if judged is None:
        return None
    report(Progress(message="looking where answers went wrong"))
    card: RetrievalCard = judged(rows, predictions)
    if card.leaked:
        some = f"{len(card.leaked):,} rows, such as {card.leaked[0]}"
        text = f"evaluation_in_corpus: the documents hold question and answer of {some}"
        report(Progress(message=text, warning=True))
    return card


def _with_bits(
    predictor: TextPredictor, rows: Sequence[Row], predictions: list[Prediction], report: Report
) -> list[Prediction]:
    report(Progress(message="measuring how likely the right answers are"))
    found = [
        item.model_copy(update={"target_bits": round(said.bits, 4), "target_bytes": said.bytes})
        for item, said in zip(predictions, predictor.bits(rows), strict=True)
    ]
    return _preferences.with_margins(predictor, rows, found)


def card(plan: Plan, rows: Sequence[Row], predictions: Sequence[Prediction]) -> Card:
    """What the predictions are worth."""
    if is_text(plan):
        own = plan.metric_function.name if plan.metric_function else None
        return _measure_text.measure(rows, predictions, plan.answer_format, own)
    return _measure.measure(rows, predictions)


def nothing(plan: Plan, train: Sequence[Row], rows: Sequence[Row]) -> dict[str, list[Prediction]]:
    """What no model at all would have said, by name; nobody can say less than nothing of prose."""
    if not is_text(plan):
        return {"majority": _measure.majority(train, rows)}
    if plan.task == "preference_alignment":
        return {"longer": _preferences.longer(rows)}
    return {} if all(map(is_text_alone, rows)) else {"copied": _measure_text.copied(rows)}


def baselines(
    plan: Plan,
    train: Sequence[Row],
    rows: Sequence[Row],
    predictions: Sequence[Prediction],
    report: Report,
) -> dict[str, Card]:
    """What no work would have given, on the same rows; kept beside the data for the next run."""
    folder = plan.train.path.parent / "baselines"
    folder.mkdir(exist_ok=True)
    kept = folder / kept_as(plan)
    if kept.exists():
        found = _run_folder.read_predictions(kept)
    else:
        report(Progress(message="measuring the untouched model"))
        found = untouched(plan, train, rows, predictions)
        _run_folder.write_predictions(kept, found)
    every = {**nothing(plan, train, rows), "untouched": found}
    if plan.metric_function:
        every = {name: _own(plan, rows, found, report) for name, found in every.items()}
        _own_metric.keep(plan.folder, every)
    return {name: card(plan, rows, found) for name, found in every.items()}


def kept_as(plan: Plan) -> str:
    """The file, beside the data, of what the untouched model said; one for each address."""
    name = _models.fingerprint(plan.base_model)
    if plan.endpoint:
        name = _models.fingerprint(f"{plan.base_model} {plan.endpoint.place}")
    return f"{name}.jsonl"


def untouched(
    plan: Plan, train: Sequence[Row], rows: Sequence[Row], predictions: Sequence[Prediction]
) -> list[Prediction]:
    if plan.approach == BASELINE and not plan.settings:
        return [item.model_copy(update={"own_metric": None}) for item in predictions]
    baseline = plan.model_copy(update={"approach": BASELINE, "settings": {}})
    baseline = baseline.model_copy(update={"folder": plan.folder / "baseline"})
    find(BASELINE).fit(baseline, train, silent)
    return _ask(baseline, find(BASELINE).load(baseline.artifact), rows, silent).predictions
