"""Ask finished runs about new texts, in this process: one run, or several beside their base."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from advisor import runs
from rules.errors import RunError, UserError
from runners import _measuring, _quiet, _run_folder, _several
from runners._run_folder import RunStatus
from runners._several import Base, Several
from runners.base import Prediction, Predictor, Row, find, names

_NAME = re.compile(r"([a-z]+(?:_[a-z]+)*)-\d{4}")
_NEAR = 0.8
"""How alike a word and the name of a run have to be to be taken for a slip of the finger."""


class Column(NamedTuple):
    """What one run, or an untouched base model, says to every text."""

    name: str
    answers: list[Prediction]
    base: bool = False


def parted(words: Sequence[str], root: Path) -> tuple[list[RunStatus], list[str]]:
    """Runs first, then texts: the first word that names no run begins the texts.

    Raises:
        RunError: A word looks like the name of a run, and there is none.
    """
    found = [runs.find(word, root) for word in words[:1]]
    existing = [run.name for run in runs.all_runs(root)]
    for place, word in enumerate(words[1:], 1):
        if not _names_a_run(word, root, existing):
            return _once(found), list(words[place:])
        try:
            found.append(runs.find(word, root))
        except RunError as error:
            fix = f"{error.fix}   or, where it is a text: --text {word}"
            raise RunError(error.what, where=error.where, fix=fix) from error
    return _once(found), []


def _once(found: Sequence[RunStatus]) -> list[RunStatus]:
    """Without repeats: a run may be named by its folder too."""
    return list({run.folder.resolve(): run for run in found}.values())


def _names_a_run(word: str, root: Path, existing: Sequence[str]) -> bool:
    try:
        if any((place / _run_folder.PLAN).exists() for place in (Path(word), root / word)):
            return True
    except (OSError, ValueError):  # a text can be too long for a name, or hold what none may
        return False
    like = _NAME.fullmatch(word)
    near = get_close_matches(word, existing, n=1, cutoff=_NEAR)
    return bool(like and (like[1] in names() or near))


def require_ready(chosen: Sequence[RunStatus]) -> None:
    """Check all runs before any of them is opened.

    Raises:
        RunError: One is not finished.
        MissingExtraError: A library is not installed.
    """
    for run in chosen:
        if run.result is None:
            fix = f"finish it first: whichtune run {run.name}"
            raise RunError(f"{run.name} is {run.state}", where=str(run.folder), fix=fix)
        runs.require_libraries(run.plan.approach, run.plan.base_model)


def bases(chosen: Sequence[RunStatus], wanted: bool | None) -> dict[Base, int | None]:
    """The untouched models to ask beside the runs, each with the tokens its answers may have.

    Unless told, several runs are held against theirs, save where a plain run is just that.

    Raises:
        UserError: They are wanted, and there are none.
    """
    if wanted is False or (wanted is None and len(chosen) == 1):
        return {}
    found: dict[Base, int | None] = {}
    for run in chosen:
        if base := _several.base_of(run.plan):
            rooms = [room for room in (found.get(base), _several.room(run.plan)) if room]
            found[base] = max(rooms, default=None)
    if wanted and not found:
        what = f"no base model of {chosen[0].name} that answers in words"
        fix = "leave --base out; of labels the untouched model is a run: --approach zero_shot"
        raise UserError(what, where="--base", fix=fix)
    plain = {_several.base_of(run.plan) for run in chosen if _is_plain(run)}
    return found if wanted else {b: room for b, room in found.items() if b not in plain}


def _is_plain(run: RunStatus) -> bool:
    return run.plan.approach == _measuring.BASELINE and not run.plan.settings


def ask(
    chosen: Sequence[RunStatus], texts: Sequence[str], untouched: dict[Base, int | None]
) -> list[Column]:
    """What each run says to each text, and after them each base; one model is open at a time.

    Runs whose adapters stand on the same base model share it.

    Raises:
        UserError: A base model is gone or has changed.
    """
    _quiet.settle()
    found: dict[Path | Base, Column] = {}  # by folder: names of different places can be the same
    shared: dict[Base, list[RunStatus]] = {}
    for run in chosen:
        if base := _several.shared_base(run.plan):
            shared.setdefault(base, []).append(run)
        else:
            predictor = find(run.plan.approach).load(run.plan.artifact)
            found[run.folder] = Column(run.name, _said(predictor, texts))
            del predictor
    for base in dict.fromkeys([*shared, *untouched]):
        several = Several(base)
        for run in shared.get(base, ()):
            found[run.folder] = Column(run.name, _said(several.add(run.plan.artifact), texts))
        if base in untouched:
            name = "base" if len(untouched) == 1 else f"base {base.model}"
            said = _said(several.untouched(untouched[base]), texts)
            found[base] = Column(name, said, base=True)
        del several
    return [found[key] for key in [*(run.folder for run in chosen), *untouched]]


def _said(predictor: Predictor, texts: Sequence[str]) -> list[Prediction]:
    """One text at a time, as they would be asked; an answer's id is its text."""
    return [predictor.predict([Row(id=text, input=text)])[0] for text in texts]


def line(item: Prediction) -> str:
    """``billing 0.94``, with the sources and a word when the approach abstained."""
    score = "" if item.score is None else f" {item.score:.2f}"
    unsure = "  (below the confidence you asked for)" if item.abstained else ""
    resting = "quoted from" if item.quoted else "from"
    sources = f"  {resting} {', '.join(item.sources[:3])}" if item.sources else ""
    return f"{item.prediction}{score}{unsure}{sources}"
