"""Time and money of a plan whose memory was worked out, stage by stage."""

from dataclasses import dataclass, replace
from math import ceil

from advisor.memory import Answer
from rules import tables
from rules.cost import Cost, cost
from rules.entries import Gpu
from rules.errors import UserError

USUAL_EPOCHS = 3.0
"""Passes over the rows unless somebody says otherwise: ``num_train_epochs`` of transformers."""


@dataclass(frozen=True, slots=True)
class Run:
    """How much is to be run. ``None``: not said."""

    rows: int
    epochs: float | None = None
    price: float | None = None
    """Dollars an hour, of one card."""
    speed: float | None = None
    """Tokens a second, measured."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one stage of the approach takes."""

    way: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Spending:
    """What all of them take, and what was assumed."""

    stages: tuple[Spent, ...]
    rows: int
    epochs: float
    notes: tuple[str, ...]


def counted(rows: int | None, lengths: tuple[int, ...]) -> int:
    """How many rows are meant: as said, else as many as the data have.

    Raises:
        UserError: Nobody said, and there are no data.
    """
    if rows is None and not lengths:
        fix = "give --rows 1000, or your rows: --data FILE"
        raise UserError("time and money of how many rows?", where="--rows", fix=fix)
    return len(lengths) if rows is None else rows


def spend(found: Answer, run: Run) -> Spending:
    """Hours and dollars of the stages that learn; of one pass where nothing does.

    Raises:
        UserError: No rows, no passes, a price below zero, or neither a named card nor a speed.
    """
    learning = [stage.setup for stage in found.stages if stage.setup.trains != "nothing"]
    notes: list[str] = []
    epochs = run.epochs
    if epochs is None:
        epochs = USUAL_EPOCHS if learning else 1.0
        notes.append(f"{epochs:g} epochs: " + ("transformers' default" if learning else "one pass"))
    setups = learning or [found.peak.setup]
    lengths = found.question.lengths
    if lengths:
        mean = ceil(sum(min(each, setups[0].tokens) for each in lengths) / len(lengths))
        setups = [replace(setup, tokens=max(1, mean)) for setup in setups]
        notes.append(f"{mean:,} tokens a row: the mean of yours; batches of several pad some more")
    else:
        notes.append("every row is taken to be as long as the longest: give --data for the mean")
    stages = tuple(
        Spent(
            setup.way,
            cost(
                setup,
                rows=run.rows,
                epochs=epochs,
                gpu=_named(found),
                measured_tokens_per_second=run.speed,
                dollars_per_hour=run.price,
            ),
        )
        for setup in setups
    )
    return Spending(stages, run.rows, epochs, tuple(notes))


def _named(found: Answer) -> Gpu | None:
    """The card, where it was called by its name: of a size alone nobody knows how fast it is."""
    said = found.card.understood if found.card else ""
    return next((gpu for gpu in tables.gpus() if said.startswith(f"{gpu.name}:")), None)
