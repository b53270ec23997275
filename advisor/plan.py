"""Make a plan: one experiment, complete, with the reason for every value that nobody typed.

Reading the data, freezing the split and checking the settings happen here, so that what can go
wrong goes wrong before anything is started.
"""

from pathlib import Path
from typing import Any

import yaml

from advisor import data, split
from advisor.columns import Columns
from advisor.schema import schemas
from rules import engine
from rules.errors import DataError, SettingError, UserError
from runners import _models, _run_folder
from runners.base import Frozen, Plan, find, names, settings_of


class Request(Frozen):
    """What a user asks for; everything else is worked out."""

    approach: str
    data: Path
    evaluation: Path | None = None
    columns: Columns = Columns()
    base_model: str | None = None
    settings: dict[str, Any] = {}
    seed: int = 0
    evaluation_share: float = 0.2
    rows_per_label: int | None = None
    max_minutes: float | None = None


class Draft(Frozen):
    """A plan with what was found on the way to it."""

    plan: Plan
    split: split.Split


def make(request: Request, runs: Path) -> Plan:
    """Read the data, freeze the split, take a folder below ``runs`` and write the plan into it.

    Raises:
        UserError: The approach cannot run yet, or data, settings or model are not usable.
    """
    return draft(request, runs).plan


def draft(request: Request, runs: Path) -> Draft:
    """The same, with the split and its notes.

    Raises:
        UserError: The approach cannot run yet, or data, settings or model are not usable.
    """
    check_approach(request.approach)
    runner = find(request.approach)
    settings_of(runner.Settings, request.settings, request.approach)
    base_model, why_model = _base_model(request.base_model)
    frozen = freeze(request, runs)
    computed = {
        name: (value, reason)
        for name, (value, reason) in runner.computed(frozen.train.rows).items()
        if name not in request.settings
    }
    plan = Plan(
        approach=request.approach,
        task="classification",
        base_model=base_model,
        train=frozen.train,
        evaluation=frozen.evaluation,
        folder=_run_folder.new_folder(runs, request.approach),
        seed=request.seed,
        settings={**request.settings, **{name: value for name, (value, _) in computed.items()}},
        reasons={**why_model, **{name: reason for name, (_, reason) in computed.items()}},
        max_minutes=request.max_minutes,
    )
    _run_folder.write_plan(plan)
    return Draft(plan=plan, split=frozen)


def freeze(request: Request, runs: Path) -> split.Split:
    """Read the files and freeze the rows; the same request always gives the same folder.

    Raises:
        DataError: A file cannot be used.
    """
    train, evaluation = data.read_both(request.data, request.evaluation, request.columns)
    _refuse_other_kinds(train)
    return split.freeze(
        split.SplitRequest(
            train=train,
            evaluation=evaluation,
            root=runs,
            seed=request.seed,
            evaluation_share=request.evaluation_share,
            rows_per_label=request.rows_per_label,
        )
    )


def _refuse_other_kinds(table: data.Table) -> None:
    """The approaches that run so far learn labels."""
    if table.mapping.kind != "classification":
        what = f"these are {schemas()[table.mapping.kind].SAYS}, and only "
        what += f"{schemas()['classification'].SAYS} can be learned from so far"
        fix = "name the columns of text and label: --input COLUMN --target COLUMN"
        raise DataError(what, where=str(table.path), fix=fix)


def check_approach(approach: str) -> None:
    """Refuse an approach that is only advised so far; any other wrong name is refused by ``find``.

    Raises:
        UserError: There are rules for it, but no runner.
    """
    known = {item.name for item in engine.load()}
    if approach in known and approach not in names():
        fix = f"these can run: {', '.join(names())}"
        what = f"{approach} can be advised, but this version has no runner for it"
        raise UserError(what, where="--approach", fix=fix)


def _base_model(given: str | None) -> tuple[str, dict[str, str]]:
    if given:
        if Path(given).expanduser().exists() or given.startswith((".", "/", "~")):
            _models.locate(given)  # a folder can be checked now; a hub id is fetched by the run
        return given, {}
    reason = "the default encoder: 22 million parameters, fast on any machine"
    return _models.DEFAULT_ENCODER, {"base_model": reason}


def read_settings(pairs: list[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs; a value is YAML, and ``@file.yaml`` stands for a file's content.

    Raises:
        SettingError: A pair without ``=``, a file that is not there, or a value that is not YAML.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            fix = f"write --setting {name}=VALUE"
            raise SettingError(f"{pair!r} has no '='", where="--setting", fix=fix)
        try:
            text = Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
            settings[name.strip()] = yaml.safe_load(text)
        except OSError as error:
            fix = "name a YAML file that exists"
            what = f"{text[1:]}: {error.strerror}"
            raise SettingError(what, where=f"--setting {name}", fix=fix) from error
        except yaml.YAMLError as error:
            fix = "quote the value"
            raise SettingError(f"{text!r} is not YAML", where="--setting", fix=fix) from error
    return settings
