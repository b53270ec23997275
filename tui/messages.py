"""What workers and widgets tell the screens, and the screens the app.

Workers post these and touch no widget; the handler that receives one owns the state it changes.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType
from textual.message import Message

from advisor.compare import Comparison
from advisor.outputs_search import SearchOutput
from advisor.plan import Request
from advisor.rating import Ratings
from advisor.runs import RunStatus
from rules.errors import UserError
from runners.base import Plan, Progress
from tui.looked import Looked, Wanted
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
class DataNews(Message):
    """How far reading and examining files is."""

    wanted: Wanted
    news: Progress


@dataclass
class DataRead(Message):
    """What the data files show."""

    looked: Looked


@dataclass
class Xrayed(Message):
    """A row as tokens."""

    asked: tuple[int, str]
    """Which row, and for which base model."""
    sheet: RenderableType | None
    """Nothing where it could not be rendered."""
    fault: UserError | None
    """Why not, or why it must not be trained on."""


@dataclass
class MendNews(Message):
    """How far mending is."""

    news: Progress


@dataclass
class Mended(Message):
    """What mending does, or would do."""

    sheet: RenderableType
    file: Path | None
    """The new file; nothing where it was a preview."""


@dataclass
class IndexNews(Message):
    """How far indexing or opening an index is."""

    news: Progress


@dataclass
class Indexed(Message):
    """An index is up to date."""

    told: tuple[str, ...]
    """What indexing did, in lines."""


@dataclass
class Hits(Message):
    """What an index holds about a question."""

    found: SearchOutput


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
class OpenData(Message):
    """Read data files, or show what they showed."""

    from_questions: bool = False
    """The way back is the interview, in the state it is in."""


@dataclass
class RatingNews(Message):
    """How far runs are whose answers are to be rated."""

    news: Progress


@dataclass
class RatingBegun(Message):
    """There are answers to rate."""

    ratings: Ratings


@dataclass
class OpenRating(Message):
    """Ask what is to be rated; names of runs, where some are marked."""

    names: tuple[str, ...] = ()


@dataclass
class OpenDocuments(Message):
    """Index documents, and search them."""


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
