"""A search over prompts on the training side of the split that ``run`` makes too."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from advisor import endpoints, prompts, rewriting, split, sweeping, training_side
from advisor import plan as plans
from rules.errors import DataError, SettingError, UserError
from rules.facts import Task
from runners import _data, _models, _outgoing, _prompt_search, base
from runners._prompt_trials import AGAIN, LEAST, Candidate, Prompt, Round, Searched, schedule
from runners._render_tokenizer import BUNDLED
from runners.base import Frozen, Plan, Report, Row, find

APPROACH = "few_shot"
"""Whatever can be shown examples can also be asked without."""
_MOST = 0.5
"""Share of the rows to learn from that may be set aside to choose by."""


class Wanted(Frozen):
    """What is tried, on how many rows, with how many calls."""

    instructions: tuple[Path, ...] = ()
    shots: tuple[int, ...] = (0, 2, 4, 8)
    rewrites: bool = True
    rows: int = 100
    calls: int = 1000


class Ready(NamedTuple):
    """A search that has only to be started."""

    plan: Plan
    candidates: tuple[Candidate, ...]
    sides: tuple[list[Row], list[Row]]
    """Rows that examples are taken from, and rows to choose by."""
    rounds: tuple[Round, ...]
    training_rows: int
    rules: dict[str, str]
    """The sentences that were added to what lacks them."""


def ready(request: plans.Request, runs: Path, wanted: Wanted) -> Ready:
    """Read and part the rows, and lay out what is tried and in how many calls; nothing is asked.

    Raises:
        DataError: The data or a prompt cannot be used, or are rows to measure on.
        SettingError: Nothing can be tried so.
        UserError: The model cannot be told anything.
    """
    model = request.base_model or BUNDLED
    endpoint = endpoints.checked(request.endpoint, model, find(APPROACH), APPROACH)
    if not endpoint and (kind := _models.kind(model)) != "causal":
        what = f"this model is told nothing: it is an {kind.replace('_', '-')}"
        fix = "name a causal model, such as --base-model bundled, or api:NAME"
        raise UserError(what, where="--base-model", fix=fix)
    sides, task = _sides(request, runs)
    train = _data.read_rows(sides.train)
    shown, held = _parted(train, wanted.rows, request.seed, task, request.data)
    _require_apart([*shown, *held], _data.read_rows(sides.evaluation))
    plan = Plan(
        approach=APPROACH,
        task=task,
        base_model=model,
        train=sides.train,
        evaluation=sides.evaluation,
        folder=runs,
        seed=request.seed,
        endpoint=endpoint,
    )
    rules = rewriting.rules(shown, task) if wanted.rewrites else {}
    candidates = _candidates(_prompts(wanted.instructions, task, rules), wanted.shots, len(shown))
    each = AGAIN if endpoint and task == "classification" else 1
    count = min(wanted.rows, len(_prompt_search.questions(plan, held)))
    rounds = schedule(len(candidates), count, wanted.calls, each)
    return Ready(plan, candidates, (shown, held), rounds, len(train), rules)


def sends(made: Ready) -> str:
    """What goes where, when a model behind an address is asked."""
    most = max(made.candidates, key=lambda candidate: candidate.shots)
    return _outgoing.words(made.plan.model_copy(update={"approach": most.approach}))


def search(made: Ready, report: Report) -> Searched:
    """Carry it out.

    Raises:
        UserError: The model cannot be opened or asked, or the money is used up.
    """
    return _prompt_search.search(made.plan, made.candidates, made.sides, made.rounds, report)


def _sides(request: plans.Request, runs: Path) -> tuple[training_side.Sides, Task]:
    if known := training_side.named(request.data):
        task = plans.TASKS.get(known.kind)
        if task is None or not base.can_run(APPROACH, task):
            fix = "give rows with a label or an answer each"
            raise DataError("no prompt is learned on such rows", where=str(request.data), fix=fix)
        return known, task
    table = plans.data.read(request.data, request.columns)
    task = plans.task_of(table, APPROACH)
    made = plans.freeze(request, runs)
    return training_side.Sides(made.train, made.evaluation, table.mapping.kind), task


def _parted(
    train: Sequence[Row], wanted: int, seed: int, task: Task, where: Path
) -> tuple[list[Row], list[Row]]:
    """Rows that examples are taken from, and those to choose by: near texts are on one side."""
    share = min(_MOST, wanted / len(train))
    shown, held = split.part(train, share, seed, labelled=task == "classification")
    if len(held) < LEAST or not shown:
        what = f"{len(train):,} rows to learn from: too few to set some aside to choose by"
        fix = f"add rows, {4 * LEAST} at the least"
        raise DataError(what, where=str(where), fix=fix)
    return shown, held


def _require_apart(rows: Sequence[Row], evaluation: Sequence[Row]) -> None:
    """Of the rows that are used none asks what a row to measure on asks."""
    measured = {plans.data.fingerprint(plans.data.question(row)) for row in evaluation}
    used = {plans.data.fingerprint(plans.data.question(row)) for row in rows}
    if shared := len(measured & used):
        raise AssertionError(f"{shared} questions to measure on are among those to choose by")


def _prompts(files: Sequence[Path], task: Task, rules: dict[str, str]) -> list[Prompt]:
    """The approach's own, the given ones, and each with the sentences it lacks; no text twice."""
    labelled = task == "classification"
    own = str(find(APPROACH).Settings.model_fields["instruction"].default) if labelled else ""
    alone = len({path.name for path in files}) == len(files)
    names = {path: path.name if alone else str(path) for path in files}
    texts = {"own": own} | {name: prompts.read(path) for path, name in names.items()}
    found: dict[str, Prompt] = {}
    for name, text in texts.items():
        more = _with_rules(name, text, rules)
        for item in more:
            found.setdefault(item.text or "", item)
    return list(found.values())


def _with_rules(name: str, text: str, rules: dict[str, str]) -> list[Prompt]:
    """A prompt as it is and, where it lacks something that the rules say, rewritten."""
    made = [Prompt(name=name, text=text or None, version=prompts.version(text) if text else "-")]
    if again := rewriting.rewritten(text, rules):
        made.append(Prompt(name=f"{name} + rules", text=again, version=prompts.version(again)))
    return made


def _candidates(
    tried: Sequence[Prompt], shots: Sequence[int], examples: int
) -> tuple[Candidate, ...]:
    """Every prompt with every number of examples; the own one with the fewest comes first."""
    numbers = sorted(set(shots))
    if not numbers or numbers[0] < 0 or numbers[-1] > examples:
        what = f"{numbers[-1] if numbers else 'no number of'} examples"
        fix = f"give numbers from 0 to {examples}: so many rows are there to show"
        raise SettingError(what, where="--shots", fix=fix)
    return tuple(Candidate(prompt=prompt, shots=number) for prompt in tried for number in numbers)


def picked(made: Ready, found: Searched) -> Candidate:
    """The candidate that was picked."""
    return next(
        item
        for item in made.candidates
        if (item.prompt.name, item.shots) == (found.picked.prompt, found.picked.shots)
    )


def tried(made: Ready) -> tuple[Prompt, ...]:
    """Every text once."""
    return tuple({item.prompt.name: item.prompt for item in made.candidates}.values())


def require_free(out: Path | None, made: Ready) -> None:
    """Refuse a file that could not be used, or that holds a text of somebody's.

    Raises:
        DataError: It is no file for a prompt, or there is another text in it.
    """
    if out is None:
        return
    fix = f"name a new file that ends in {' or '.join(prompts.ENDINGS)}, or leave --out out"
    if out.suffix not in prompts.ENDINGS:
        what = f"a setting takes no prompt from a file that ends in {out.suffix!r}"
        raise DataError(what, where=str(out), fix=fix)
    if not out.parent.is_dir():
        raise DataError("there is no such folder", where=str(out.parent), fix=fix)
    known = {item.prompt.text for item in made.candidates if "+" in item.prompt.name}
    if out.exists() and prompts.read(out) not in known:
        raise DataError("there is a text in this file already", where=str(out), fix=fix)


def write(candidate: Candidate, out: Path | None) -> Path | None:
    """Write the prompt into a file, named after its version unless told otherwise.

    Nothing is written where nothing is told.
    """
    text = candidate.prompt.text
    if text is None:
        return None
    path = out or Path(f"prompt-{candidate.prompt.version}.md")
    path.write_text(text + "\n", "utf-8")
    return path


def command(
    request: plans.Request, candidate: Candidate, path: Path | None, asking: Sequence[str]
) -> str:
    """What to type to measure the picked prompt on the rows that were not looked at.

    Args:
        request: Data, columns and split.
        candidate: What was picked.
        path: The file of its prompt.
        asking: The flags that say which model is asked, and where.
    """
    said = ["whichtune", "run", *sweeping.flags(request), "--approach", candidate.approach]
    if training_side.named(request.data):
        said += ["--evaluation", str(request.data.with_name(split.EVALUATION))]
    settings = [f"instruction=@{path}"] * bool(path)
    settings += [f"shots={candidate.shots}"] * bool(candidate.shots)
    said += [*asking, *(part for text in settings for part in ("--setting", text))]
    return shlex.join(said)
