"""Without a named approach the best run that need nothing more; what they lack is said."""

import json

import pytest

pytest.importorskip("torch")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Questions with their passages, in a folder without documents and without an index."""
    monkeypatch.chdir(tmp_path)
    rows = [
        {"question": f"what is {n}?", "context": f"{n} is w{n}.", "answer": f"w{n}"}
        for n in range(40)
    ]
    path = tmp_path / "asked.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_what_needs_something_first_is_left_out_by_name_and_the_next_best_runs(asked, whichtune):
    code, said, err = whichtune("run", "--data", asked, "--dry-run", "--json")
    assert code == 0, err
    talk = " ".join(err.split())
    assert "left out rag: there is no index here; make one: whichtune index DIR" in talk
    assert "left out hybrid: no tuned run is named" in talk
    assert "running the 3 best that can run: " in talk
    planned = {item["run"].split("-")[0] for item in json.loads(said)["plans"]}
    assert len(planned) == 3
    assert not planned & {"rag", "hybrid", "long_context"}


def test_where_nothing_is_left_the_best_says_what_it_needs(asked, whichtune):
    code, _, err = whichtune("run", "--data", asked, "--dry-run", "--setting", "top_q=3")
    assert code == 2
    assert "top_q" in err
