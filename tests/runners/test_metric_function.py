"""A metric of the user's own: tried before training, scored per question, kept with the run."""

import sys
from typing import Any

import pytest

from rules.errors import SettingError
from runners import _measure_text, _own_metric, _run_folder
from runners._measuring import ask, baselines, card
from runners._references import asked
from runners.base import Prediction, Row, find, silent

GOOD = """
from dataclasses import dataclass
import neighbour

print("hello")

@dataclass
class Words:
    of: "set[str]"

def score(prediction, references):
    said = Words(set(prediction.split()))
    return max(len(said.of & set(r.split())) / neighbour.size(r) for r in references)
"""


@pytest.fixture
def own(tmp_path):
    """Writes a file of that name, and names the function in it."""

    def make(text=GOOD, call="mine:score", taken=("bleu",)):
        (tmp_path / "neighbour.py").write_text("def size(text):\n    return len(text.split())\n")
        if text is not None:
            (tmp_path / "mine.py").write_text(text)
        return _own_metric.find(call, tmp_path, taken)

    yield make
    sys.modules.pop("neighbour", None)


@pytest.fixture
def rows():
    pairs = [("a", "The red door"), ("a", "A door in red"), ("b", "A green hat"), ("c", "Ships")]
    return [Row(id=f"row {n}", input=text, target=target) for n, (text, target) in enumerate(pairs)]


def said(rows, text="The red hat"):
    return [Prediction(id=row.id, prediction=text) for row in rows]


def test_each_question_is_scored_once_against_all_its_right_answers(own, rows, capsys):
    metric = own()
    assert (metric.call, metric.name, len(metric.sha256)) == ("mine:score", "score", 64)
    found = _own_metric.scored(metric, rows, said(rows))
    assert [item.own_metric for item in found] == pytest.approx([2 / 3, 2 / 3, 1 / 3, 0])
    made = _measure_text.measure(rows, found, own=metric.name)
    assert made.metrics["score"].value == pytest.approx((2 / 3 + 1 / 3 + 0) / 3)
    assert made.metrics["score"].low < made.metrics["score"].value < made.metrics["score"].high
    assert "score" not in _measure_text.measure(rows, said(rows), own="score").metrics
    assert capsys.readouterr().out == ""  # what it prints is no data


def test_a_row_without_a_right_answer_is_not_scored(own, rows):
    found = _own_metric.scored(own(), [*rows, Row(id="5", input="prose")], said([*rows, rows[0]]))
    assert found[-1].own_metric is None
    counted = _measure_text.count("score", [*rows, Row(id="5", input="prose")], found)
    assert counted.value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "call", ["mine", "mine:", ":score", "a/mine:score", "mine:sc ore", "x y:z"]
)
def test_what_names_no_function_is_refused_with_the_form(own, call):
    with pytest.raises(SettingError, match=r"--metric-function: .* names no function") as caught:
        own(call=call)
    assert "metrics:score" in caught.value.fix


def test_the_ending_of_the_file_may_be_said_too(own):
    assert own(call="mine.py:score").call == "mine:score"


@pytest.mark.parametrize(
    ("text", "call", "what", "fix"),
    [
        (GOOD, "mien:score", r"no file mien\.py in", "did you mean mine:score?"),
        (GOOD, "mine:scor", "mine.py has no function 'scor'", "did you mean 'score'?"),
        (GOOD, "mine:bleu", "there is a metric named bleu already", "my_bleu"),
        ("def score(", "mine:score", "mine.py cannot be imported: SyntaxError", "mine.py"),
        ("import no_such_module", "mine:score", "ModuleNotFoundError", "mine.py"),
        ("raise SystemExit(3)", "mine:score", "cannot be imported: SystemExit: 3", "mine.py"),
        ("score = 3", "mine:score", "no function 'score'", "its functions: none"),
    ],
)
def test_a_function_that_is_not_there_is_named_with_the_nearest(own, text, call, what, fix):
    with pytest.raises(SettingError, match=what) as caught:
        own(text, call)
    assert caught.value.where == "--metric-function"
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("def score(p): return 1", "does not take an answer and a list of right ones"),
        ("def score(p, r): return 1 / len(p)", "raised ZeroDivisionError.*on row row 0, answer ''"),
        ("def score(p, r): return float('nan')", "returned nan, on row row 0, answer 'The red"),
        ("def score(p, r): return '0.5'", "returned '0.5'"),
        ("def score(p, r): return None", "returned None"),
        ("def score(p, r): return 10 ** 400", "returned 1000"),
        ("async def score(p, r): return 1", "score is asynchronous"),
        ("import sys\ndef score(p, r): sys.exit('no')", "raised SystemExit: no"),
    ],
)
def test_a_function_that_gives_no_number_is_refused_before_anything_is_trained(
    own, rows, body, what
):
    with pytest.raises(SettingError, match=what) as caught:
        _own_metric.check(own(body), rows)
    assert caught.value.where == "--metric-function"
    assert caught.value.fix


@pytest.mark.parametrize(
    "value", ["True", "3", "__import__('numpy').float32(0.5)", "__import__('torch').tensor(0.5)"]
)
def test_a_number_may_be_of_any_kind(own, rows, value):
    metric = own(f"def score(p, r): return {value}")
    _own_metric.check(metric, rows)
    assert _own_metric.scores(metric, asked(rows)[:1], [""])[0] in (1, 3, 0.5)


def test_a_file_that_changed_is_not_the_planned_metric(own, tmp_path):
    metric = own()
    assert not list(_own_metric.changes(metric))
    (tmp_path / "mine.py").write_text("def score(p, r): return 1")
    with pytest.raises(SettingError, match=r"mine.py of --metric-function was changed") as caught:
        _own_metric.load(metric)
    assert "whichtune compare --metric-function mine:score" in caught.value.fix
    (tmp_path / "mine.py").unlink()
    assert list(_own_metric.changes(metric)) == ["mine.py of --metric-function is gone"]


def test_two_files_of_one_name_are_two_metrics(own, rows, tmp_path):
    first = own("def score(p, r): return 1")
    second = own("def score(p, r): return 2")
    assert first.sha256 != second.sha256
    assert [_own_metric.scores(second, asked(rows)[:1], [""])] == [[2.0]]


def test_a_run_and_its_baselines_are_measured_by_it(own, text_plan, text_evaluation, tmp_path):
    rows = text_evaluation
    plan = text_plan(tmp_path / "runs" / "run", "zero_shot", metric_function=own())
    find("zero_shot").fit(plan, rows, silent)
    found = ask(plan, find("zero_shot").load(plan.artifact), rows, silent).predictions
    assert all(item.own_metric is not None for item in found)
    tuned: Any = card(plan, rows, found)
    assert tuned.metrics["score"].value >= 0
    measured: dict[str, Any] = baselines(plan, rows, rows, found, silent)
    assert measured["untouched"] == card(plan, rows, found)
    assert 0 <= measured["copied"].metrics["score"].value < 1
    (shared,) = plan.train.path.parent.glob("baselines/*.jsonl")
    kept = _run_folder.read_predictions(shared)
    assert all(item.own_metric is None for item in kept)  # other runs have other metrics
    again = _own_metric.kept(plan.folder, "untouched", kept)
    assert [item.own_metric for item in again] == [item.own_metric for item in found]


def test_a_function_that_fails_on_an_answer_costs_the_metric_and_not_the_run(
    own, text_plan, text_evaluation, tmp_path
):
    fragile = "def score(p, r):\n    return 1 if p in ('', *r) else [][0]"
    metric = own(fragile)
    _own_metric.check(metric, text_evaluation)
    plan = text_plan(tmp_path / "runs" / "run", "zero_shot", metric_function=metric)
    find("zero_shot").fit(plan, text_evaluation, silent)
    news = []
    predictor = find("zero_shot").load(plan.artifact)
    found = ask(plan, predictor, text_evaluation, news.append).predictions
    measured: Any = card(plan, text_evaluation, found)
    assert "chrf" in measured.metrics
    assert "score" not in measured.metrics
    (warning,) = [item.message for item in news if item.warning]
    assert "score raised IndexError: list index out of range, on row" in warning
    assert "whichtune compare --metric-function mine:score" in warning
