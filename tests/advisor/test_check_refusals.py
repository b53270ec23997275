# ruff: noqa: RUF001 -- letters that look like others are what this is about
"""Answers that do not answer: refusals by their first words, placeholders, turns left empty."""

import json
from pathlib import Path

import pytest

from advisor.check import Finding
from advisor.checks.refusals import refuses, says_nothing
from advisor.data import read
from advisor.profile import DataProfile, profile
from rules.errors import DataError

REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I’m sorry, but I cannot assist with this request.",
    "Sorry, I am unable to provide medical advice.",
    "As an AI language model, I have no opinions.",
    "I'm an AI, so I have never been to Paris.",
    "I cannot fulfill that request, since it would harm someone.",
    "I apologize, but I won't write this.",
    "Unfortunately, I don't have access to real-time data.",
    "Es tut mir leid, aber ich kann dabei nicht helfen.",
    "Je suis désolé, mais je ne peux pas répondre.",
    "Lo siento, pero no puedo ayudar con eso.",
)
ANSWERS = (
    "I'm sorry to hear that. Restart the router and wait two minutes.",
    "Sorry about the delay! Your parcel left the warehouse today.",
    "You can't use the card abroad before you have activated it.",
    "Unfortunately the concert is sold out; the next one is in May.",
    "AI models are trained on text.",
    "I can help you with that: open the settings.",
    "Paris",
)


def rows(folder: Path, *answers: str, name: str = "faq.jsonl") -> DataProfile:
    path = folder / name
    lines = (
        json.dumps({"prompt": f"What of number {n}?", "completion": answer})
        for n, answer in enumerate(answers)
    )
    path.write_text("\n".join(lines), "utf-8")
    return profile(read(path))


def found(profiled: DataProfile, code: str) -> Finding:
    return next(finding for finding in profiled.findings if finding.code == code)


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_known_by_its_first_words(text: str):
    assert refuses(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_that_regrets_or_names_a_model_is_no_refusal(text: str):
    assert not refuses(text)


def test_refusals_are_counted_with_their_rows_and_their_share(tmp_path: Path):
    refusal = found(rows(tmp_path, *ANSWERS, *REFUSALS[:2]), "refusal")
    assert (refusal.severity, refusal.count) == ("warning", 2)
    assert refusal.rows == ("faq:8", "faq:9")
    assert "22.2%" in refusal.text


def test_in_preference_pairs_a_refusal_may_be_right(tmp_path: Path):
    path = tmp_path / "pairs.jsonl"
    pair = {"prompt": "How to pick a lock?", "chosen": REFUSALS[0], "rejected": "With a hammer."}
    path.write_text(json.dumps(pair) + "\n", "utf-8")
    assert found(profile(read(path)), "refusal").severity == "info"


def test_placeholders_are_told_and_left_for_a_person_to_decide(tmp_path: Path):
    blank = found(rows(tmp_path, *ANSWERS, "N/A", "...", " none "), "blank_answer")
    assert (blank.count, blank.mends) == (3, "")
    assert not says_nothing("no")


def test_a_file_in_which_no_answer_says_anything_blocks(tmp_path: Path):
    profiled = rows(tmp_path, "N/A", "n/a", "TODO", "-", "?", "null", "nan")
    assert [finding.code for finding in profiled.blocking] == ["no_answers"]


def test_all_answers_empty_is_refused_when_the_file_is_read(tmp_path: Path):
    with pytest.raises(DataError, match="none of the 3 records can be used"):
        rows(tmp_path, "", " ", "")


def test_an_empty_turn_of_the_assistant_is_told(tmp_path: Path):
    path = tmp_path / "chats.jsonl"
    turns = [("user", "Hi"), ("assistant", " "), ("user", "Are you there?"), ("assistant", "Yes.")]
    messages = [{"role": role, "content": text} for role, text in turns]
    path.write_text(json.dumps({"messages": messages}), "utf-8")
    assert found(profile(read(path)), "empty_turn").rows == ("chats:1",)


def test_labels_are_no_answers(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\none,no\ntwo,none\nthree,no\nfour,none\n", "utf-8")
    codes = {finding.code for finding in profile(read(path)).findings}
    assert codes.isdisjoint(("blank_answer", "no_answers", "refusal"))
