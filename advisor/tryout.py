"""Ask a finished run about new texts, in this process."""

from advisor import runs
from rules.errors import RunError
from runners import _quiet
from runners._run_folder import RunStatus
from runners.base import Prediction, Predictor, Row, find


def reopen(run: RunStatus) -> Predictor:
    """Open the artifact of a run.

    Raises:
        RunError: The run is not finished.
        MissingExtraError: A library it needs is not installed.
        UserError: Its base model is gone or has changed.
    """
    if run.result is None:
        fix = f"finish it first: whichtune run {run.name}"
        raise RunError(f"{run.name} is {run.state}", where=str(run.folder), fix=fix)
    runs.require_libraries(run.plan.approach)
    _quiet.settle()
    return find(run.plan.approach).load(run.plan.artifact)


def answer(predictor: Predictor, text: str) -> Prediction:
    """The prediction for one text; its id is the text itself."""
    return predictor.predict([Row(id=text, input=text)])[0]


def line(item: Prediction) -> str:
    """``billing 0.94``, with the sources and a word when the approach abstained."""
    score = "" if item.score is None else f" {item.score:.2f}"
    unsure = "  (below the confidence you asked for)" if item.abstained else ""
    sources = f"  like {', '.join(item.sources[:3])}" if item.sources else ""
    return f"{item.prediction}{score}{unsure}{sources}"
