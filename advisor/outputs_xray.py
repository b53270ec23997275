"""What ``whichtune xray --json`` prints: every token of one row, and what becomes of it."""

from typing import Literal

from pydantic import Field

from advisor.outputs_advice import Output
from runners._render import Kind, Rendered
from runners._render_guards import FIXES, Code, RenderError
from runners._render_text import How
from runners.base import Frozen


class TokenOutput(Frozen):
    """One token."""

    id: int
    piece: str
    """Its text; empty where it continues a character that the token before it began."""
    kind: Kind
    learned: bool
    """Whether the loss looks at it; a special token may be learned too."""


class FaultOutput(Frozen):
    """One thing that is wrong with the row."""

    code: Code
    what: str
    where: str
    fix: str
    blocking: bool
    """The row must not be trained on; the exit code is 3."""


class XrayOutput(Output):
    """``whichtune xray --json``."""

    schema_: Literal["whichtune.xray/1"] = Field(
        default="whichtune.xray/1", serialization_alias="schema"
    )
    row: str
    base_model: str
    text: str
    tokens: tuple[TokenOutput, ...]
    ends: tuple[int, ...]
    """Places of the learned end-of-sequence tokens, counted from 0."""
    cut: int
    how: How | None
    """How it was found which tokens are learned; null where the row could not be rendered."""
    prompt_text: str
    """What the model is given at use."""
    prompt_ids: tuple[int, ...]
    faults: tuple[FaultOutput, ...]


def xray(found: Rendered, base_model: str, where: str) -> XrayOutput:
    """A rendered row."""
    tokens = zip(found.ids, found.pieces, found.kinds, found.learned, strict=True)
    return XrayOutput(
        row=found.row,
        base_model=base_model,
        text=found.text,
        tokens=tuple(
            TokenOutput(id=number, piece=piece, kind=kind, learned=learned)
            for number, piece, kind, learned in tokens
        ),
        ends=found.ends,
        cut=found.cut,
        how=found.how,
        prompt_text=found.prompt_text,
        prompt_ids=found.prompt_ids,
        faults=tuple(
            FaultOutput(
                code=fault.code,
                what=fault.what,
                where=where,
                fix=FIXES[fault.code],
                blocking=fault.blocking,
            )
            for fault in found.faults
        ),
    )


def refused(row: str, base_model: str, error: RenderError) -> XrayOutput:
    """A row that could not be rendered at all."""
    fault = FaultOutput(
        code=error.code, what=error.reason, where=error.where, fix=error.fix, blocking=True
    )
    return XrayOutput(
        row=row,
        base_model=base_model,
        text="",
        tokens=(),
        ends=(),
        cut=0,
        how=None,
        prompt_text="",
        prompt_ids=(),
        faults=(fault,),
    )
