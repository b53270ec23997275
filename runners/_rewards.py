"""What an answer is worth: by a reward model, a program of the user's, a form, or a right number.

A function that raises, returns no finite number or does not return at all stops the run with a
message that names the answer: a reward that is made up would be learned.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Literal

from rules.errors import SettingError
from runners import _answer_format, _own_metric
from runners._references import asked
from runners._reward_alone import last_number
from runners._reward_model import RewardModel
from runners.base import OwnMetric, Plan, Row

Kind = Literal["model", "metric", "format", "number"]
Reward = Callable[[Sequence[Row], Sequence[str]], list[float]]
"""Rows with the answers to them, in the same order."""
SECONDS = 10
"""A function of the user's may take so long for one answer."""


def check(
    kind: Kind, rows: Sequence[Row], answer_format: str | None, own: OwnMetric | None
) -> None:
    """Refuse a reward that lacks something, before anything is trained.

    Raises:
        SettingError: It does.
    """
    where = f"--setting reward={kind}"
    if kind == "metric" and own is None:
        fix = "name the function: --metric-function rewards:score"
        raise SettingError("there is no function to reward by", where=where, fix=fix)
    if kind == "format" and not answer_format:
        fix = "give a JSON schema or a regular expression: --answer-format …"
        raise SettingError("there is no form to reward", where=where, fix=fix)
    if kind == "number" and not any(last_number(row.target) for row in rows):
        fix = "give rows whose answers end in a number, or another reward"
        raise SettingError("no row has a number as its answer", where=where, fix=fix)
    if kind == "model" and not any(row.rejected for row in rows):
        fix = "give pairs of answers, or reward by a program: --setting reward=format"
        raise SettingError("a reward model learns from pairs", where=where, fix=fix)


def reward_of(plan: Plan, kind: Kind, stage: Plan) -> Reward:
    """The reward of a run; ``stage``: that of its reward model, where it has one."""
    if kind == "model":
        model = RewardModel(stage.artifact)
        return lambda rows, answers: model.score(answered(rows, answers))
    if kind == "metric":
        return lambda rows, answers: [
            _own(plan, row, answer) for row, answer in zip(rows, answers, strict=True)
        ]
    if kind == "format":
        valid = _answer_format.checker(plan.answer_format or "")
        return lambda rows, answers: [float(valid(answer)) for answer in answers]
    return lambda rows, answers: [
        float(last_number(answer) is not None and last_number(answer) == last_number(row.target))
        for row, answer in zip(rows, answers, strict=True)
    ]


def answered(rows: Sequence[Row], answers: Sequence[str]) -> list[Row]:
    """An empty answer is judged as the shortest one: a model of rewards cannot read nothing."""
    return [
        row.model_copy(update={"target": answer or " ", "rejected": None})
        for row, answer in zip(rows, answers, strict=True)
    ]


def _own(plan: Plan, row: Row, answer: str) -> float:
    metric = plan.metric_function
    if metric is None:
        raise AssertionError("checked before")
    with _in_time(metric.call, row):
        (found,) = _own_metric.scores(metric, asked([row]), [answer])
    return found or 0.0


@contextmanager
def _in_time(call: str, row: Row) -> Iterator[None]:
    """Stop a function that hangs; only the main thread of a process can be told the time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        del number, frame
        what = f"{call} took longer than {SECONDS} s, on row {row.id}"
        raise SettingError(what, where=_own_metric.FLAG, fix="make it return sooner")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
