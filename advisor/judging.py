"""Which of two runs answers better, by a judge that trained neither: on the rows both measured on.

The answers are those the runs gave when they were measured; nothing is computed anew but verdicts.
"""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from advisor import candidates, dry_run, held_out, tryout, verdicts
from advisor.dry_run import DryRun
from advisor.held_out import Kin
from advisor.judgement import Judge, Judgement, Side, Wanted
from rules.errors import RunError, SettingError
from runners import (
    _asking,
    _dry,
    _endpoint,
    _judges,
    _preferences,
    _quiet,
    _replies,
    _reward_model,
)
from runners._judges import Judged, Pair
from runners._references import asked, is_text_alone
from runners._reward_model import About, RewardModel
from runners._run_folder import RunStatus, plan_sha256
from runners.base import Endpoint, Interval95, Progress, Report, Row, Usage, silent

_WHERE = "whichtune judge"


class _Bench(NamedTuple):
    """What is to be judged, by whom."""

    runs: tuple[RunStatus, RunStatus]
    read: list[Row]
    """The rows that both were measured on."""
    pairs: list[Pair]
    judge: Judge
    about: About | None
    """Of a reward model."""
    warnings: tuple[str, ...]


def judge(
    runs: tuple[RunStatus, RunStatus], wanted: Wanted, root: Path, report: Report = silent
) -> Judgement:
    """Have the answers of both judged.

    Raises:
        RunError: A run is not finished, they were measured on different rows, or the judge is not
            held out.
        SettingError: There is no such judge.
    """
    bench = _prepare(runs, wanted, root)
    before = Counter(_asking.meter)
    if bench.about:
        report(Progress(message=f"{wanted.judge} reads the answers"))
        model = RewardModel(bench.about.folder)
        judged = _judges.by_reward(model, bench.pairs)
        return _judgement(_held_against_people(bench, model), judged, None)
    with _asking.told(_teller(report)):
        judged = _judges.by_asking(
            _endpoint_of(wanted), wanted.judge, wanted.criterion, bench.pairs
        )
    return _judgement(bench, judged, _usage(wanted, judged, before))


def count(runs: tuple[RunStatus, RunStatus], wanted: Wanted, root: Path) -> DryRun:
    """What a model behind an address would be asked; nothing is sent.

    Raises:
        UserError: As :func:`judge`.
    """
    bench = _prepare(runs, wanted, root)
    name = f"{runs[0].name} and {runs[1].name}"
    if bench.about:
        return dry_run.nothing(name)
    endpoint, before = _endpoint_of(wanted), _asking.meter["cached"]
    with _asking.counting() as questions:
        _judges.by_asking(endpoint, wanted.judge, wanted.criterion, bench.pairs)
    cached = _asking.meter["cached"] - before
    counted = _dry.summed(questions, cached, priced=endpoint.price is not None)
    return DryRun(
        run=name,
        sends=sends(wanted),
        count=counted,
        price=endpoint.price,
        price_source=endpoint.price_source,
        max_cost=endpoint.max_cost,
    )


def sends(wanted: Wanted) -> str:
    """What goes where, when a model is asked."""
    endpoint = _endpoint_of(wanted)
    if _endpoint.is_here(endpoint.base_url):
        return f"questions go to {endpoint.base_url}, on this machine; nothing leaves it"
    what = "the questions and both answers to each"
    return f"{what} leave this machine for {endpoint.base_url} (key: {endpoint.key_env})"


def _endpoint_of(wanted: Wanted) -> Endpoint:
    return wanted.endpoint or Endpoint()


def _prepare(runs: tuple[RunStatus, RunStatus], wanted: Wanted, root: Path) -> _Bench:
    if runs[0].folder.resolve() == runs[1].folder.resolve():
        fix = "name two runs that were measured on the same rows: whichtune runs"
        raise RunError("a run is not judged against itself", where=_WHERE, fix=fix)
    tryout.require_ready(runs)
    _quiet.settle()
    read, pairs = _pairs(runs, wanted)
    api = _endpoint.is_endpoint(wanted.judge)
    about = None if api else _found(wanted.judge, root)
    rows = [pair.row for pair in pairs]
    kin = held_out.kinship(about, runs, rows) if about else _selves(wanted.judge, runs)
    if about and not wanted.not_held_out:
        held_out.require(kin, wanted.judge)
    said = Judge(
        name=wanted.judge,
        model=about.base_model if about else _endpoint.name_of(wanted.judge),
        place="" if about else _endpoint_of(wanted).place,
        weights_sha256=about.weights_sha256 if about else "",
        criterion="" if about else wanted.criterion,
        held_out=_is_stranger(about, kin),
    )
    return _Bench(runs, read, pairs, said, about, tuple(f"{k.code}: {k.what}" for k in kin))


def _is_stranger(about: About | None, kin: Sequence[Kin]) -> bool | None:
    if any(item.code != held_out.UNKNOWN for item in kin):
        return False
    return None if about is None or about.learned is None else True


def _held_against_people(bench: _Bench, model: RewardModel) -> _Bench:
    """The judge with how often it takes the answer that people took, where the rows say that."""
    rows = [row for row in bench.read if _preferences.is_pair(row)]
    right = _judges.agreement(model, rows)
    if not right:
        return bench
    accuracy = verdicts.wilson(sum(right), len(right))
    warnings = bench.warnings
    if accuracy.low <= 0.5:
        what = "it takes the answer that people took no oftener than a coin would, as far as "
        what += f"{len(right):,} pairs can tell"
        warnings = (*warnings, f"judge_no_better_than_chance: {what}")
    said = bench.judge.model_copy(update={"accuracy": accuracy, "pairs": len(right)})
    return bench._replace(judge=said, warnings=warnings)


def _selves(name: str, runs: Sequence[RunStatus]) -> list[Kin]:
    """A model that judges its own answers."""
    return [
        Kin("judge_judges_itself", f"it is the base model of {run.name} too")
        for run in runs
        if run.plan.base_model == name
    ]


def _pairs(runs: tuple[RunStatus, RunStatus], wanted: Wanted) -> tuple[list[Row], list[Pair]]:
    fix = "measure both on the same rows: whichtune run --approach … --data … --evaluation …"
    read = candidates.measured_on(runs, _WHERE, fix)
    questions = [item for item in asked(read) if not is_text_alone(read[item.places[0]])]
    if runs[0].plan.task == "classification" or not questions:
        labels = runs[0].plan.task == "classification"
        what = "a label is right or wrong, there is nothing to judge"
        what = what if labels else "raw text asks nothing that could be answered better"
        fix = f"whichtune compare {runs[0].name} {runs[1].name}"
        raise RunError(what, where=_WHERE, fix=fix)
    if wanted.rows is not None and wanted.rows < len(questions):
        drawn = set(random.Random(wanted.seed).sample(range(len(questions)), wanted.rows))
        questions = [item for place, item in enumerate(questions) if place in drawn]
    answers = [candidates.kept(run) for run in runs]
    pairs = [Pair(item.row, answers[0][item.row.id], answers[1][item.row.id]) for item in questions]
    return read, pairs


def _found(name: str, root: Path) -> About:
    for place in (Path(name).expanduser(), root / name):
        if found := _reward_model.find(place):
            return found
    what = f"no reward model in {name!r}"
    fix = "name a run of rlhf that learned one from pairs (--setting reward=model), its folder, "
    raise SettingError(what, where="--judge", fix=f"{fix}or a model to ask: --judge api:NAME")


def _teller(report: Report) -> _asking.Tell:
    def tell(done: int, of: int) -> None:
        if done % max(1, of // 20) == 0:
            report(Progress(message="asking the judge", step=done, steps=of))

    return tell


def _usage(wanted: Wanted, judged: Sequence[Judged], before: "Counter[str]") -> Usage:
    endpoint = _endpoint_of(wanted)
    with _replies.opened() as store:
        spent = store.spent(endpoint.account)
    counted = _asking.meter - before
    faults = [item.fault for item in judged if item.fault]
    return Usage(
        calls=counted["calls"],
        cached=counted["cached"],
        retries=counted["retries"],
        prompt_tokens=counted["prompt_tokens"],
        answer_tokens=counted["answer_tokens"],
        dollars=spent if endpoint.price else None,
        refused=sum("filter" in fault for fault in faults),
        outside=sum("no verdict" in fault for fault in faults),
    )


def _judgement(bench: _Bench, judged: Sequence[Judged], usage: Usage | None) -> Judgement:
    pairs, runs = bench.pairs, bench.runs
    faults = Counter(item.fault for item in judged if item.verdict == "fault")
    if sum(faults.values()) == len(judged):
        told = ", ".join(f"{reason} ({times:,})" for reason, times in faults.items())
        fix = "take another judge: --judge RUN, FOLDER or api:NAME"
        raise RunError(f"not one pair has a verdict: {told}", where=_WHERE, fix=fix)
    found = verdicts.outcome(judged)
    same = (pair.first.strip() == pair.second.strip() for pair in pairs)
    scores = [item.scores for item in judged if item.scores]
    means = [verdicts.mean([both[n] for both in scores]) if scores else None for n in (0, 1)]
    warnings = list(bench.warnings)
    for reason, times in faults.items():
        warnings.append(f"judge_faults: {times:,} of {len(judged):,} have no verdict: {reason}")
    length = verdicts.lengths(pairs, judged)
    if length.longer_wins and length.longer_wins.low > 0.5:
        warnings.append(f"judge_likes_length: {length.told()}")
    place = verdicts.places(judged)
    if place and place.first_picked and not _fair(place.first_picked):
        warnings.append(f"judge_likes_a_place: {place.told()}")
    return Judgement(
        made=date.today(),
        judge=bench.judge,
        first=_side(runs[0], means[0]),
        second=_side(runs[1], means[1]),
        evaluation_sha256=runs[0].plan.evaluation.sha256,
        questions=len(pairs),
        wins=found.wins,
        ties=found.ties,
        losses=found.losses,
        faults=dict(faults),
        same_answers=sum(same),
        win_rate=found.win_rate,
        p_value=found.p_value,
        lengths=length,
        places=place,
        usage=usage,
        warnings=tuple(warnings),
        verdicts=tuple(judged),
    )


def _fair(share: Interval95) -> bool:
    return share.low <= 0.5 <= share.high


def _side(run: RunStatus, reward: Interval95 | None) -> Side:
    return Side(
        run=run.name,
        approach=run.plan.approach,
        model=run.plan.base_model,
        plan_sha256=plan_sha256(run.folder),
        reward=reward,
    )
