"""``whichtune judge``: which of two runs answers better, by a reward model or one that is asked."""

from collections.abc import Callable
from typing import Annotated

import typer

from advisor import console, runs
from advisor.cli_options import Json, Runs
from advisor.cli_run_options import BaseUrl, EndpointOption, KeyEnv, MaxCost, Privacy
from rules.errors import SettingError

_FLAG = "--judge"


def judge(
    first: Annotated[str, typer.Argument(metavar="RUN", help="A run that was measured.")],
    second: Annotated[
        str, typer.Argument(metavar="RUN", help="Another one, measured on the same rows.")
    ],
    by: Annotated[
        str,
        typer.Option("--judge", help="A run of rlhf with a reward model, its folder, or api:NAME."),
    ],
    criterion: Annotated[
        str | None,
        typer.Option("--criterion", help="What better means, to a model that is asked."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=2, help="Questions at most; else all.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Draws the questions.")] = 0,
    not_held_out: Annotated[
        bool,
        typer.Option("--not-held-out", help="Also by a judge that learned from these pairs."),
    ] = False,
    base_url: BaseUrl = None,
    key_env: KeyEnv = None,
    max_cost: MaxCost = None,
    endpoint: EndpointOption = None,
    privacy: Privacy = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count calls, tokens and money; ask nothing.")
    ] = False,
    runs_folder: Runs = None,
    as_json: Json = False,
) -> None:
    """Say which of two runs answers better, with the win rate, its interval and what biases it.

    A model that is asked sees every pair twice, the answers swapped; a reward model is refused
    where it learned from the same pairs.

    \b
    whichtune judge dpo-0001 lora-0001 --judge rlhf-0001
    whichtune judge dpo-0001 lora-0001 --judge api:NAME --max-cost 1 --dry-run
    """
    from advisor import dry_run as dry
    from advisor import endpoints, judging, outputs_api, report_judge
    from advisor import plan as plans
    from advisor.judgement import Wanted
    from advisor.outputs_judge import JudgeOutput

    root = runs.root(runs_folder)
    pair = (runs.find(first, root), runs.find(second, root))
    options = plans.read_settings(endpoint or [])
    try:
        made = endpoints.made(by, base_url, key_env, max_cost, privacy, options)
    except SettingError as error:  # here the model is named by another flag
        what, fix = (
            text.replace("--base-model", _FLAG).replace("the base model", "the judge")
            for text in (error.what, error.fix)
        )
        where = _FLAG if error.where == "--base-model" else error.where
        raise SettingError(what, where=where, fix=fix) from error
    wanted = Wanted(judge=by, endpoint=made, rows=rows, seed=seed, not_held_out=not_held_out)
    if criterion:
        wanted = wanted.model_copy(update={"criterion": criterion})
    if dry_run:
        counted = judging.count(pair, wanted, root)
        if as_json:
            console.emit(outputs_api.dry_run([counted]))
        else:
            console.show(dry.told(counted))
        return
    if made:  # said before the first byte leaves, and on no line that goes away
        console.talk(f"judge: {judging.sends(wanted)}")
    with console.news("judge", patience=1.0) as report:
        found = judging.judge(pair, wanted, root, report)
    if as_json:
        console.emit(JudgeOutput(judgement=found))
    else:
        console.show(*report_judge.judged(found))


COMMANDS: dict[str, Callable[..., None]] = {"judge": judge}
