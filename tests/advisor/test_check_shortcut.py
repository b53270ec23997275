"""What can be guessed without reading: a planted shortcut is measured, natural labels are not."""

import csv
import json
from pathlib import Path

import pytest

from advisor.check import Found
from advisor.checks import shortcut
from advisor.data import read
from advisor.examined import Examined

EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"
SMS = Path(__file__).parents[3] / "shared" / "data" / "classification" / "sms_spam" / "spam.csv"
NEEDS_SHARED = "the optional folder ../shared/data is not there"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [row.input for row in read(EXAMPLE / "test.csv").rows][:600]


def looked(path: Path) -> list[Found]:
    return list(shortcut.look(Examined.of(read(path))))


def written(path: Path, rows: list[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def test_labels_that_follow_from_length_are_an_alarm_with_their_score(tmp_path, texts):
    rows = [(text, "long" if len(text) > 60 else "short") for text in texts]
    (found,) = looked(written(tmp_path / "tickets.csv", rows))
    assert (found.code, found.severity) == ("shortcut", "warning")
    assert "mostly by characters" in found.text
    assert "100% right" in found.text
    assert len(found.places) > 590


def test_labels_that_mostly_follow_from_it_are_worth_knowing_only(tmp_path, texts):
    rows = [
        (text, "long" if (len(text) > 60) != (n % 10 == 0) else "short")
        for n, text in enumerate(texts)
    ]
    (found,) = looked(written(tmp_path / "tickets.csv", rows))
    assert found.severity == "info"


def test_labels_that_do_not_follow_from_it_are_left_alone(tmp_path, texts):
    rows = [(text, f"label {n * 7 % 3}") for n, text in enumerate(texts)]
    assert looked(written(tmp_path / "tickets.csv", rows)) == []


def test_seventy_seven_intents_are_left_alone():
    assert looked(EXAMPLE / "test.csv") == []


def test_few_rows_or_labels_are_not_measured(tmp_path, texts):
    rows = [(text, f"label {n}") for n, text in enumerate(texts[:60])]
    assert looked(written(tmp_path / "many.csv", rows)) == []
    rows = [(text, f"label {n % 2}") for n, text in enumerate(texts[:20])]
    assert looked(written(tmp_path / "few.csv", rows)) == []


def test_the_longer_answer_being_chosen_is_measured(tmp_path, texts):
    path = tmp_path / "pairs.jsonl"
    pairs = [
        {"prompt": f"question {n}", "chosen": f"{text} {text}", "rejected": text}
        for n, text in enumerate(texts[:120])
    ]
    path.write_text("\n".join(map(json.dumps, pairs)), encoding="utf-8")
    (found,) = looked(path)
    assert "rows whose better answer can be guessed without reading" in found.text
    assert found.severity == "warning"


@pytest.mark.skipif(not SMS.is_file(), reason=NEEDS_SHARED)
def test_spam_that_truly_shows_is_no_alarm():
    (found,) = looked(SMS)
    assert found.severity == "info"
    assert "the most frequent answer gets 87%" in found.text
