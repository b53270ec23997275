"""Make a plan: one experiment, complete, with the reason for every value that nobody typed.

Reading the data, freezing the split and checking the settings happen here, so that what can go
wrong goes wrong before anything is started.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from advisor import data, endpoints, prompts, scale, split
from advisor.columns import Columns
from advisor.schema import schemas
from rules import engine
from rules.errors import DataError, SettingError, UserError
from rules.facts import Task
from runners import (
    _answer_format,
    _data,
    _models,
    _own_metric,
    _processes,
    _run_folder,
    base,
)
from runners._render_tokenizer import BUNDLED
from runners.base import Endpoint, Frozen, OwnMetric, Plan, can_run, find, names, settings_of

TASKS: dict[str, Task] = {
    "classification": "classification",
    "prompt_completion": "generation",
    "instruction": "generation",
    "slots": "generation",
    "text_to_sql": "generation",
    "question_context": "generation",
    "chat": "instruction_following",
    "raw_text": "domain_knowledge",
    "preference": "preference_alignment",
    "ranked_pairs": "preference_alignment",
    "liked": "preference_alignment",
}
"""What rows of a kind can be learned for. Of the other kinds no approach learns so far."""


_PASSAGES = (
    "the passages of the rows are shown to no model; put them in a folder of documents, so that "
    "rag, hybrid or long_context answer from them"
)


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
    processes: int = Field(default=1, ge=1)
    answer_format: str | None = None
    """A JSON schema or a regular expression; of texts it is measured how many have this form."""
    metric_function: str | None = None
    """``module:function`` of the current folder; of texts it says how good an answer is."""
    endpoint: Endpoint | None = None
    """Where a base model ``api:…`` is asked."""


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
    if request.answer_format:
        _answer_format.checker(request.answer_format)
    own = own_metric(request.metric_function) if request.metric_function else None
    endpoint = endpoints.checked(request.endpoint, request.base_model, runner, request.approach)
    _check_model(request.base_model)
    train, evaluation = data.read_both(request.data, request.evaluation, request.columns)
    task = task_of(train, request.approach)
    settings = settings_of(runner.Settings, request.settings, request.approach, task)
    base.require_ready(runner, settings)
    endpoints.check_service(runner, settings, endpoint)
    if check := getattr(runner, "require_rewards", None):
        check(settings, train.rows, request.answer_format, own)
    _processes.check(request, getattr(settings, "batch", None))
    base_model, why_model = _base_model(request.base_model, task, request.approach)
    endpoints.check_task(endpoint, task)
    _for_texts(own, task)
    frozen = _freeze(request, runs, train, evaluation)
    if train.mapping.kind == "question_context":
        frozen = frozen.model_copy(update={"notes": (*frozen.notes, _PASSAGES)})
    if own:
        _own_metric.check(own, _data.read_rows(frozen.evaluation))
    automatic = base.computed(runner, task, frozen.train.rows, base_model)
    computed = {
        name: (value, reason)
        for name, (value, reason) in automatic.items()
        if name not in request.settings
    }
    plan = Plan(
        approach=request.approach,
        task=task,
        base_model=base_model,
        train=frozen.train,
        evaluation=frozen.evaluation,
        folder=_run_folder.new_folder(runs, request.approach),
        seed=request.seed,
        settings={**request.settings, **{name: value for name, (value, _) in computed.items()}},
        reasons={
            **why_model,
            **_versions(request),
            **{name: reason for name, (_, reason) in computed.items()},
        },
        max_minutes=request.max_minutes,
        processes=request.processes,
        answer_format=request.answer_format,
        metric_function=own,
        endpoint=endpoint,
    )
    _run_folder.write_plan(plan)
    return Draft(plan=plan, split=frozen)


def _versions(request: Request) -> dict[str, str]:
    """A prompt is known by its version, wherever its text came from."""
    told = request.settings.get("instruction")
    return {"instruction": f"version {prompts.version(told)}"} if isinstance(told, str) else {}


def own_metric(call: str) -> OwnMetric:
    """A metric of the user's own, from a file of the current folder.

    Raises:
        SettingError: There is no such file or function, or it cannot be imported.
    """
    return _own_metric.find(call, Path.cwd(), scale.TAKEN)


def _for_texts(own: OwnMetric | None, task: Task) -> None:
    """Refuse a metric of one's own where no answer is written."""
    if own is None or task in ("generation", "instruction_following", "preference_alignment"):
        return
    labels = task == "classification"
    what = "a label is right or wrong" if labels else "raw text has no right answers"
    fix = f"leave {_own_metric.FLAG} out, or give rows with answers"
    raise UserError(f"{what}: {own.name} has nothing to say", where=_own_metric.FLAG, fix=fix)


def freeze(request: Request, runs: Path) -> split.Split:
    """Read the files and freeze the rows; the same request always gives the same folder.

    Raises:
        DataError: A file cannot be used.
    """
    train, evaluation = data.read_both(request.data, request.evaluation, request.columns)
    return _freeze(request, runs, train, evaluation)


def _freeze(
    request: Request, runs: Path, train: data.Table, evaluation: data.Table | None
) -> split.Split:
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


def kind_of(request: Request) -> Task | None:
    """What the rows of a request can be learned for; nothing, where no approach learns from them.

    Raises:
        DataError: A file cannot be used.
    """
    return TASKS.get(data.read(request.data, request.columns).mapping.kind)


def task_of(table: data.Table, approach: str) -> Task:
    """What these rows can be learned for, by this approach.

    Raises:
        DataError: No approach learns from rows of this kind so far.
        UserError: This one does not.
    """
    said, task = schemas()[table.mapping.kind].SAYS, TASKS.get(table.mapping.kind)
    able = [name for name in names() if task and can_run(name, task)]
    if task is None or not able:
        learned = [kind for kind, known in TASKS.items() if any(can_run(n, known) for n in names())]
        told = "; ".join(f"{kind}: {schemas()[kind].SAYS}" for kind in learned)
        fix = f"name the columns, so that the rows are of another kind ({told})"
        if table.mapping.kind == "question_documents":
            fix = (
                f"pick the settings of a search by them: whichtune sweep DIR --data {table.path}; "
                f"or give them answers: whichtune label {table.path} --out answered.jsonl"
            )
        what = f"these are {said}, which no approach can learn from so far"
        raise DataError(what, where=str(table.path), fix=fix)
    if approach not in able:
        fix = f"these can run on them: {', '.join(able)}"
        if can_run(approach, "classification"):
            fix += "; or name the columns of text and label: --input COLUMN --target COLUMN"
        what = f"these are {said}, and {approach} cannot learn from such rows"
        raise UserError(what, where="--approach", fix=fix)
    return task


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


def _check_model(given: str | None) -> None:
    """A folder can be checked now; a hub id is fetched by the run."""
    if given and (Path(given).expanduser().exists() or given.startswith((".", "/", "~"))):
        _models.locate(given)


def _base_model(given: str | None, task: Task, approach: str) -> tuple[str, dict[str, str]]:
    if given:
        return given, {}
    if task == "classification" and not getattr(find(approach), "READS", False):
        reason = "the default encoder: 22 million parameters, fast on any machine"
        return _models.DEFAULT_ENCODER, {"base_model": reason}
    reason = "the model that comes with whichtune: small, English prose, runs on any machine"
    return BUNDLED, {"base_model": reason}


def read_settings(pairs: list[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs; a value is YAML, and ``@file.yaml`` stands for a file's content.

    Of ``@file.md`` and ``@file.txt`` the text is taken as it stands, as of a prompt.

    Raises:
        DataError: A file that is no prompt.
        SettingError: A pair without ``=``, a file that is not there, or a value that is not YAML.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            fix = f"write --setting {name}=VALUE"
            raise SettingError(f"{pair!r} has no '='", where="--setting", fix=fix)
        if text.startswith("@") and Path(text).suffix in prompts.ENDINGS:
            settings[name.strip()] = prompts.read(Path(text[1:]).expanduser())
            continue
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
