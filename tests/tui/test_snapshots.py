"""Pictures of the main screens. The rule book is a small one of their own, so that they only change
when a screen does: ``pytest tests/tui/test_snapshots.py --snapshot-update`` after looking at them.
"""

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.widgets import Input

from advisor import questions
from advisor.check import Found, Remedy
from advisor.compare import Comparison, Line
from advisor.interview import Ask
from advisor.margin import Margin
from advisor.questions import Choice, Question
from advisor.recommend import RunnerUp, recommend
from rules.engine import Approach, Case, Rule
from rules.facts import Facts
from runners import base
from runners.base import Interval95
from tui.looked import Wanted, look
from tui.messages import (
    OpenComparison,
    OpenData,
    OpenInterview,
    OpenRating,
    OpenRecommendation,
    WatchRuns,
)


def _rule(name, when, effect, weight, because):
    return Rule(
        id=name,
        when=when,
        effect=effect,
        weight=weight,
        because=because,
        source=f"docs/evidence.md#{name}",
        checked=date(2026, 11, 1),
        confidence="B",
    )


def _approach(rung, name, title, *rules):
    cases = (Case(facts=Facts(), fires=()),)
    return Approach(
        name=name, title=title, rung=rung, effort=0, summary=title, rules=rules, cases=cases
    )


BOOK = (
    _approach(
        0,
        "zero_shot",
        "Zero-shot prompting",
        _rule("zero-cheap", "n_examples < 20", "speaks_for", 2, "{n_examples} rows teach little."),
    ),
    _approach(
        1,
        "heads",
        "Classifier on frozen embeddings",
        _rule(
            "heads-labels",
            'task == "classification"',
            "speaks_for",
            4,
            "A fixed set of labels: a head is trained in seconds, on any machine.",
        ),
        _rule("heads-thin", "rarest_label < 8", "speaks_against", 2, "The rarest label is thin."),
    ),
    _approach(
        2,
        "rag",
        "Retrieval-augmented generation",
        _rule(
            "rag-fresh",
            'freshness in ("daily", "realtime")',
            "speaks_for",
            3,
            "What changes {freshness} has to be retrieved.",
        ),
    ),
    _approach(
        3,
        "lora",
        "LoRA",
        _rule("lora-weights", 'access == "api_only"', "rules_out", 0, "An API has no weights."),
        _rule("lora-gpu", "gpu_memory_gb < 8", "speaks_against", 3, "There is hardly a GPU."),
    ),
)
CHOICES = tuple(Choice(value=text, label=f"{text} answer") for text in ("one", "other"))
ANSWERS = {"task": "classification", "access": "api_only", "privacy": "?"}


QUESTIONS = tuple(
    Question(id=name, text=f"What about {name}?", why="It decides.", kind="choice", choices=CHOICES)
    for name in ("task", "goal", "freshness", "access", "privacy", "gpu_memory_gb", "n_gpus")
)
WHY_NOW = "changes first place in about 50 of 100 plausible cases: rag if one, else heads"
SURE = {
    "margin": Margin.model_construct(
        verdict="moderate", points=4, doubt=0, doubtful="freshness", because="4 points ahead"
    ),
    "runner_up": RunnerUp.model_construct(approach="zero_shot", why="It has fewer arguments."),
    "gates": (),
    "experiment": None,
}


@pytest.fixture(autouse=True)
def fixed_rules(monkeypatch):
    def fixed(facts):
        return recommend(facts, BOOK).model_copy(update=SURE)

    monkeypatch.setattr("tui.notebook.recommend", fixed)
    ask = Ask(question=QUESTIONS[2], worth=0.5, between=("heads", "rag"), why_now=WHY_NOW)
    monkeypatch.setattr("tui.notebook.next_question", lambda facts, asked: ask)
    monkeypatch.setattr(questions, "QUESTIONS", QUESTIONS)
    monkeypatch.setattr(questions, "BY_ID", {item.id: item for item in QUESTIONS})
    monkeypatch.setattr(base, "names", lambda: ("heads", "lora", "zero_shot"))


@pytest.fixture
def at(settle):
    """Answer, open a screen, and wait until it stands still."""

    def prepare(message):
        async def run(pilot):
            await settle(pilot)
            for fact, text in ANSWERS.items():
                pilot.app.notebook.answer(fact, text)
            pilot.app.post_message(message)
            await settle(pilot)

        return run

    return prepare


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_interview(app, at, snap_compare, size):
    assert snap_compare(app, terminal_size=size, run_before=at(OpenInterview()))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_recommendation(app, at, snap_compare, size):
    assert snap_compare(app, terminal_size=size, run_before=at(OpenRecommendation()))


def test_run(app, at, snap_compare, finish):
    plan = finish(app.folder, "heads")
    message = WatchRuns((plan.folder,))
    assert snap_compare(app, terminal_size=(80, 24), run_before=at(message))


def _line(place, name, verdict, value, p_value, **costs):
    share = Interval95(value=value, low=value - 0.06, high=value + 0.05)
    return Line(
        place=place,
        name=name,
        approach=name.partition("-")[0],
        verdict=verdict,
        baseline=not costs,
        value=share,
        accuracy=share,
        macro_f1=share,
        p_value=p_value,
        **costs,
    )


COSTS = {"train_seconds": 12.5, "predict_ms_per_row": 3.2, "peak_memory_bytes": 430_000_000}
COMPARISON = Comparison(
    metric="accuracy",
    rows=60,
    evaluation_sha256="0" * 64,
    lines=(
        _line(1, "setfit-0001", "best", 0.883, None, **COSTS),
        _line(2, "heads-0001", "tie", 0.833, 0.25, rows_to_decide=155, **COSTS),
        _line(3, "lora-0001", "worse", 0.5, 0.0001, **COSTS),
        _line(4, "majority", "worse", 0.333, 0.0001),
    ),
    winner="heads-0001",
    because="heads-0001 ties with setfit-0001 (p = 0.250, McNemar's exact test); the cheaper wins",
    notes=("these runs use different base models",),
)


def test_comparison(app, at, snap_compare, finish, monkeypatch):
    monkeypatch.setattr("tui.comparison.compare", lambda runs: COMPARISON)
    for approach, right in (("heads", 50), ("setfit", 53), ("lora", 30)):
        finish(app.folder, approach, right)
    assert snap_compare(app, terminal_size=(120, 40), run_before=at(OpenComparison()))


DOUBLED = Found(
    "repeats",
    "rows that repeat another one: 2 letter for letter, 0 but for case or spacing",
    (20, 21),
    fix="nothing to do: one of each is kept when the data is split",
    remedy=Remedy("left out: repeats an earlier row"),
)
FOUND = (
    DOUBLED,
    Found(
        "leak", "training rows that stand in test.csv too", range(22), "blocking", "take them out"
    ),
    Found("imbalance", "rows of 'billing', 8 times as many as of 'login'", range(9), "info"),
)


@pytest.fixture
def examined(app, tmp_path, monkeypatch):
    """A file with findings of its own, so that no new check changes the picture."""
    made = SimpleNamespace(SAYS="faults", LIBRARIES=(), COST=1, look=lambda examined: FOUND)
    left = SimpleNamespace(SAYS="what no label says", LIBRARIES=("nowhere_to_be_had",), COST=1)
    monkeypatch.setattr("advisor.profile.checks", lambda: {"made": made, "left": left})
    monkeypatch.chdir(tmp_path)
    texts = [f"message {n}: where is the {('invoice', 'password')[n % 2]}?" for n in range(20)]
    rows = [f"{text},{('billing', 'login')[n % 2]}" for n, text in enumerate(texts)]
    Path("tickets.csv").write_text("\n".join(["text,label", *rows, *rows[:2]]) + "\n")
    app.notebook.take(look(Wanted(Path("tickets.csv"), base_model="bundled", embed=False)))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_data(app, at, snap_compare, size, examined):
    assert snap_compare(app, terminal_size=size, run_before=at(OpenData()))


def test_data_form(app, at, snap_compare):
    assert snap_compare(app, terminal_size=(80, 24), run_before=at(OpenData()))


def test_xray(app, at, settle, snap_compare, examined):
    async def open_xray(pilot):
        await at(OpenData())(pilot)
        await pilot.press("down", "x")
        await settle(pilot)

    assert snap_compare(app, terminal_size=(80, 24), run_before=open_xray)


def test_home(app, settle, snap_compare, monkeypatch):
    monkeypatch.setattr("tui.home._short", lambda folder: "runs")
    assert snap_compare(app, terminal_size=(80, 24), run_before=settle)


def test_rate(app, at, settle, snap_compare, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answers = "Open the app,\nthen Cards, then Block.", "Call us, day and night: a clerk blocks it."
    row = {"prompt": "How do I block my card?", "answer_a": answers[0], "answer_b": answers[1]}
    Path("answers.jsonl").write_text(json.dumps(row))

    async def begin(pilot):
        await at(OpenRating())(pilot)
        pilot.app.screen.query_one("#answers", Input).value = "answers.jsonl"
        pilot.app.screen.query_one("#rater", Input).value = "ann"
        await pilot.press("enter")
        await settle(pilot)

    assert snap_compare(app, terminal_size=(80, 24), run_before=begin)
