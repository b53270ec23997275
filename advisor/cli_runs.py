"""Commands that do and measure: run, demo."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor import bakeoff, cli_dry_run, console, runs
from advisor.cli_columns import columns
from advisor.cli_options import (
    Data,
    Evaluation,
    Id,
    Input,
    Json,
    Kind,
    Mapping,
    Role,
    Runs,
    Target,
)
from advisor.cli_run_options import (
    Approach,
    BaseModel_,
    BaseUrl,
    DryRun,
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
from rules.errors import RunError, UserError
from runners._run_folder import RunStatus
from runners.base import Plan, can_run

if TYPE_CHECKING:
    from advisor import plan as plans

DEMO = ("zero_shot", "few_shot", "heads", "lora")


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A planned or stopped run, by its name.")
    ] = None,
    approach: Approach = None,
    data: Data = None,
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
    dry_run: DryRun = False,
    again: Annotated[bool, typer.Option("--again", help="Even if it is done already.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint of a stopped run.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Start it and return at once.")] = False,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Run one approach or several on your rows, measure them all on the same held-out rows.

    Without --approach the best recommended ones run. Several are compared at the end.
    Ctrl-C cancels the run; the same command starts it again.

    \b
    whichtune run --approach heads --approach lora --data tickets.csv
    whichtune run heads-0003            start a planned, cancelled or died run
    whichtune run --resume lora-0002    go on where it was stopped
    """
    root = runs.root(runs_folder)
    if name:
        plans_made = [_existing(name, root, again=again, resume=resume)]
    else:
        from advisor import endpoints
        from advisor import plan as plans

        flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
        request = plans.Request(
            approach="",
            data=_needed(data),
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
        plans_made = _plans(request, approach or _recommended(request), root)
    if dry_run:
        cli_dry_run.show(plans_made, as_json=as_json)
        return
    if detach:
        runs.start(*plans_made)
        for made in plans_made:
            console.talk(f"started {made.name}: whichtune show {made.name} --follow")
        return
    _finish([_carry_out(made) for made in plans_made], as_json=as_json)


def _carry_out(plan: Plan) -> RunStatus:
    try:
        return bakeoff.carry_out(plan, console.news)
    except KeyboardInterrupt:
        console.talk(f"{plan.name} is cancelled; start it again: whichtune run {plan.name}")
        raise


def _needed(data: Path | None) -> Path:
    if data is None:
        fix = "whichtune run --data FILE   or name a run that `whichtune runs` lists"
        raise UserError("nothing to run on", where="--data", fix=fix)
    return data


def _existing(name: str, root: Path, *, again: bool, resume: bool) -> Plan:
    from advisor import resuming

    found = runs.find(name, root)
    if resume:
        resuming.check(found)
        return found.plan
    if found.state == "done" and not again:
        fix = f"read it: whichtune show {name}   or measure again: whichtune run {name} --again"
        raise RunError(f"{name} is done already", where=str(found.folder), fix=fix)
    if runs.is_over(found):
        resuming.start_afresh(found)
    return found.plan


def _recommended(request: "plans.Request") -> list[str]:
    """The best approaches that can run on this data, by the advice."""
    from advisor import facts
    from advisor import plan as plans
    from advisor.cli_advice import data_facts, machine_facts
    from advisor.recommend import recommend

    found = data_facts(request.data, request.evaluation, request.columns)
    ranking = recommend(facts.gather({}, found, machine_facts({})).facts).ranking
    kind = plans.kind_of(request)
    able = [
        item.approach
        for item in ranking
        if item.status != "ruled_out" and can_run(item.approach, kind)
    ]
    chosen = bakeoff.choose(request, able)
    for approach, error in chosen.lacking.items():
        console.talk(f"left out {approach}: {error.what}; {error.fix}")
    count = len(chosen.approaches)
    console.talk(f"running the {count} best that can run: {', '.join(chosen.approaches)}")
    return chosen.approaches


def _plans(request: "plans.Request", approaches: Sequence[str], root: Path) -> list[Plan]:
    """All plans are made before anything starts, so that a wrong word fails at once."""
    from advisor import plan as plans

    for approach in approaches:
        plans.check_approach(approach)
        runs.require_libraries(approach, request.base_model)
    drafts = [
        plans.draft(request.model_copy(update={"approach": approach}), root)
        for approach in approaches
    ]
    split = drafts[0].split
    for note in split.notes:
        console.talk(f"- {note}")
    rows = f"{split.train.rows:,} rows to learn from, {split.evaluation.rows:,} to measure on"
    console.talk(f"{rows}: {split.folder}")
    return [draft.plan for draft in drafts]


def _finish(finished: Sequence[RunStatus], *, as_json: bool) -> None:
    """Print results and, for several, the comparison. Exit code 1 when any run failed."""
    from advisor.compare import compare as compare_runs

    done = [item for item in finished if item.result]
    comparison = compare_runs(done) if len(done) > 1 else None
    if as_json:
        from advisor import outputs

        console.emit(outputs.runs(finished, comparison))
    else:
        from advisor import report_runs

        console.show(*(report_runs.run(item) for item in done if comparison is None))
        if comparison:
            console.show(report_runs.comparison(comparison))
    failed = [item for item in finished if not item.result]
    for item in failed:
        console.talk(f"error: {bakeoff.failure(item)}")
    if failed:
        raise typer.Exit(1)
    if not as_json:
        best = comparison.winner if comparison else done[0].name
        best = best if best in {item.name for item in done} else done[0].name
        console.talk(f"\nNext: echo 'a text' | whichtune try {best}")
        console.talk(f"      whichtune show {best} --errors")


def demo(
    runs_folder: Annotated[Path, typer.Option("--runs", help="Folder of the demo's runs.")] = Path(
        "demo-runs"
    ),
    as_json: Json = False,
) -> None:
    """Show the whole job on shipped real data, offline: profile, advice, four runs, comparison."""
    from advisor import cli_advice, examples
    from advisor import plan as plans

    if not as_json:
        cli_advice.profile(examples.TRAIN, examples.EVALUATION)
        cli_advice.advise(data=examples.TRAIN, evaluation=examples.EVALUATION)
        console.talk("")
    request = plans.Request(approach="", data=examples.TRAIN, evaluation=examples.EVALUATION)
    made = _plans(request, DEMO, runs.root(runs_folder))
    _finish([_carry_out(item) for item in made], as_json=as_json)


COMMANDS: dict[str, Callable[..., None]] = {"run": run, "demo": demo}
