"""Guards against runs that end green and have learned nothing of use, each with a code name.

Before the first step they look at the tokens, the model and the rows; afterwards at what changed
and at what the model says. A run that fails one of them fails, with the next thing to do.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from rules.errors import UserError
from runners._references import is_text_alone, question, reference
from runners.base import Row

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Code = Literal[
    "evaluation_in_training",
    "vocabulary_too_large",
    "base_ignored",
    "loss_not_finite",
    "loss_near_zero",
    "nothing_changed",
    "never_ends",
]
FIXES: dict[Code, str] = {
    "evaluation_in_training": "make a new plan from the files: whichtune plan --data … splits them",
    "vocabulary_too_large": "use the tokenizer that the base model came with",
    "base_ignored": "name the folder that the model was saved in, with all of its weights",
    "loss_not_finite": "lower the learning rate: --setting learning_rate=1e-4",
    "loss_near_zero": "look at what is asked and what is learned of a row: whichtune xray --data …",
    "nothing_changed": "raise the learning rate, or the number of epochs",
    "never_ends": "train for longer: --setting epochs=10, or look at a row: whichtune xray",
}


_KNOWN_LOSS = 1e-3
"""Before anything is learned: on average a token of the answers is foreseen with a chance of
99.9 %, so that there is next to nothing that training could add."""
_NO_LOSS = 1e-7
"""float32 cannot tell one from a chance that is nearer to one than 2**-24, about 6e-8: the loss of
such a token is zero, and so is what is learned from it."""


class GuardError(UserError):
    """A run that would have ended green without having learned what it should; ``code`` says why.

    Args:
        code: The name of the fault.
        what: What was found.
        where: Where it was found.
    """

    def __init__(self, code: Code, what: str, *, where: str) -> None:
        super().__init__(f"{code}: {what}", where=where, fix=FIXES[code])
        self.code: Code = code


def no_evaluation_in_training(train: Iterable[Row], evaluation: Iterable[Row]) -> None:
    """The rows to measure on were not learned from.

    Raises:
        GuardError: ``evaluation_in_training``.
    """
    held_out = {_whole(row): row.id for row in evaluation}
    leaked = [(row.id, held_out[_whole(row)]) for row in train if _whole(row) in held_out]
    if leaked:
        ours, theirs = leaked[0]
        what = f"{len(leaked):,} rows are learned from and measured on, such as {ours} and {theirs}"
        raise GuardError("evaluation_in_training", what, where="training rows")


def _whole(row: Row) -> object:
    if is_text_alone(row):
        return " ".join(row.input.split())
    asked = question(row)
    turns = tuple((turn["role"], turn["content"]) for turn in asked.messages)
    return asked.input, turns, reference(row)


def words_fit(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", ids: Iterable[Sequence[int]]
) -> None:
    """Every token has an embedding; beyond the table training would die in the middle.

    Raises:
        GuardError: ``vocabulary_too_large``.
    """
    table: torch.nn.Embedding = model.get_input_embeddings()  # type: ignore[assignment]
    have = int(table.weight.shape[0])
    highest = max((max(row) for row in ids if row), default=0)
    if highest >= have:
        said = tokenizer.convert_ids_to_tokens(highest)
        what = f"token {said!r} has the number {highest:,}, and the model knows {have:,} tokens"
        raise GuardError("vocabulary_too_large", what, where="base model")


def base_used(missing: Iterable[str], base_model: str) -> None:
    """Every weight came out of the files; transformers draws at random those that did not.

    Raises:
        GuardError: ``base_ignored``.
    """
    if names := sorted(missing):
        what = f"{len(names):,} tables of weights are not in its files, such as {names[0]}"
        raise GuardError("base_ignored", what, where=base_model)


def finite(loss: float, step: int) -> None:
    """The loss is a number.

    Raises:
        GuardError: ``loss_not_finite``.
    """
    if not math.isfinite(loss):
        what = f"the loss is {loss} at step {step}"
        raise GuardError("loss_not_finite", what, where="training")


def something_to_learn(loss: float, step: int) -> None:
    """The answers were not known before, and the loss has not collapsed since.

    At the first step a mean below 0.001 nats a token says that the model knows the answers already:
    they stand in the question, the wrong tokens are learned, or it was trained on these rows. Later
    a loss below 1e-7 is none at all in float32: labels that carry nothing, or broken arithmetic.
    Between the two a small loss is what training is for.

    Raises:
        GuardError: ``loss_near_zero``.
    """
    if step <= 1 and loss < _KNOWN_LOSS:
        what = f"the loss is {loss:.2g} before anything is learned: the answers are known already"
    elif loss < _NO_LOSS:
        what = f"the loss is {loss:.2g} at step {step}: nothing is left to learn from"
    else:
        return
    raise GuardError("loss_near_zero", what, where="training")


def watch_loss(*, of_answers: bool = True) -> Any:  # noqa: ANN401 - a TrainerCallback
    """Looks at every loss that a trainer of transformers logs, while it trains.

    ``of_answers``: it is that of saying the right ones; others may well come to nothing.
    """
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ANN401
            del args, control
            logs = more.get("logs") or {}
            for name in ("loss", "eval_loss"):
                if name in logs:
                    finite(float(logs[name]), state.global_step)
            if "loss" in logs and of_answers:
                something_to_learn(float(logs["loss"]), state.global_step)

    return Watch()


def fingerprint(model: "torch.nn.Module") -> dict[str, float]:
    """A number for each weight that is to learn, to see later whether it did."""
    import torch

    with torch.no_grad():
        return {
            name: float(weight.detach().double().abs().sum())
            for name, weight in model.named_parameters()
            if weight.requires_grad
        }


def something_changed(before: dict[str, float], model: "torch.nn.Module") -> None:
    """Training moved at least one weight.

    Raises:
        GuardError: ``nothing_changed``.
    """
    after = fingerprint(model)
    if not before or all(after.get(name) == value for name, value in before.items()):
        what = f"none of the {len(before):,} trained tables of weights moved"
        raise GuardError("nothing_changed", what, where="training")


def ends(cut: Sequence[bool]) -> None:
    """At least one of some answers was ended by the model itself.

    Raises:
        GuardError: ``never_ends``.
    """
    if cut and all(cut):
        what = f"after training, none of {len(cut)} answers ended by itself"
        raise GuardError("never_ends", what, where="training")
