"""Which models of our table, with which approaches, fit a card."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches

from advisor.memory import USUAL_TOKENS, Question, check
from rules import fit, model_config, tables, ways
from rules.errors import UserError
from rules.fit import Capacity
from rules.model_shape import ModelShape
from rules.ways import Known


@dataclass(frozen=True, slots=True)
class Cell:
    """One model with one approach."""

    approach: str
    safe: float
    """Bytes of a card in which it surely runs."""
    fits: bool
    tokens: int
    """Fewer than asked where the model reads no more."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model."""

    shape: ModelShape
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Fits:
    """What fits a card."""

    card: Capacity
    tokens: int
    rows: tuple[Row, ...]
    """Largest model first."""
    left_out: dict[str, str]
    """Models without an estimate, and approaches that need no card, with the reason."""


def fits(
    gpu: str, *, approach: str | None = None, tokens: int | None = None, batch: int | None = None
) -> Fits:
    """Hold every model of our table, with every approach or one, against a card.

    Raises:
        UserError: The card, the approach or a number is none.
    """
    check(Question("", "", tokens=tokens, batch=batch))
    card = fit.capacity(gpu)
    length = tokens or USUAL_TOKENS
    left_out = {name: why for name in ways.approaches() if (why := ways.why_none(name))}
    asked = _asked(approach)
    rows: list[Row] = []
    for entry in reversed(tables.models()):
        try:
            shape = model_config.read_row(entry).shape
        except UserError as error:
            left_out[entry.id] = error.what
            continue
        cells = tuple(_cells(shape, asked, card, (length, batch)))
        if cells:
            rows.append(Row(shape, cells))
    return Fits(card, length, tuple(rows), left_out)


def _asked(approach: str | None) -> tuple[str, ...]:
    here = tuple(name for name in ways.approaches() if not ways.why_none(name))
    if approach is None:
        return here
    if approach not in here:
        near = get_close_matches(approach, here, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        why = ways.why_none(approach) if approach in ways.approaches() else None
        what = f"{approach}: {why}" if why else f"unknown approach {approach!r}"
        raise UserError(what, where="--approach", fix=f"{hint}one of {', '.join(here)}")
    return (approach,)


def _cells(
    shape: ModelShape, asked: tuple[str, ...], card: Capacity, size: tuple[int, int | None]
) -> list[Cell]:
    tokens, batch = min(size[0], shape.context or size[0]), size[1]
    found: list[Cell] = []
    for approach in asked:
        with suppress(UserError):  # a kind of model that the approach cannot use
            setups = ways.setups(approach, shape, tokens=tokens, batch=batch, **Known())
            _, estimate = fit.most(setups)
            found.append(Cell(approach, estimate.safe, estimate.safe <= card.bytes, tokens))
    return found


def alike(rows: Sequence[Row]) -> dict[str, tuple[str, ...]]:
    """Approaches that need the same in every row, since they run the same step, by the first."""
    columns: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in rows:
        for cell in row.cells:
            columns[cell.approach].append((row.shape.name, cell.safe))
    groups: dict[tuple[tuple[str, float], ...], list[str]] = defaultdict(list)
    for approach, column in columns.items():
        groups[tuple(column)].append(approach)
    return {names[0]: tuple(names[1:]) for names in groups.values()}
