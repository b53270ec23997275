"""A metric of the user's own: ``module:function``, a file in the folder a run is asked for from.

The function is given an answer and all answers that would have been right, and says how good it is;
more is better. What it said of each answer is kept with the run, so that a later comparison needs
no code of anybody's. The file's SHA-256 stands in the plan: another file is another metric.
"""

import contextlib
import hashlib
import importlib.util
import inspect
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from rules.errors import SettingError
from runners import _run_folder
from runners._cards import OwnMetric
from runners._references import Asked, asked
from runners.base import Prediction, Row

KEPT = "own_metric.json"
"""In the folder of a run: what the function said of the baselines' answers, one number a row."""
FLAG = "--metric-function"
_TRIED = 100
"""Questions on which the function is tried before anything is trained."""
_SHOWN = 60
"""Characters of an answer in a message."""

Function = Callable[[str, list[str]], object]


def find(call: str, folder: Path, taken: Sequence[str]) -> OwnMetric:
    """The function a user named, imported once to see that it is there.

    Args:
        call: ``module:function``; ``module.py:function`` says the same.
        folder: Where the module is.
        taken: Names of metrics that there are already.

    Raises:
        SettingError: There is no such file or function, or the file cannot be imported.
    """
    module, _, function = call.partition(":")
    parts = module.removesuffix(".py").split(".")
    if not all(part.isidentifier() for part in [*parts, function]):
        fix = f"write {FLAG} FILE:FUNCTION, such as metrics:score for a function in metrics.py"
        raise SettingError(f"{call!r} names no function in a file", where=FLAG, fix=fix)
    if function in taken:
        fix = f"give the function a name of its own, such as my_{function}"
        raise SettingError(f"there is a metric named {function} already", where=FLAG, fix=fix)
    path = folder.joinpath(*parts).with_suffix(".py")
    if not path.is_file():
        near = get_close_matches(parts[-1], [item.stem for item in path.parent.glob("*.py")], n=1)
        hint = f"did you mean {near[0]}:{function}? " if near else ""
        fix = f"{hint}the file is looked for in the current folder"
        raise SettingError(f"no file {path.name} in {path.parent}", where=FLAG, fix=fix)
    found = OwnMetric(
        call=f"{'.'.join(parts)}:{function}", path=path.absolute(), sha256=_sha256(path)
    )
    load(found)
    return found


def load(metric: OwnMetric) -> Function:
    """Import the function, from the file as it was when the plan was made.

    Raises:
        SettingError: The file is gone or changed, cannot be imported, or has no such function.
    """
    require_same(metric)
    module = _imported(metric)
    function = getattr(module, metric.name, None)
    if not callable(function):
        own = [known for known, value in vars(module).items() if inspect.isfunction(value)]
        near = get_close_matches(metric.name, own, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{hint}its functions: {', '.join(own) or 'none'}"
        what = f"{metric.path.name} has no function {metric.name!r}"
        raise SettingError(what, where=FLAG, fix=fix)
    return function


def _imported(metric: OwnMetric) -> ModuleType:
    """The module, under a name that no other module has; a second time it is the same one."""
    name = f"_own_metric_{hashlib.sha256(f'{metric.path} {metric.sha256}'.encode()).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, metric.path)
    if spec is None or spec.loader is None:
        raise AssertionError(f"{metric.path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: its dataclasses look it up
    with _at_home(metric):
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            what = f"{metric.path.name} cannot be imported: {_told(error)}"
            fix = f"see where: {Path(sys.executable).name} {metric.path}"
            raise SettingError(what, where=FLAG, fix=fix) from error
    return module


def require_same(metric: OwnMetric) -> None:
    """Refuse a file that is not the planned one.

    Raises:
        SettingError: It is gone, or changed.
    """
    for changed in changes(metric):
        fix = f"put it back, or measure by it afterwards: whichtune compare {FLAG} {metric.call}"
        raise SettingError(changed, where=str(metric.path), fix=fix)


def changes(metric: OwnMetric) -> Iterator[str]:
    """What is no longer as it was when the plan was made."""
    if not metric.path.is_file():
        yield f"{metric.path.name} of {FLAG} is gone"
    elif _sha256(metric.path) != metric.sha256:
        yield f"{metric.path.name} of {FLAG} was changed"


def check(metric: OwnMetric, rows: Sequence[Row]) -> None:
    """Try the function on right answers and on empty ones, before anything is trained.

    Raises:
        SettingError: It cannot be called, raises, or gives no number.
    """
    function = load(metric)
    try:
        inspect.signature(function).bind("", [""])
    except TypeError as error:
        what = f"{metric.name} does not take an answer and a list of right ones: {error}"
        fix = f"define it as: def {metric.name}(prediction, references)"
        raise SettingError(what, where=FLAG, fix=fix) from error
    except ValueError:
        pass  # a function that is not written in Python tells nothing of itself
    if inspect.iscoroutinefunction(function):
        fix = "define it without async"
        raise SettingError(f"{metric.name} is asynchronous", where=FLAG, fix=fix)
    some = [question for question in asked(rows) if question.references][:_TRIED]
    scores(metric, some, [question.references[0] for question in some])
    scores(metric, some, [""] * len(some))  # a model may well say nothing


def scores(
    metric: OwnMetric, questions: Sequence[Asked], answers: Sequence[str]
) -> list[float | None]:
    """What the function says of each answer; nothing, where there is no right answer.

    Raises:
        SettingError: It raises, or gives no finite number; the row is named.
    """
    function = load(metric)
    with _at_home(metric):
        return [
            _score(metric, function, question, answer) if question.references else None
            for question, answer in zip(questions, answers, strict=True)
        ]


def scored(
    metric: OwnMetric, rows: Sequence[Row], predictions: Sequence[Prediction]
) -> list[Prediction]:
    """The predictions with what the function says of them; each question is scored once.

    Raises:
        SettingError: It raises, or gives no finite number; the row is named.
    """
    questions = asked(rows)
    answers = [predictions[question.places[0]].prediction for question in questions]
    found = list(predictions)
    for question, score in zip(questions, scores(metric, questions, answers), strict=True):
        for place in question.places:
            found[place] = found[place].model_copy(update={"own_metric": score})
    return found


def keep(folder: Path, baselines: dict[str, list[Prediction]]) -> None:
    """Write what was said of the baselines; their answers are shared with runs without it."""
    values = {name: [item.own_metric for item in said] for name, said in baselines.items()}
    _run_folder.write_atomic(folder / KEPT, json.dumps(values))


def kept(folder: Path, name: str, predictions: list[Prediction]) -> list[Prediction]:
    """The answers of a baseline with what :func:`keep` wrote; unchanged where nothing fits."""
    try:
        values = json.loads((folder / KEPT).read_text("utf-8")).get(name) or []
    except (OSError, ValueError):
        return predictions
    if len(values) != len(predictions):
        return predictions
    pairs = zip(predictions, values, strict=True)
    return [item.model_copy(update={"own_metric": value}) for item, value in pairs]


def _score(metric: OwnMetric, function: Function, question: Asked, answer: str) -> float:
    where = f"on row {question.row.id}, answer {_shortened(answer)}"
    try:
        said = function(answer, list(question.references))
    except (Exception, SystemExit) as error:
        fix = f"make {metric.name} in {metric.path.name} take any answer, also an empty one"
        what = f"{metric.name} raised {_told(error)}, {where}"
        raise SettingError(what, where=FLAG, fix=fix) from error
    value = _number(said)
    if value is None:
        fix = f"make {metric.name} in {metric.path.name} return one finite number"
        what = f"{metric.name} returned {_shortened(said)}, {where}"
        raise SettingError(what, where=FLAG, fix=fix)
    return value


def _number(said: object) -> float | None:
    """A number, whoever's type it is of; a text that looks like one is none."""
    if isinstance(said, str | bytes):
        return None
    try:
        value = float(said)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None
    return value if math.isfinite(value) else None


@contextlib.contextmanager
def _at_home(metric: OwnMetric) -> Iterator[None]:
    """Let it import its neighbours, and keep what it prints out of the data on stdout."""
    folder = str(metric.path.parents[metric.call.partition(":")[0].count(".")])
    sys.path.insert(0, folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)


def _told(error: BaseException) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
