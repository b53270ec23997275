"""The contract: what every approach is given, what it defines, and what it gives back.

A runner is a module with ``Settings``, ``fit`` and ``load``. There is no base class and no trainer
of our own. ``fit`` and ``load`` are split so that one measuring function serves every approach, and
so that an artifact can be reopened by its folder's name, days later, in another process.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, cast, runtime_checkable

from pydantic import Field

from rules.errors import UserError
from rules.facts import Task
from runners._cards import Card as Card
from runners._cards import Confusion as Confusion
from runners._cards import Forecast as Forecast
from runners._cards import Forgetting as Forgetting
from runners._cards import Frozen as Frozen
from runners._cards import Interval95 as Interval95
from runners._cards import LabelScore as LabelScore
from runners._cards import Latency as Latency
from runners._cards import OwnMetric as OwnMetric
from runners._cards import RetrievalCard as RetrievalCard
from runners._cards import Scorecard as Scorecard
from runners._cards import TextCard as TextCard
from runners._cards import Usage as Usage
from runners._endpoint import Endpoint as Endpoint
from runners._endpoint import is_endpoint
from runners._settings import settings_of as settings_of

_MEASURING_TEXT = ("sacrebleu", "rouge_score", "jsonschema")
State = Literal["planned", "queued", "running", "done", "failed", "cancelled", "died"]
"""``planned``: only the plan exists. ``died``: the events say running and the process is gone, or
they say done and there is no readable result; it can be run again."""


class Row(Frozen):
    """One example, whatever the task; an approach reads the fields it needs."""

    id: str
    """Unique in its data set: the user's own id, or ``file:line``."""
    input: str = ""
    messages: tuple[dict[str, str], ...] = ()
    target: str = ""
    labels: tuple[str, ...] = ()
    """All that hold, where several may; none is an answer too."""
    rejected: str | None = None
    liked: bool | None = None
    documents: tuple[str, ...] = ()
    user: str | None = None
    group: str | None = None
    """Rows of one group (a conversation, a document) belong on one side of a split."""


class DataFile(Frozen):
    """A frozen file of rows, one JSON object a line."""

    path: Path
    sha256: str
    rows: int


class Plan(Frozen):
    """One experiment, complete: the same plan on the same machine gives the same result."""

    approach: str
    task: Task
    base_model: str
    """A hub id such as ``sentence-transformers/all-MiniLM-L6-v2``, or a folder."""
    train: DataFile
    evaluation: DataFile
    """Never trained on; every approach is measured on these same rows."""
    folder: Path
    """Everything the run writes goes here, and nowhere else."""
    seed: int = 0
    settings: dict[str, Any] = {}
    """Knobs of this approach alone; its ``Settings`` checks them."""
    reasons: dict[str, str] = {}
    """Why each value that nobody typed is what it is."""
    max_minutes: float | None = None
    """Training stops in good order when this much time is used up."""
    processes: int = Field(default=1, ge=1)
    """How many train together; the rows of a step are shared out among them."""
    answer_format: str | None = None
    """What a written answer must be: a JSON schema, or a regular expression for the whole of it."""
    metric_function: OwnMetric | None = None
    """Of texts: a metric of the user's own beside the others."""
    endpoint: Endpoint | None = None
    """Where the base model is asked, when it is ``api:<model>``."""

    @property
    def name(self) -> str:
        """The run's id: the name of its folder."""
        return self.folder.name

    @property
    def artifact(self) -> Path:
        """Where ``fit`` writes and ``load`` reads."""
        return self.folder / "artifact"


class Progress(Frozen):
    """One line of news. The CLI prints it, the TUI draws it, a test collects it."""

    message: str
    step: int = 0
    steps: int | None = None
    values: dict[str, float] = {}
    """Curve points, such as ``loss`` or ``learning_rate``."""
    forecast: Forecast | None = None
    """Said once, before the first step, where the approach can tell."""
    warning: bool = False


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """A report for those who want no news."""
    del progress


class Prediction(Frozen):
    """What the model answered for one row."""

    id: str
    prediction: str
    score: float | None = None
    """Confidence between 0 and 1, where the approach has one."""
    abstained: bool = False
    """The confidence is below the user's threshold: a person should look at it."""
    seconds: float = 0.0
    """Time this row took; rows answered together share it evenly."""
    tokens: int | None = None
    """What a model read and wrote for it, where a model that writes was asked."""
    written_tokens: int | None = None
    """Of these, what it wrote."""
    sources: tuple[str, ...] = ()
    """Ids of the rows or passages that the answer rests on."""
    quoted: bool = False
    """The answer is a sentence of its source, word for word; no model wrote it."""
    cut: bool = False
    """The answer was cut off: the model had not ended it when all its tokens were used up."""
    refused: bool = False
    """A filter of the provider withheld the answer."""
    outside: bool = False
    """The answer is none of the labels, after it was asked for again."""
    target_bits: float | None = None
    """Bits the model needs to say the row's target, or the text of a row that is only a text."""
    target_bytes: int | None = None
    """UTF-8 bytes that these bits stand for."""
    own_metric: float | None = None
    """What a metric of the user's own says of the answer."""
    margin: float | None = None
    """Of pairs: how much more likely the better answer is than the worse one, in nats a byte; of
    answers with a thumb, how likely the answer is. Without a model, what stands for it."""
    reward_margin: float | None = None
    """The same by the reward that training implies: beta times the logarithm of how much likelier
    than under the reference an answer is."""


class Result(Frozen):
    """What a run found, complete: ``result.json``."""

    approach: str
    run: str
    base_model: str
    train_sha256: str
    evaluation_sha256: str
    scorecard: Card
    baselines: dict[str, Card]
    """``majority`` or ``copied``, and ``untouched``: what no work at all would have given."""
    train_rows: int
    train_seconds: float
    predict_ms_per_row: float
    latency: Latency | None = None
    """Of questions asked one by one; older runs, and texts that ask nothing, have none."""
    peak_memory_bytes: int
    """Highest resident memory of the run's own process."""
    artifact_bytes: int
    forecast: Forecast | None = None
    """What was said before the first step; older runs have none."""
    fit_memory_bytes: int | None = None
    """Highest memory while it fitted: what the forecast is held against."""
    retrieval: RetrievalCard | None = None
    """Of approaches that search an index."""
    forgetting: Forgetting | None = None
    """Of approaches that change a causal model, on texts; older runs have none."""
    usage: Usage | None = None
    warnings: tuple[str, ...] = ()


class Predictor(Protocol):
    """A fitted approach, reopened."""

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """One prediction a row, in the order of the rows."""
        ...


class Bits(NamedTuple):
    """What it takes to say a text: bits under a model, and the bytes of the text."""

    bits: float
    bytes: int


@runtime_checkable
class TextPredictor(Predictor, Protocol):
    """A predictor that also knows how likely it finds what should have been said."""

    def bits(self, rows: Sequence[Row]) -> list[Bits]:
        """Of each row's target, or of the text of a row that is only a text."""
        ...


class Runner(Protocol):
    """What ``runners/<approach>.py`` defines at module level."""

    Settings: type[Frozen]
    TASKS: tuple[Task, ...]
    """What it can be run for, so far."""
    LIBRARIES: tuple[str, ...]
    """The modules it imports, so that a missing one is named before anything starts."""

    def computed(self, rows: int) -> "dict[str, tuple[Any, str]]":
        """Settings that follow from the number of training rows, each with the reason."""
        ...

    def fit(self, plan: Plan, rows: Sequence[Row], report: Report) -> None:
        """Learn from the rows; write ``plan.artifact`` and nothing elsewhere."""
        ...

    def load(self, folder: Path) -> Predictor:
        """Reopen what ``fit`` wrote."""
        ...


def names() -> tuple[str, ...]:
    """The approaches that can be run: the public modules in this folder, less this one."""
    here = Path(__file__).parent
    return tuple(sorted(path.stem for path in here.glob("[a-z]*.py") if path.stem != "base"))


def find(approach: str) -> Runner:
    """Import the module that runs an approach; nothing heavy is imported before this.

    Raises:
        UserError: No runner has that name.
    """
    if approach not in names():
        near = get_close_matches(approach, names(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{hint}these can run: {', '.join(names())}"
        raise UserError(f"no runner for {approach!r} yet", where="--approach", fix=fix)
    return cast("Runner", import_module(f"runners.{approach}"))


def can_run(approach: str, task: Task | None) -> bool:
    """Whether there is a runner for this approach that does this task; an unknown one may fit."""
    return approach in names() and (task is None or task in find(approach).TASKS)


def asks(runner: Runner) -> bool:
    """Whether a model that can only be asked is enough; then it says ``API_LIBRARIES``."""
    return hasattr(runner, "API_LIBRARIES")


def libraries(runner: Runner, task: Task, base_model: str = "") -> tuple[str, ...]:
    """What a runner imports for a task; for texts it may say so apart, as ``TEXT_LIBRARIES``."""
    if is_endpoint(base_model):
        said: tuple[str, ...] = getattr(runner, "API_LIBRARIES", runner.LIBRARIES)
        return said if task == "classification" else (*said, *_MEASURING_TEXT)
    if task == "classification":
        return runner.LIBRARIES
    own: tuple[str, ...] = getattr(runner, "TEXT_LIBRARIES", runner.LIBRARIES)
    return (*own, *_MEASURING_TEXT)


def require_ready(runner: Runner, settings: Frozen) -> None:
    """Refuse a plan that lacks something outside of it, where its runner says so.

    Raises:
        UserError: It is not there.
    """
    check = getattr(runner, "require_ready", None)
    if check is not None:
        check(settings)


def computed(runner: Runner, task: Task, rows: int, base_model: str) -> dict[str, tuple[Any, str]]:
    """Settings that nobody has to choose; for texts a runner may say so apart."""
    own = getattr(runner, "computed_text", None)
    if task == "classification" or own is None:
        return runner.computed(rows)
    return cast("dict[str, tuple[Any, str]]", own(rows, base_model))
