"""The command that writes an experiment down: plan."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from advisor import console, runs
from advisor.cli_columns import columns
from advisor.cli_options import Evaluation, Id, Input, Json, Kind, Mapping, Role, Runs, Target
from advisor.cli_run_options import (
    BaseModel_,
    BaseUrl,
    EndpointOption,
    Format,
    Function,
    KeyEnv,
    MaxCost,
    Minutes,
    PerLabel,
    Privacy,
    Processes,
    Seed,
    Setting,
    Share,
)


def plan(
    data: Annotated[Path, typer.Option("--data", help="Your rows: CSV, TSV, JSON, JSON Lines.")],
    approach: Annotated[str, typer.Option("--approach", help="Which approach.")],
    evaluation: Evaluation = None,
    input_column: Input = None,
    target_column: Target = None,
    id_column: Id = None,
    kind: Kind = None,
    role: Role = None,
    mapping: Mapping = None,
    base_model: BaseModel_ = None,
    setting: Setting = None,
    seed: Seed = 0,
    share: Share = 0.2,
    per_label: PerLabel = None,
    minutes: Minutes = None,
    processes: Processes = 1,
    answer_format: Format = None,
    metric_function: Function = None,
    base_url: BaseUrl = None,
    key_env: KeyEnv = None,
    max_cost: MaxCost = None,
    endpoint: EndpointOption = None,
    privacy: Privacy = None,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Freeze the rows and write down one experiment, with the reason of every computed value.

    Nothing is trained yet. Start it with: whichtune run NAME
    """
    from advisor import endpoints
    from advisor import plan as plans

    flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
    request = plans.Request(
        approach=approach,
        data=data,
        evaluation=evaluation,
        columns=columns(flags, roles=role, mapping_file=mapping),
        base_model=base_model,
        settings=plans.read_settings(setting or []),
        seed=seed,
        evaluation_share=share,
        rows_per_label=per_label,
        max_minutes=minutes,
        processes=processes,
        answer_format=answer_format,
        metric_function=metric_function,
        endpoint=endpoints.made(
            base_model,
            base_url,
            key_env,
            max_cost,
            privacy,
            plans.read_settings(endpoint or []),
        ),
    )
    draft = plans.draft(request, runs.root(runs_folder))
    if as_json:
        from advisor import outputs

        console.emit(outputs.plan(draft))
        return
    from advisor import report_runs

    console.show(report_runs.plan(draft.plan, draft.split.notes))
    console.talk(f"\nNext: whichtune run {draft.plan.name}")


COMMANDS: dict[str, Callable[..., None]] = {"plan": plan}
