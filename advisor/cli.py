"""The command line: wiring only. Each group of commands has a file; no decision is made here.

Exit codes: 0 done, 1 a run failed, 2 the user can fix it, 3 a gate said stop, 130 interrupted.
"""

import errno
import os
import signal
import sys
from types import FrameType

import typer

from advisor import (
    cli_advice,
    cli_data,
    cli_index,
    cli_judge,
    cli_memory,
    cli_plan,
    cli_prompt,
    cli_rate,
    cli_results,
    cli_runs,
    cli_search,
    cli_share,
    cli_sweep,
    cli_xray,
)
from advisor.console import talk
from rules.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: half the start-up time, and readable without colour
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root() -> None:
    """Decide how to adapt a language model to your task, then prove it on your own data.

    \b
    whichtune                        open the terminal app: interview, runs, comparison
    whichtune advise --data my.csv   what to do, and why
    whichtune run --data my.csv      do it, measure it, name the winner
    whichtune demo                   see all of it on shipped data, offline
    """


for _group in (
    cli_advice.COMMANDS,
    cli_memory.COMMANDS,
    cli_plan.COMMANDS,
    cli_runs.COMMANDS,
    cli_results.COMMANDS,
    cli_xray.COMMANDS,
    cli_data.COMMANDS,
    cli_rate.COMMANDS,
    cli_judge.COMMANDS,
    cli_share.COMMANDS,
    cli_index.COMMANDS,
    cli_search.COMMANDS,
    cli_sweep.COMMANDS,
):
    for _name, _command in _group.items():
        app.command(_name)(_command)
app.add_typer(cli_prompt.app, name="prompt")


def main() -> None:
    """Run a command. A UserError is one message on stderr and exit code 2, never a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)  # a stopped job cancels its run, as Ctrl-C does
    try:
        app(standalone_mode=True)
    except UserError as error:
        talk(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        talk("interrupted")
        sys.exit(130)
    except BrokenPipeError:  # the reader, such as `head`, has gone: not our business any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno is None:
            raise
        talk(f"error: {error.filename or 'disk'}: {error.strerror}\n  fix: {_remedy(error)}")
        sys.exit(2)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space, or put the runs elsewhere: --runs /path/with/space"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "choose a folder you may write to: --runs FOLDER"
    return "check the path"
