"""``whichtune prompt search``: which instruction and how many examples, by training rows alone."""

from pathlib import Path
from typing import Annotated

import typer

from advisor import console, runs
from advisor.cli_columns import columns
from advisor.cli_options import Evaluation, Id, Input, Json, Kind, Mapping, Role, Runs, Target
from advisor.cli_run_options import (
    BaseUrl,
    EndpointOption,
    KeyEnv,
    MaxCost,
    Privacy,
    Seed,
    Share,
)
from rules.errors import SettingError


def search(
    data: Annotated[Path, typer.Option("--data", help="Your rows, as for run.")],
    instruction: Annotated[
        list[Path] | None,
        typer.Option("--instruction", help="A prompt to try beside the own one; repeatable."),
    ] = None,
    shots: Annotated[
        str, typer.Option("--shots", help="Numbers of examples to try; 0 is zero_shot.")
    ] = "0,2,4,8",
    rewrites: Annotated[
        bool,
        typer.Option("--rewrite/--no-rewrite", help="Add what a prompt lacks, by fixed rules."),
    ] = True,
    base_model: Annotated[
        str, typer.Option("--base-model", help="A hub id, a folder, bundled, or api:NAME.")
    ] = "bundled",
    most: Annotated[
        int, typer.Option("--max-calls", min=1, help="Rows times candidates, at most, in all.")
    ] = 1000,
    rows: Annotated[
        int, typer.Option("--rows", min=5, help="Training rows to choose by, at most.")
    ] = 100,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File for the winner [default: prompt-VERSION.md]."),
    ] = None,
    evaluation: Evaluation = None,
    input_column: Input = None,
    target_column: Target = None,
    id_column: Id = None,
    kind: Kind = None,
    role: Role = None,
    mapping: Mapping = None,
    base_url: BaseUrl = None,
    key_env: KeyEnv = None,
    max_cost: MaxCost = None,
    endpoint: EndpointOption = None,
    privacy: Privacy = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be tried, and ask nothing.")
    ] = False,
    seed: Seed = 0,
    share: Share = 0.2,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Try instructions and numbers of examples on training rows, and write down the best prompt.

    The rows are split as run splits them; those to measure on are never asked.

    \b
    whichtune prompt search --data tickets.csv --instruction a.md --instruction b.md
    whichtune prompt search --data tickets.csv --base-model api:NAME --max-calls 600 --max-cost 1
    """
    from advisor import endpoints, prompt_search, report_prompt_search
    from advisor import plan as plans
    from advisor.outputs_prompt import PromptSearchOutput

    flags = {"input": input_column, "target": target_column, "id": id_column, "kind": kind}
    options = plans.read_settings(endpoint or [])
    request = plans.Request(
        approach=prompt_search.APPROACH,
        data=data,
        evaluation=evaluation,
        columns=columns(flags, roles=role, mapping_file=mapping),
        base_model=base_model,
        seed=seed,
        evaluation_share=share,
        endpoint=endpoints.made(base_model, base_url, key_env, max_cost, privacy, options),
    )
    wanted = prompt_search.Wanted(
        instructions=tuple(instruction or ()),
        shots=_numbers(shots),
        rewrites=rewrites,
        rows=rows,
        calls=most,
    )
    runs.require_libraries(request.approach, base_model)
    made = prompt_search.ready(request, runs.root(runs_folder), wanted)
    prompt_search.require_free(out, made)
    for line in report_prompt_search.before(made):
        console.talk(line)
    if dry_run:
        console.talk("Nothing was asked.")
        return
    if made.plan.endpoint:  # said before the first byte leaves, and on no line that goes away
        console.talk(prompt_search.sends(made))
    with console.news("prompt search", patience=1) as tell:
        found = prompt_search.search(made, tell)
    picked = prompt_search.picked(made, found)
    path = prompt_search.write(picked, out)
    given = {
        "--base-model": base_model,
        "--base-url": base_url,
        "--api-key-env": key_env,
        "--max-cost": max_cost,
        "--privacy": privacy,
    }
    asking = [part for flag, value in given.items() if value for part in (flag, str(value))]
    asking += [part for option in endpoint or () for part in ("--endpoint", option)]
    output = PromptSearchOutput(
        data=str(data),
        base_model=base_model,
        training_rows=made.training_rows,
        prompts=prompt_search.tried(made),
        searched=found,
        file=str(path) if path else None,
        command=prompt_search.command(request, picked, path, asking),
    )
    if as_json:
        console.emit(output)
    else:
        console.show(*report_prompt_search.searched(output))


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        fix = "write whole numbers with commas between, such as --shots 0,4"
        raise SettingError(f"{text!r} are no numbers", where="--shots", fix=fix) from error
