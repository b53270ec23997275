"""Carry out plans one after the other, and follow each until it is over."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from advisor import runs
from rules.errors import UserError
from runners._run_folder import RunStatus
from runners.base import Plan, Report

News = Callable[[str], AbstractContextManager[Report]]


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
