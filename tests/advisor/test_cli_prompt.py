"""whichtune prompt check: what a prompt says and leaves out, and prompts as files of a plan."""

import hashlib
import json

import pytest

from advisor import plan as plans
from advisor import prompts
from rules.errors import DataError

WHOLE = (
    "Classify each message for the support team as one of: card, loan. Answer with the label and "
    "nothing else.\nFirst read what the customer wants, then choose. If none fits, answer: other."
)


@pytest.fixture
def write(tmp_path):
    def write(text, name="prompt.md"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_what_is_missing_is_shown_with_an_example_and_a_sentence_to_fill_in(whichtune, write):
    code, said, _ = whichtune("prompt", "check", write("Summarize the meeting notes."))
    assert code == 0
    for part in ("task", "format", "audience", "steps", "otherwise"):
        assert f"missing  {part}" in said
    assert "better: Summarize the meeting notes in a single paragraph." in said
    after = said.partition("after, with")[2]
    assert "Summarize the meeting notes." in after
    assert "[unknown]" in after


def test_a_prompt_that_says_it_all_leads_to_a_run(whichtune, write):
    path = write(WHOLE)
    code, said, _ = whichtune("prompt", "check", path, "--strict")
    assert code == 0
    assert "missing" not in said
    assert "Next: whichtune run" in " ".join(said.split())


def test_each_part_is_missed_when_it_is_taken_out(write):
    without = {
        "format": WHOLE.replace("as one of: card, loan", "").replace(
            " Answer with the label and nothing else.", ""
        ),
        "steps": WHOLE.replace(
            "First read what the customer wants, then choose.", "Mind the customer."
        ),
        "otherwise": WHOLE.replace(" If none fits, answer: other.", ""),
        "audience": WHOLE.replace("for the support team", "").replace("customer", "sender"),
    }
    for code, text in without.items():
        assert [part.code for part in prompts.check(write(text)).missing] == [code]


def test_vague_words_and_open_places_are_named_and_strict_stops(whichtune, write):
    path = write(f"{WHOLE} Use an appropriate tone for [product].")
    code, said, _ = whichtune("prompt", "check", path, "--strict")
    assert code == 3
    assert "vague    appropriate" in said
    assert "open     [product]" in said


def test_another_language_is_not_judged_by_english_words(write):
    found = prompts.check(write("Fasse die Notizen in drei Punkten zusammen."))
    assert not found.english
    assert not found.missing


@pytest.mark.parametrize(
    ("text", "what"),
    [("", "is empty"), (" \n", "is empty"), (b"\xff\xfe\xff", "no UTF-8"), ("a\0b", "no prompt")],
)
def test_what_is_no_prompt_is_refused(whichtune, write, text, what):
    code, _, err = whichtune("prompt", "check", write(text))
    assert code == 2
    assert what in err
    assert "fix:" in err


def test_a_file_or_folder_that_cannot_be_read_is_said(tmp_path):
    for path in (tmp_path / "none.md", tmp_path):
        with pytest.raises(DataError, match="fix: name a text file"):
            prompts.check(path)


def test_a_plan_takes_the_text_as_it_stands_and_notes_its_version(write, tmp_path, whichtune):
    text = "Answer: in one word\n- no [links]: # none"
    path = write(text + "\n")
    settings = plans.read_settings([f"instruction=@{path}"])
    assert settings == {"instruction": text}
    rows = [{"prompt": f"number {n} is?", "completion": f"it is {n}, then"} for n in range(30)]
    data = tmp_path / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    request = plans.Request(approach="zero_shot", data=data, settings=settings)
    made = plans.make(request, tmp_path / "runs")
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert made.reasons["instruction"] == f"version {version}"
    said = json.loads(whichtune("prompt", "check", path, "--json")[1])
    assert said["checked"][0]["version"] == version
