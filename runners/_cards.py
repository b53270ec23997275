"""What a run measured: the same cards for every approach, one kind for labels and one for texts."""

from pathlib import Path

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
    ``chrf`` and ``bleu`` go to 100; ``words`` is the mean length of an answer and ``tokens`` what a
    model read and wrote for it; of ``bits_per_byte``, fewer are better. A metric of the
    user's own has the name of its function."""


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
