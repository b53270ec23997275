"""hosted: a model is tuned elsewhere, once, and measured here as any other.

The service is on this machine, speaks OpenAI's protocol and really trains.
"""

import json
import signal
import threading
import time
from datetime import timedelta

import pytest

pytest.importorskip("openai")

from rules import tables
from rules.errors import DataError, RunError, SettingError
from runners import _asking, _dry, _journal, _replies, _run_folder, hosted
from runners.base import Endpoint, find, silent
from tests.runners.tuning_server import KEY, TuningServer

PATIENCE_SECONDS = 120


@pytest.fixture
def server(writer_model, tmp_path):
    made = TuningServer(writer_model, tmp_path / "server", epochs=8, learning_rate=0.01, batch=8)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("WHICHTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("runners._ask_errors._SHORTEST", 0.001)
    _asking.meter.clear()


@pytest.fixture
def plan_of(server, text_plan, tmp_path):
    """A plan to have the service's model tuned on 48 rows."""

    def make(name="run", endpoint=None, settings=None, **fields):
        known = {"base_url": server.url, "account": "test", "timeout_seconds": 20}
        return text_plan(
            tmp_path / name,
            "hosted",
            base_model="api:base",
            endpoint=Endpoint(**(known | (endpoint or {}))),
            settings={"poll_seconds": 0.05, "epochs": 8, **(settings or {})},
            **fields,
        )

    return make


def carried_out(plan, rows, report=silent):
    hosted.fit(plan, rows, report)
    return hosted.load(plan.artifact)


def made(server, what):
    return [call for call in server.calls if call == f"POST /{what}"]


@pytest.mark.slow
def test_what_was_tuned_elsewhere_has_learned_and_is_asked_as_the_base_is(
    server, plan_of, text_train, text_evaluation
):
    news = []
    tuned = carried_out(plan_of(settings={"epochs": 20}), text_train, news.append)
    base = find("zero_shot")
    plan = plan_of("base").model_copy(update={"approach": "zero_shot", "settings": {}})
    base.fit(plan, text_train, silent)
    formed = {
        name: sum(said.prediction.endswith(" is old.") for said in model.predict(text_evaluation))
        for name, model in (("tuned", tuned), ("base", base.load(plan.artifact)))
    }
    assert formed["tuned"] > formed["base"] + 8
    losses = [item.values["loss"] for item in news if "loss" in item.values]
    assert losses[-1] < losses[0] / 2
    journal = _journal.read(plan_of())
    assert journal is not None
    assert (journal.file, journal.job, journal.state) == ("file-0001", "ftjob-0001", "succeeded")
    assert journal.model in server.models
    assert journal.trained_tokens == server.jobs["ftjob-0001"]["trained_tokens"] > 1000
    sent = (server.folder / "files" / "file-0001").read_bytes()
    assert sent == (plan_of().artifact / journal.upload).read_bytes()
    assert [json.loads(line)["messages"] for line in sent.splitlines()] == [
        [{"role": "user", "content": row.input}, {"role": "assistant", "content": row.target}]
        for row in text_train
    ]


FAULTS = [
    (429, {"error": {"message": "slow down"}}),
    (500, {"error": {"message": "out of order"}}),
    "half",
    "json",
]


@pytest.mark.parametrize("kind", [*FAULTS, "lost"], ids=lambda kind: str(kind)[:4])
def test_faults_make_no_second_file_and_no_second_job(kind, server, plan_of, text_train):
    server.fault = lambda call, attempt: kind if attempt <= 2 and "chat" not in call else None
    hosted.fit(plan_of(settings={"epochs": 1}), text_train, silent)
    assert (len(server.files), len(server.jobs)) == (1, 1)
    assert made(server, "files")
    assert made(server, "fine_tuning/jobs")


def test_a_killed_run_follows_the_same_job(server, plan_of, start, tmp_path):
    go = threading.Event()
    server.before_training = go.wait
    plan = plan_of(endpoint={"price": (0, 0)}, settings={"epochs": 1, "training_price": 5})
    child = start(plan)
    wait_for(lambda: server.jobs and (_journal.read(plan) or plan).job, child)
    child.kill()
    child.wait()
    go.set()
    child = start(plan, write=False)
    assert child.wait(PATIENCE_SECONDS) == 0, (plan.folder / "log.txt").read_text()
    assert (len(server.files), len(server.jobs)) == (1, 1)
    result = _run_folder.status(plan.folder).result
    assert result is not None
    assert result.usage is not None
    assert result.usage.tuning is not None
    assert result.usage.tuning.job == "ftjob-0001"
    tokens = server.jobs["ftjob-0001"]["trained_tokens"]
    assert result.usage.tuning.dollars == pytest.approx(5 * tokens / 1e6)
    assert result.usage.dollars == pytest.approx(5 * tokens / 1e6)
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        assert KEY.encode() not in path.read_bytes(), path


def wait_for(what, child):
    ends = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert child.poll() is None
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_run_that_is_ended_ends_its_job_and_a_new_one_sends_no_rows_again(
    server, plan_of, start, text_train
):
    go = threading.Event()
    server.before_training = go.wait
    plan = plan_of(settings={"epochs": 1})
    child = start(plan)
    wait_for(lambda: server.jobs and (_journal.read(plan) or plan).job, child)
    child.send_signal(signal.SIGTERM)
    assert child.wait(PATIENCE_SECONDS) == 130
    assert server.jobs["ftjob-0001"]["status"] == "cancelled"
    journal = _journal.read(plan)
    assert journal is not None
    assert journal.state == "cancelled"
    go.set()
    hosted.fit(plan, text_train, silent)
    assert (len(made(server, "files")), len(server.jobs)) == (1, 2)


def test_a_job_that_failed_says_why_and_can_be_tried_again(server, plan_of, text_train):
    def fail():
        raise ValueError("the disk is on fire")

    server.before_training = fail
    plan = plan_of(settings={"epochs": 1})
    with pytest.raises(RunError, match="ftjob-0001 failed: the disk is on fire"):
        hosted.fit(plan, text_train, silent)
    server.before_training = lambda: None
    hosted.fit(plan, text_train, silent)
    assert (len(made(server, "files")), len(server.jobs)) == (1, 2)


@pytest.mark.slow
def test_labels_are_learned_as_they_are_asked(server, new_plan, train, evaluation, tmp_path):
    endpoint = Endpoint(base_url=server.url)
    plan = new_plan(
        tmp_path / "run",
        "hosted",
        base_model="api:base",
        endpoint=endpoint,
        settings={"poll_seconds": 0.05, "epochs": 1},
    )
    answers = carried_out(plan, train).predict(evaluation[:3])
    (sent,) = (server.folder / "files").iterdir()
    system, asked, said = json.loads(sent.read_text().splitlines()[0])["messages"]
    assert all(f"- {row.target}" in system["content"] for row in train)
    assert (asked["content"], said["content"]) == (train[0].input, train[0].target)
    labels = {row.target for row in train}
    assert all((answer.prediction in labels) != answer.outside for answer in answers)


def test_nothing_is_sent_that_may_cost_too_much(server, plan_of, text_train):
    plan = plan_of(endpoint={"max_cost": 0.01, "price": (1, 1)}, settings={"training_price": 25})
    with pytest.raises(RunError, match=r"would pass the cap of \$0.01.*nothing was sent"):
        hosted.fit(plan, text_train, silent)
    assert server.calls == []


@pytest.mark.slow
def test_what_a_job_costs_is_held_until_it_is_known(server, plan_of, text_train):
    seen = []

    def spent():
        with _replies.opened() as store:
            seen.append(store.spent("test"))

    server.before_training = spent
    plan = plan_of(endpoint={"max_cost": 9, "price": (1, 1)}, settings={"training_price": 25})
    hosted.fit(plan, text_train, silent)
    spent()
    journal = _journal.read(plan)
    assert journal is not None
    assert seen == [pytest.approx(journal.dollars_at_most), pytest.approx(journal.dollars)]
    assert 0 < seen[1] < seen[0]


def test_a_dry_run_sends_nothing_and_says_what_is_trained(
    server, plan_of, text_train, text_evaluation
):
    count = _dry.count(plan_of(settings={"training_price": 25}), text_train, text_evaluation)
    assert server.calls == []
    assert count.training is not None
    assert (count.training.rows, count.training.epochs) == (len(text_train), 8)
    assert count.training.dollars_at_most is not None
    asked = {row.input for row in text_evaluation}
    assert count.calls == 2 * len(asked)  # the tuned model, and the untouched one


def test_a_wrong_key_is_said_and_not_repeated(server, plan_of, text_train, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-one-77")
    with pytest.raises(SettingError, match=r"key is not accepted.*\[key\]") as found:
        hosted.fit(plan_of(), text_train, silent)
    assert "sk-wrong-one-77" not in str(found.value)
    assert not server.files


def test_a_model_that_is_not_there_is_named(server, plan_of, text_train):
    plan = plan_of().model_copy(update={"base_model": "api:nothing"})
    with pytest.raises(SettingError, match="no model 'nothing'"):
        hosted.fit(plan, text_train, silent)
    assert not server.jobs


def test_too_few_rows_and_rows_without_an_answer_stay_here(server, plan_of, text_train):
    with pytest.raises(DataError, match=r"9 rows to learn from.*10 at least"):
        hosted.fit(plan_of(), text_train[:9], silent)
    broken = [*text_train, text_train[0].model_copy(update={"id": "odd", "input": " "})]
    with pytest.raises(DataError, match="1 rows lack a question or an answer: odd"):
        hosted.fit(plan_of(), broken, silent)
    assert server.calls == []


def test_a_service_that_ends_before_the_horizon_is_refused():
    openai = next(item for item in tables.providers() if item.name == "OpenAI")
    assert openai.sunset is not None
    endpoint = Endpoint()
    with pytest.raises(SettingError, match=r"(?s)OpenAI takes no.*Fireworks"):
        hosted.require_service(hosted.Settings(horizon=openai.sunset), endpoint)
    later = openai.sunset + timedelta(days=900)
    fireworks = Endpoint(base_url="https://api.fireworks.ai/inference/v1")
    hosted.require_service(hosted.Settings(horizon=later), fireworks)


@pytest.mark.parametrize(
    ("settings", "endpoint", "said"),
    [
        ({}, None, "tunes a provider's model"),
        ({"learning_rate": 0.1}, {}, "openai has no such knob"),
        ({"learning_rate_multiplier": 2, "service": "together"}, {}, "together has no such knob"),
        ({}, {"base_url": "https://api.fireworks.ai/v1", "max_cost": 1}, "no training price"),
    ],
)
def test_what_no_service_takes_is_refused_before_a_run(settings, endpoint, said):
    place = None if endpoint is None else Endpoint(**{"base_url": "http://127.0.0.1:1", **endpoint})
    with pytest.raises(SettingError, match=said):
        hosted.require_service(hosted.Settings(**settings), place)


def test_private_rows_go_nowhere(plan_of, text_train):
    plan = plan_of(endpoint={"base_url": "https://tuning.example/v1", "stays_here": True})
    with pytest.raises(SettingError, match="the data must stay here"):
        hosted.fit(plan, text_train, silent)


@pytest.mark.parametrize(("rows", "epochs"), [(10, 10), (34, 3), (5000, 3), (30_000, 1)])
def test_the_passes_follow_from_the_rows(rows, epochs):
    assert hosted.computed(rows)["epochs"][0] == epochs
