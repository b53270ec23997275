"""What a run measured: the same cards for every approach, one kind for labels and one for texts."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A value: it never changes after it was made, and refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Interval95(Frozen):
    """A share between 0 and 1, or a score on its own scale, with its 95 % interval."""

    value: float
    low: float
    high: float


class LabelScore(Frozen):
    """How one label fared."""

    label: str
    rows: int
    precision: float
    recall: float
    f1: float


class Confusion(Frozen):
    """Rows of one label that were taken for another."""

    target: str
    prediction: str
    rows: int
    ids: tuple[str, ...]
    """Up to five of them."""


class Scorecard(Frozen):
    """One set of predictions against the targets, in the same terms for every approach."""

    rows: int
    accuracy: Interval95
    macro_f1: Interval95
    calibration_error: float | None = None
    """Expected calibration error, 15 equal bins; unknown where there is no confidence."""
    answered: float = 1.0
    """Share of rows on which the approach did not abstain."""
    accuracy_answered: float | None = None
    """Accuracy on those rows alone; unknown when it abstained on all of them."""
    labels: tuple[LabelScore, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    """The worst first, at most ten."""


class TextCard(Frozen):
    """Answers in words against what should have been said, for every approach that writes."""

    rows: int
    """Inputs that were answered, each once, however many answers would have been right."""
    references: int
    """Answers that would have been right, over all inputs."""
    main: str
    """The metric that decides which run is the best, unless another one is asked for."""
    metrics: dict[str, Interval95]
    """``exact_match``, ``squad_match``, ``token_f1``, ``rouge_l``, ``valid`` and ``ended`` go to 1;
    ``chrf`` and ``bleu`` go to 100; ``words`` is the mean length of an answer, ``tokens`` what a
    model read and wrote for it, and ``written_tokens`` what of these it wrote; of
    ``bits_per_byte``, fewer are better. A metric of the user's own has the name of its function."""


class Latency(Frozen):
    """What somebody waits who asks one question at a time, with everything open.

    An answer from an address that is kept counts with the time that it took when it came.
    """

    questions: int
    """Asked one by one for this: evenly spread over the evaluation rows, at most 50, and no more
    after ten seconds."""
    p50_ms: float
    p95_ms: float
    """Below 20 questions this is nearly the slowest of them."""
    at_once: int = 1
    """Questions under way together, at most, at an address."""


class Failures(Frozen):
    """Why answers from documents were wrong, each for one reason."""

    wrong: int
    """Questions whose answer does not hold a right one."""
    not_in_corpus: int
    """Nothing in the index answers them."""
    retrieval_missed: int
    """The index has it, and it is not among the passages that were found."""
    reader_missed: int
    """It is among these, and the answer is still wrong."""
    not_judged: int
    """No document is named, and the answer has no word of its own."""
    examples: dict[str, tuple[str, ...]] = {}
    """Up to five ids of rows for each reason."""


class Abstention(Frozen):
    """Whether the right questions were left without an answer."""

    refused: int
    refused_rightly: int
    """Nothing in the index answers them, or their right answer is that they have none."""
    unanswerable: int
    answered_anyway: int
    """Of the unanswerable ones."""
    risk_coverage: float | None = None
    """Mean share of wrong answers over all thresholds of the score, from sure to unsure (Geifman
    and El-Yaniv 2017, arXiv 1705.08500); unknown where there is no score."""


class RetrievalCard(Frozen):
    """What retrieval found, and where answers from it went wrong."""

    questions: int
    """For which it can be told which passages are right."""
    by: Literal["documents", "answers"] | None = None
    """Whether rows name the documents that answer, or a passage is right that holds the answer."""
    top_k: int
    metrics: dict[str, Interval95] = {}
    """``recall@k``, or ``found@k`` by answers; ``mrr`` and ``ndcg@10`` of the order."""
    failures: Failures
    abstention: Abstention
    leaked: tuple[str, ...] = ()
    """Rows whose question stands in the documents together with its answer, word for word."""


class OwnMetric(Frozen):
    """A function of the user's that says how good an answer is: more is better."""

    call: str
    """``module:function``."""
    path: Path
    """The module's file."""
    sha256: str
    """Of that file."""

    @property
    def name(self) -> str:
        """The metric is called as its function is."""
        return self.call.partition(":")[2]


class Retained(Frozen):
    """Bits per byte of one fixed text, of the untouched model and of the tuned one."""

    before: float
    after: float
    bytes: int

    @property
    def change(self) -> float:
        """Share of bits more than before; below zero, the text is known better."""
        return self.after / self.before - 1


class Forgetting(Frozen):
    """What became of knowledge that no row is about."""

    prose: Retained
    """Passages of novels."""
    answers: Retained
    """Answers to plain questions."""


Card = Scorecard | TextCard


class TuningJob(Frozen):
    """The job at a provider that a model came from."""

    place: str
    """Host and path of the service."""
    job: str
    file: str
    """The service's name of the rows that were sent."""
    model: str
    """The tuned model's name there."""
    rows: int
    epochs: int
    trained_tokens: int | None
    dollars: float | None
    """For training alone; ``None`` where no price or no count is known."""
    submitted: str
    """ISO 8601, as is ``ended``."""
    ended: str


class Usage(Frozen):
    """What was asked of a model behind an address, in this attempt of the run."""

    calls: int
    """Answers that came over the network."""
    cached: int
    """Answers that were kept from before, and cost nothing."""
    retries: int
    prompt_tokens: int
    answer_tokens: int
    dollars: float | None
    """Spent by all runs of the account so far; ``None`` where no price is known."""
    refused: int
    """Rows whose answer a filter withheld."""
    outside: int
    """Rows whose answer is none of the labels."""
    tuning: TuningJob | None = None
    """Where the provider tuned the model."""


class Forecast(Frozen):
    """What a fit will take, said before it begins; what it took stands in the ``Result``."""

    seconds: float
    """Of the whole fit, from its first moment."""
    memory_bytes: int
    """Highest resident memory of the process while it fits; on a GPU, of the GPU's tensors."""
    estimated_bytes: int | None = None
    """The same by arithmetic alone (``rules.memory``); ``None`` for a model of no known kind."""
    measured_bytes: int
    """After two steps on the longest batch, with what the optimizer will add."""
    measured_seconds: float
    """From the speed of those steps."""
    corrected_by: int = 0
    """How many runs of this kind on this machine corrected the first two numbers."""
