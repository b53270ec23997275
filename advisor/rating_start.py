"""From what is typed to ratings that are under way: sources found, begun anew or gone on with."""

import getpass
from collections.abc import Sequence
from pathlib import Path

from advisor import candidates, candidates_file, pool, rating, rating_log, runs
from advisor.candidates import Wanted
from advisor.columns import Columns
from advisor.rating import Candidates, Mode, Ratings
from rules.errors import DataError, RunError, SettingError
from runners._references import question
from runners._run_folder import RunStatus
from runners.base import Frozen, Report, Row, silent

_LONGEST = 60


class Sources(Frozen):
    """Where the answers come from."""

    names: tuple[str, ...] = ()
    """Of runs, or one file."""
    prompts: Path | None = None
    columns: Columns = Columns()


def start(
    out: Path,
    sources: Sources,
    wanted: Wanted,
    rater: str | None,
    root: Path,
    report: Report = silent,
) -> Ratings:
    """Go on with what was begun under this name, or begin.

    Args:
        out: The log.
        sources: Where the answers come from; not needed to go on.
        wanted: What the user asks for.
        rater: Who rates; ``None``: the name of the login.
        root: The folder of all runs.
        report: Told how far runs are that have to be asked.

    Raises:
        UserError: Something cannot be found, read or rated, or what was begun is something else.
    """
    rating_log.check(out)
    name = rater_named(rater)
    begun = rating.resume(out, name)
    if begun is not None:
        _require_same(begun, sources, wanted)
        return begun
    return rating.begin(out, _candidates(sources, wanted, root, report), name)


def rater_named(said: str | None) -> str:
    """Who rates.

    Raises:
        SettingError: The name is empty or very long, or nobody is logged in.
    """
    fix = "say who rates: --rater NAME"
    if said is None:
        try:
            return getpass.getuser()
        except (OSError, KeyError, ImportError) as error:
            raise SettingError("nobody is logged in", where="--rater", fix=fix) from error
    name = " ".join(said.split())
    if not name or len(name) > _LONGEST or not name.isprintable():
        raise SettingError(f"no name of a person: {said!r}", where="--rater", fix=fix)
    return name


def _candidates(sources: Sources, wanted: Wanted, root: Path, report: Report) -> Candidates:
    if not sources.names:
        fix = "whichtune rate RUN RUN --out FILE, or whichtune rate ANSWERS.jsonl --out FILE"
        raise SettingError("nothing to rate was named", where="rate", fix=fix)
    first = Path(sources.names[0])
    if first.is_file():
        _require_idle(sources)
        return candidates_file.read(first, sources.columns, wanted)
    if first.suffix and not first.exists():
        fix = "check the path; or name two runs: whichtune runs lists them"
        raise DataError("no such file", where=str(first), fix=fix)
    chosen = tuple({run.folder: run for run in _runs(sources.names, root)}.values())
    prompts = prompts_of(sources.prompts, sources.columns) if sources.prompts else None
    return candidates.of_runs(chosen, wanted, prompts, report)


def _require_idle(sources: Sources) -> None:
    if len(sources.names) > 1:
        fix = f"put both answers into one file: whichtune rate {sources.names[0]} --out FILE"
        raise SettingError("one file with two answers a row is rated", where="rate", fix=fix)
    if sources.prompts:
        fix = "leave it out, or name runs that can answer them"
        raise SettingError("a file answers no prompts", where="--prompts", fix=fix)


def _runs(names: Sequence[str], root: Path) -> list[RunStatus]:
    found: list[RunStatus] = []
    for name in names:
        if Path(name).is_file():
            fix = "name runs, or one file with both answers"
            raise RunError(f"{name!r} is a file beside a run", where="rate", fix=fix)
        found.append(runs.find(name, root))
    return found


def prompts_of(path: Path, columns: Columns) -> list[Row]:
    """What the runs are to be asked: the questions of a file of any kind, each once.

    Raises:
        DataError: It cannot be read, or holds no questions.
    """
    found = pool.read(path, columns, free=True)
    return [question(found.table.rows[place]) for place in found.places]


def _require_same(begun: Ratings, sources: Sources, wanted: Wanted) -> None:
    """Refuse to go on with something else under the same name."""
    kept = begun.candidates
    out = begun.out
    fix = f"begin anew under another name: --out {out.stem}-2{out.suffix}"
    known = {origin.run or origin.file for origin in kept.origins}
    asked = {Path(name).name for name in sources.names}
    if asked and asked != known:
        what = f"these ratings are of {' and '.join(sorted(known))}"
        raise DataError(what, where=str(out), fix=fix)
    if wanted.seed not in (0, kept.seed):
        raise DataError(f"these ratings have the seed {kept.seed}", where=str(out), fix=fix)
    if wanted.mode != kept.mode and (asked or wanted.mode == "thumbs"):
        raise DataError(f"these ratings are {_WORDS[kept.mode]}", where=str(out), fix=fix)


_WORDS: dict[Mode, str] = {"pairs": "of two answers each", "thumbs": "thumbs for one answer each"}
