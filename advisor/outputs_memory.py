"""What ``whichtune memory --json`` and ``whichtune fits --json`` print. Sizes are in bytes."""

from typing import Literal

from pydantic import Field

from advisor.memory import Answer, Stage
from advisor.memory_cost import Spending, Spent
from advisor.memory_fits import Fits
from advisor.outputs_advice import Output
from rules.cost import Span
from rules.fit_changes import Change
from rules.memory import Estimate
from runners.base import Frozen


class EstimateOutput(Frozen):
    """One estimate: the peak of one step on one GPU."""

    allocated_bytes: int
    context_bytes: int
    needs_bytes: int
    """Allocated and context: with less it cannot run."""
    safe_bytes: int
    """What a card should have: the fits test."""
    nvidia_smi_bytes: tuple[int, int]
    """The band that ``nvidia-smi`` will show."""
    host_bytes: int
    moment: str
    moments_bytes: dict[str, int]
    parts_bytes: dict[str, int]
    parameters: int
    trainable: int
    confidence: str
    margin: float
    """The share that is added to a guess in ``safe_bytes``."""

    @classmethod
    def of(cls, found: Estimate) -> "EstimateOutput":
        """An estimate in whole bytes."""
        low, high = found.shown
        return cls(
            allocated_bytes=round(found.allocated),
            context_bytes=round(found.context),
            needs_bytes=round(found.needs),
            safe_bytes=round(found.safe),
            nvidia_smi_bytes=(round(low), round(high)),
            host_bytes=round(found.host),
            moment=found.moment,
            moments_bytes={name: round(size) for name, size in found.moments.items()},
            parts_bytes={name: round(size) for name, size in found.parts.items()},
            parameters=found.parameters,
            trainable=found.trainable,
            confidence=found.confidence,
            margin=found.margin,
        )


class StageOutput(Frozen):
    """One step that the approach runs."""

    way: str
    tokens: int
    batch: int
    precision: str
    quantisation: str | None
    optimizer: str
    checkpointing: bool
    attention: str
    stack: str
    devices: int
    estimate: EstimateOutput

    @classmethod
    def of(cls, stage: Stage) -> "StageOutput":
        """A stage with what it was computed from."""
        setup = stage.setup
        return cls(
            way=setup.way,
            tokens=setup.tokens,
            batch=setup.batch,
            precision=setup.precision,
            quantisation=setup.quantisation,
            optimizer=setup.optimizer,
            checkpointing=setup.checkpointing,
            attention=setup.attention,
            stack=setup.stack,
            devices=setup.devices,
            estimate=EstimateOutput.of(stage.estimate),
        )


class CardOutput(Frozen):
    """A card, and what the words for it were taken for."""

    bytes: int
    understood: str


class ChangeOutput(Frozen):
    """One change, counted again."""

    change: str
    harm: str
    fits: bool
    safe_bytes: int
    tokens: int
    batch: int

    @classmethod
    def of(cls, found: Change, correction: float) -> "ChangeOutput":
        """A change with its new number."""
        return cls(
            change=found.what,
            harm=found.harm,
            fits=found.fits,
            safe_bytes=round(found.estimate.safe * correction),
            tokens=found.setup.tokens,
            batch=found.setup.batch,
        )


class CostOutput(Frozen):
    """Time and money of one stage, each from low to high."""

    way: str
    rows: int
    epochs: float
    tokens: int
    operations: float
    tokens_per_second: tuple[float, float]
    speed_origin: str
    hours: tuple[float, float]
    dollars: tuple[float, float] | None
    price_origin: str | None
    kilowatt_hours: tuple[float, float] | None

    @classmethod
    def of(cls, found: Spending, stage: Spent) -> "CostOutput":
        """One stage of a spending."""
        cost = stage.cost
        return cls(
            way=stage.way,
            rows=found.rows,
            epochs=found.epochs,
            tokens=cost.tokens,
            operations=cost.operations,
            tokens_per_second=(cost.tokens_per_second.low, cost.tokens_per_second.high),
            speed_origin=cost.tokens_per_second.origin,
            hours=(cost.hours.low, cost.hours.high),
            dollars=_ends(cost.dollars),
            price_origin=cost.dollars.origin if cost.dollars else None,
            kilowatt_hours=_ends(cost.kilowatt_hours),
        )


def _ends(span: Span | None) -> tuple[float, float] | None:
    return (span.low, span.high) if span else None


class MemoryOutput(Output):
    """``whichtune memory --json``."""

    schema_: Literal["whichtune.memory/1"] = Field(
        default="whichtune.memory/1", serialization_alias="schema"
    )
    model: str
    architecture: str
    origin: str
    approach: str
    exact: bool
    peak: StageOutput
    """The stage that needs the most."""
    stages: tuple[StageOutput, ...]
    closed_form_allocated_bytes: int | None
    """Beside a trace: what the closed form says."""
    card: CardOutput | None
    fits: bool | None
    headroom_bytes: int | None
    searched: bool
    """Whether changes and largest were looked for; not where a trace is far from the formula."""
    changes: tuple[ChangeOutput, ...]
    largest: dict[str, int] | None
    largest_model: str | None
    origins: dict[str, str]
    cost: tuple[CostOutput, ...]
    """Empty unless rows were given."""
    notes: tuple[str, ...]

    @classmethod
    def of(cls, found: Answer, spending: Spending | None = None) -> "MemoryOutput":
        """An answer as scripts read it."""
        room, most = found.verdict.headroom, found.largest
        card = found.card
        return cls(
            model=found.source.shape.name,
            architecture=found.source.shape.architecture,
            origin=found.source.origin,
            approach=found.question.approach,
            exact=found.question.exact,
            peak=StageOutput.of(found.peak),
            stages=tuple(StageOutput.of(stage) for stage in found.stages),
            closed_form_allocated_bytes=round(found.closed.allocated) if found.closed else None,
            card=CardOutput(bytes=round(card.bytes), understood=card.understood) if card else None,
            fits=found.verdict.fits,
            headroom_bytes=None if room is None else round(room),
            searched=found.searched,
            changes=tuple(ChangeOutput.of(change, found.correction) for change in found.changes),
            largest={"batch": most.batch, "tokens": most.tokens} if most else None,
            largest_model=found.largest_model,
            origins=found.origins,
            cost=tuple(CostOutput.of(spending, each) for each in spending.stages)
            if spending
            else (),
            notes=(*found.notes, *(spending.notes if spending else ())),
        )


class FitOutput(Frozen):
    """One model with one approach."""

    model: str
    kind: str
    parameters: int
    approach: str
    tokens: int
    safe_bytes: int
    fits: bool


class FitsOutput(Output):
    """``whichtune fits --json``."""

    schema_: Literal["whichtune.fits/1"] = Field(
        default="whichtune.fits/1", serialization_alias="schema"
    )
    card: CardOutput
    tokens: int
    rows: tuple[FitOutput, ...]
    left_out: dict[str, str]

    @classmethod
    def of(cls, found: Fits) -> "FitsOutput":
        """Every model with every approach, also those that do not fit."""
        return cls(
            card=CardOutput(bytes=round(found.card.bytes), understood=found.card.understood),
            tokens=found.tokens,
            rows=tuple(
                FitOutput(
                    model=row.shape.name,
                    kind=row.shape.kind,
                    parameters=row.shape.parameters,
                    approach=cell.approach,
                    tokens=cell.tokens,
                    safe_bytes=round(cell.safe),
                    fits=cell.fits,
                )
                for row in found.rows
                for cell in row.cells
            ),
            left_out=found.left_out,
        )
