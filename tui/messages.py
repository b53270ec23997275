"""What workers and widgets tell the screens, and the screens the app.

Workers post these and touch no widget; the handler that receives one owns the state it changes.
"""

from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from advisor.columns import Columns
from advisor.compare import Comparison
from advisor.plan import Request
from advisor.runs import RunStatus
from rules.errors import UserError
from runners.base import Plan
from tui.notebook import Found
from tui.watch import Sight


@dataclass
class Answered(Message):
    """The user picked or typed an answer; it has not been checked yet."""

    fact: str
    text: str


@dataclass
class Skipped(Message):
    """The user does not know."""

    fact: str


@dataclass
class AskRest(Message):
    """The user wants the questions too that are not likely to change the verdict."""


@dataclass
class MachineRead(Message):
    """What this machine shows."""

    facts: Found


@dataclass
class DataRead(Message):
    """What the data files show."""

    facts: Found
    train: Path
    evaluation: Path | None
    columns: Columns
    summary: str


@dataclass
class Refused(Message):
    """Work could not be done; the user can put it right."""

    error: UserError


@dataclass
class NotStarted(Message):
    """A run could not be started, whichever screen is open by now."""

    error: UserError


@dataclass
class PlanMade(Message):
    """One of the plans exists; should the next one be refused, it need not be made again."""

    request: Request
    plan: Plan


@dataclass
class PlansMade(Message):
    """Every plan that was asked for exists; nothing has been started."""

    plans: tuple[Plan, ...]


@dataclass
class RunsSeen(Message):
    """What the folders of the watched runs show at this moment."""

    sights: tuple[Sight, ...]


@dataclass
class RunsListed(Message):
    """Every run below the runs folder, oldest first."""

    runs: tuple[RunStatus, ...]


@dataclass
class RunsCompared(Message):
    """A comparison, and the runs it speaks of."""

    comparison: Comparison
    runs: tuple[RunStatus, ...]
    texts: dict[str, str]
    """The evaluation rows that are named as examples, by their id."""


@dataclass
class OpenInterview(Message):
    """Go to the interview, to one question or to the first open one."""

    fact: str | None = None


@dataclass
class OpenRecommendation(Message):
    """Show every approach with its reasons."""


@dataclass
class OpenStart(Message):
    """Ask for what a run needs."""

    approaches: tuple[str, ...]


@dataclass
class StartPlans(Message):
    """Carry plans out, one after the other, and watch them."""

    plans: tuple[Plan, ...]


@dataclass
class OpenRuns(Message):
    """List all runs."""


@dataclass
class WatchRuns(Message):
    """Watch runs through their folders."""

    folders: tuple[Path, ...]


@dataclass
class OpenComparison(Message):
    """Compare runs; none named means the newest ones that share their evaluation rows."""

    folders: tuple[Path, ...] = ()
