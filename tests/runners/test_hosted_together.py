"""hosted at Together, through its own SDK, which is an extra: a server that speaks its protocol."""

import json

import pytest

pytest.importorskip("together")

from rules.errors import RunError
from runners import _asking, _journal, _tuning_together, hosted
from runners.base import Endpoint, silent
from tests.runners.together_server import TogetherServer
from tests.runners.tuning_server import KEY


@pytest.fixture
def server(writer_model, tmp_path, monkeypatch):
    monkeypatch.setenv("WHICHTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TOGETHER_TEST_KEY", KEY)
    monkeypatch.setattr("runners._ask_errors._SHORTEST", 0.001)
    _asking.meter.clear()
    made = TogetherServer(writer_model, tmp_path / "server", learning_rate=0.01, batch=8)
    yield made
    made.close()


@pytest.fixture
def plan(server, text_plan, tmp_path):
    known = {"base_url": server.url, "key_env": "TOGETHER_TEST_KEY", "account": "test"}
    return text_plan(
        tmp_path / "run",
        "hosted",
        base_model="api:base",
        endpoint=Endpoint(timeout_seconds=20, **known),
        settings={"service": "together", "poll_seconds": 0.05, "epochs": 2},
    )


def test_a_job_is_made_followed_and_its_model_asked(server, plan, text_train, text_evaluation):
    news = []
    hosted.fit(plan, text_train, news.append)
    journal = _journal.read(plan)
    assert journal is not None
    assert (journal.file, journal.job, journal.state) == ("file-0001", "ftjob-0001", "succeeded")
    assert journal.trained_tokens == server.jobs["ftjob-0001"]["trained_tokens"] > 100
    sent = (server.folder / "files" / "file-0001").read_text("utf-8").splitlines()
    assert [json.loads(line)["messages"][-1]["content"] for line in sent] == [
        row.target for row in text_train
    ]
    assert any(item.steps for item in news)
    server.calls.clear()
    answers = hosted.load(plan.artifact).predict(text_evaluation[:3])
    assert [bool(answer.prediction) for answer in answers] == [True] * 3
    assert server.calls == ["POST /chat/completions"] * 3


@pytest.mark.parametrize("kind", [(429, {"error": "slow"}), (500, {"error": "out"}), "lost"])
def test_faults_make_no_second_file_and_no_second_job(kind, server, plan, text_train):
    jobs = ("POST /fine-tunes", "GET /fine-tunes")
    server.fault = lambda call, attempt: kind if call in jobs and attempt <= 2 else None
    hosted.fit(plan, text_train, silent)
    assert len(server.jobs) == 1
    assert len(server.files) == 1


def test_an_ended_run_ends_its_job(server, plan, text_train, monkeypatch):
    def end(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(_tuning_together.TogetherService, "events", end)
    with pytest.raises(KeyboardInterrupt):
        hosted.fit(plan, text_train, silent)
    assert server.jobs["ftjob-0001"]["status"] == "cancelled"


def test_a_job_that_fails_is_said(server, plan, text_train):
    server.settings["no_such_setting"] = 1
    with pytest.raises(RunError, match="ftjob-0001 error"):
        hosted.fit(plan, text_train, silent)
