"""What a plan would ask, counted without asking: everything is done but the sending.

The approach is fitted in a folder that goes away again, since only its prompts say how long they
are. Answers that are none of the labels are asked for again, and that cannot be known before.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from runners import _asking, _measuring, _money
from runners._asking import Client, Question
from runners._upload import Training
from runners.base import Frozen, Plan, Prediction, Row, find, silent


class Count(Frozen):
    """Questions, tokens and dollars of one plan."""

    calls: int
    """Questions without an answer so far, those of the untouched model among them."""
    cached: int
    """Questions whose answer is kept from before."""
    prompt_tokens: int
    """About; nobody but the provider can count them."""
    answer_tokens: int
    """At most, if every answer is as long as it may be."""
    dollars: float | None
    """About, with answers as long as they may be; ``None`` where no price is known."""
    dollars_at_most: float | None
    """As it is held against a cap: with as many tokens as there are bytes."""
    training: Training | None = None
    """What a job at the provider would train on; its dollars are among those at most."""


def count(plan: Plan, train: Sequence[Row], rows: Sequence[Row]) -> Count:
    """Count what the plan would ask.

    Raises:
        UserError: The plan cannot be carried out.
    """
    before = _asking.meter["cached"]
    with tempfile.TemporaryDirectory() as name, _asking.counting() as asked:
        inside = plan.model_copy(update={"folder": Path(name) / "run"})
        _predict(inside, train, rows)
        tunes = getattr(find(plan.approach), "training", None)
        training: Training | None = tunes(inside, train) if tunes else None
        if not (plan.train.path.parent / "baselines" / _measuring.kept_as(plan)).exists():
            _measuring.untouched(inside, train, rows, ())
    priced = plan.endpoint is not None and plan.endpoint.price is not None
    return summed(asked, _asking.meter["cached"] - before, training, priced=priced)


def summed(
    asked: Sequence[tuple[Client, Question]],
    cached: int,
    training: Training | None = None,
    *,
    priced: bool,
) -> Count:
    """Calls, tokens and dollars of questions that were counted, each once."""
    bodies = {client.key(question): (client, question) for client, question in asked}
    at_most = likely = prompt = answer = 0.0
    for client, question in bodies.values():
        body = client.body(question)
        tokens = _money.likely_tokens(body)
        prompt, answer = prompt + tokens, answer + question.max_tokens
        likely += _money.dollars(client.endpoint, tokens, question.max_tokens)
        at_most += _money.at_most(client.endpoint, body, question.max_tokens)
    if training:
        priced = priced and training.dollars_at_most is not None
        at_most += training.dollars_at_most or 0.0
        likely += training.dollars_at_most or 0.0
    return Count(
        calls=len(bodies),
        cached=cached,
        prompt_tokens=int(prompt),
        answer_tokens=int(answer),
        dollars=likely if priced else None,
        dollars_at_most=at_most if priced else None,
        training=training,
    )


def _predict(plan: Plan, train: Sequence[Row], rows: Sequence[Row]) -> list[Prediction]:
    find(plan.approach).fit(plan, train, silent)
    return _measuring.ask(
        plan.model_copy(update={"metric_function": None}),
        find(plan.approach).load(plan.artifact),
        rows,
        silent,
    ).predictions
