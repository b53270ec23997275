"""Choose what to run, carry out plans one after the other, and follow each until it is over."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple

from advisor import runs
from rules.errors import UserError
from runners._run_folder import RunStatus
from runners.base import Plan, Report, find, require_ready, settings_of

if TYPE_CHECKING:
    from advisor.plan import Request

CANDIDATES = 3
"""Approaches that run when none is named."""
News = Callable[[str], AbstractContextManager[Report]]


class Chosen(NamedTuple):
    """What to run, and what would come before it."""

    approaches: list[str]
    lacking: dict[str, UserError]
    """Better ones that need something first, such as an index."""


def choose(request: "Request", able: Iterable[str]) -> Chosen:
    """Take the first few that need nothing more than the request has.

    Args:
        request: What the user asks for; its approach is not looked at.
        able: Approaches for such rows, best first.

    Raises:
        UserError: None is left; what the best one needs.
    """
    chosen: list[str] = []
    lacking: dict[str, UserError] = {}
    for approach in able:
        try:
            _require_all(request, approach)
        except UserError as error:
            lacking[approach] = error
        else:
            chosen.append(approach)
        if len(chosen) == CANDIDATES:
            break
    if not chosen and lacking:
        raise next(iter(lacking.values()))
    return Chosen(chosen, lacking)


def missing(approach: str) -> str:
    """What an approach needs first, such as an index, and how to get it; empty where nothing."""
    runner = find(approach)
    try:
        require_ready(runner, settings_of(runner.Settings, {}, approach))
    except UserError as error:
        return f"{error.what}; {error.fix}"
    return ""


def _require_all(request: "Request", approach: str) -> None:
    from advisor import endpoints

    runner = find(approach)
    settings = settings_of(runner.Settings, request.settings, approach)
    require_ready(runner, settings)
    endpoint = endpoints.checked(request.endpoint, request.base_model, runner, approach)
    endpoints.check_service(runner, settings, endpoint)


def carry_out(plan: Plan, news: News) -> RunStatus:
    """Start one run and wait for it. An interrupt cancels it and then goes on its way.

    Raises:
        UserError: The run cannot be started.
    """
    try:
        runs.start(plan)
        with news(plan.name) as tell:
            for event in runs.follow(plan.folder):
                if event.progress:
                    tell(event.progress)
    except KeyboardInterrupt:
        runs.cancel(plan.folder)
        raise
    return runs.find(str(plan.folder), plan.folder.parent)


def failure(run: RunStatus) -> UserError:
    """What stopped a run, as an error that says what to do."""
    error = run.last.error if run.last else None
    if error:
        return UserError(error["what"], where=f"{run.name}, {error['where']}", fix=error["fix"])
    last = run.last.progress.message if run.last and run.last.progress else "nothing"
    return UserError(
        f"the run {run.state}; its last news was: {last}",
        where=str(run.folder),
        fix=f"whichtune show {run.name} --log, then start it again: whichtune run {run.name}",
    )
