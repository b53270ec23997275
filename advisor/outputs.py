"""What ``--json`` prints: one model for each command, with a name and a version.

Fields are only added within a version. The JSON schemas in ``docs/schema`` are made from these
models by ``python -m advisor.outputs docs/schema``; a test fails when they are out of date.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from advisor.compare import Comparison, Mistake
from advisor.data import Table
from advisor.doctor import Readiness
from advisor.hardware import HardwareProfile
from advisor.mend import Mended
from advisor.outputs_advice import AdviseOutput, BatchOutput, Output
from advisor.outputs_api import DryRunOutput
from advisor.outputs_data import ConvertOutput, LabelOutput
from advisor.outputs_index import IndexOutput
from advisor.outputs_judge import JudgeOutput
from advisor.outputs_memory import FitsOutput, MemoryOutput
from advisor.outputs_prompt import PromptOutput, PromptSearchOutput
from advisor.outputs_rate import RateOutput
from advisor.outputs_rules import CoverageOutput, ReviewOutput, RuleOutput, RulesOutput
from advisor.outputs_search import SearchOutput
from advisor.outputs_share import ExportOutput
from advisor.outputs_sweep import SweepOutput
from advisor.outputs_xray import XrayOutput
from advisor.plan import Draft
from advisor.profile import DataProfile
from advisor.record import Record
from advisor.record_diff import Difference
from advisor.tryout import Column
from runners._run_folder import RunStatus
from runners.base import Frozen, Plan, Prediction, Result, State


class ProfileOutput(Output):
    """``whichtune profile --json``."""

    schema_: Literal["whichtune.profile/1"] = Field(
        default="whichtune.profile/1", serialization_alias="schema"
    )
    profile: DataProfile
    format: str
    encoding: str
    mapping: dict[str, str | None]
    notes: tuple[str, ...]
    records_read: int
    excluded: tuple[dict[str, str | int], ...]
    mended: Mended | None = None
    """With ``--fix`` or ``--dry-run``: what was done, or would be."""


class PlanOutput(Output):
    """``whichtune plan --json``."""

    schema_: Literal["whichtune.plan/1"] = Field(
        default="whichtune.plan/1", serialization_alias="schema"
    )
    plan: Plan
    left_out: tuple[dict[str, str], ...]
    notes: tuple[str, ...]


class RunOutput(Frozen):
    """One run within the outputs below."""

    name: str
    folder: Path
    approach: str
    state: State
    error: dict[str, str] | None
    result: Result | None


class RunsOutput(Output):
    """``whichtune runs --json``, ``whichtune run --json`` and ``whichtune demo --json``."""

    schema_: Literal["whichtune.runs/1"] = Field(
        default="whichtune.runs/1", serialization_alias="schema"
    )
    runs: tuple[RunOutput, ...]
    comparison: Comparison | None = None


class ShowOutput(Output):
    """``whichtune show --json``."""

    schema_: Literal["whichtune.show/1"] = Field(
        default="whichtune.show/1", serialization_alias="schema"
    )
    run: RunOutput
    plan: Plan
    mistakes: tuple[dict[str, str], ...]


class CompareOutput(Output):
    """``whichtune compare --json``."""

    schema_: Literal["whichtune.compare/1"] = Field(
        default="whichtune.compare/1", serialization_alias="schema"
    )
    comparison: Comparison


class TriedOutput(Frozen):
    """What one run, or an untouched base model, said."""

    name: str
    base: bool
    answers: tuple[Prediction, ...]


class TryOutput(Output):
    """``whichtune try --json``."""

    schema_: Literal["whichtune.try/1"] = Field(
        default="whichtune.try/1", serialization_alias="schema"
    )
    run: str
    """The first of them."""
    answers: tuple[Prediction, ...]
    """Of the first run."""
    columns: tuple[TriedOutput, ...] = ()
    """Everyone that was asked, the first run among them, each with an answer to every text."""


class DoctorOutput(Output):
    """``whichtune doctor --json``."""

    schema_: Literal["whichtune.doctor/1"] = Field(
        default="whichtune.doctor/1", serialization_alias="schema"
    )
    machine: HardwareProfile
    approaches: tuple[Readiness, ...]


OUTPUTS: tuple[type[Output], ...] = (
    AdviseOutput,
    BatchOutput,
    Record,
    Difference,
    RulesOutput,
    RuleOutput,
    ReviewOutput,
    CoverageOutput,
    ProfileOutput,
    PlanOutput,
    RunsOutput,
    ShowOutput,
    CompareOutput,
    TryOutput,
    DoctorOutput,
    MemoryOutput,
    FitsOutput,
    XrayOutput,
    ConvertOutput,
    LabelOutput,
    RateOutput,
    JudgeOutput,
    ExportOutput,
    IndexOutput,
    SearchOutput,
    PromptOutput,
    PromptSearchOutput,
    SweepOutput,
    DryRunOutput,
)


def run(status: RunStatus) -> RunOutput:
    """A run as its folder shows it."""
    return RunOutput(
        name=status.name,
        folder=status.folder,
        approach=status.plan.approach,
        state=status.state,
        error=status.last.error if status.last else None,
        result=status.result,
    )


def runs(statuses: Sequence[RunStatus], comparison: Comparison | None = None) -> RunsOutput:
    """Several runs, and how they compare."""
    return RunsOutput(runs=tuple(run(status) for status in statuses), comparison=comparison)


def profile(table: Table, found: DataProfile, mended: Mended | None = None) -> ProfileOutput:
    """A data file, with every record that was left out, and what was mended."""
    return ProfileOutput(
        profile=found,
        format=table.format,
        encoding=table.encoding,
        mapping=table.mapping.told(),
        notes=table.notes,
        records_read=table.records_read,
        excluded=tuple(item.model_dump() for item in table.excluded),
        mended=mended,
    )


def plan(draft: Draft) -> PlanOutput:
    """A plan, with the rows that stand on neither side of the split."""
    return PlanOutput(
        plan=draft.plan,
        left_out=tuple(item.model_dump() for item in draft.split.left_out),
        notes=draft.split.notes,
    )


def show(status: RunStatus, mistakes: Sequence[Mistake]) -> ShowOutput:
    """One run, its plan, and every row it got wrong."""
    wrong = tuple(
        {
            "id": item.row.id,
            "input": item.row.input,
            "target": item.row.target,
            "prediction": item.prediction,
        }
        for item in mistakes
    )
    return ShowOutput(run=run(status), plan=status.plan, mistakes=wrong)


def tried(columns: Sequence[Column]) -> TryOutput:
    """What everyone said to every text."""
    return TryOutput(
        run=columns[0].name,
        answers=tuple(columns[0].answers),
        columns=tuple(
            TriedOutput(name=column.name, base=column.base, answers=tuple(column.answers))
            for column in columns
        ),
    )


def schemas() -> dict[str, dict[str, Any]]:
    """The JSON schema of every output, by file name."""
    found: dict[str, dict[str, Any]] = {}
    for model in OUTPUTS:
        command = str(model.model_fields["schema_"].default).split(".")[1].replace("/", ".v")
        found[f"{command}.json"] = model.model_json_schema(by_alias=True, mode="serialization")
    return found


def main(folder: Path) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        text = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
