"""Labels that a single sign gives away: a planted sign is found, natural texts are left alone."""

import csv
import json
import random
from pathlib import Path

import pytest

from advisor.check import Found
from advisor.checks import giveaway
from advisor.data import read
from advisor.examined import Examined

EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"
CLASSIFICATION = Path(__file__).parents[3] / "shared" / "data" / "classification"
NEEDS_SHARED = "the optional folder ../shared/data is not there"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [row.input for row in read(EXAMPLE / "test.csv").rows]


def looked(folder: Path, rows: list[tuple[str, str]]) -> list[Found]:
    path = folder / "tickets.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return list(giveaway.look(Examined.of(read(path))))


def marked(texts: list[str], mark) -> list[tuple[str, str]]:
    """Two labels that say nothing of the texts; all but 1 in 25 of one of them have the mark."""
    draw = random.Random(0)
    chosen = draw.sample(texts, 400)
    plain = [(text, "usual") for text in chosen[200:]]
    return [(mark(t) if n % 25 else t, "escalated") for n, t in enumerate(chosen[:200])] + plain


def test_a_prefix_that_gives_a_label_away_is_found_with_its_rows(tmp_path, texts):
    (found,) = looked(tmp_path, marked(texts, lambda text: f"FWD: {text}"))
    assert (found.severity, len(found.places)) == ("warning", 192)
    assert found.text == (
        "rows given away by how they start: 'escalated' by texts that start with 'FWD:' "
        "(192 of its 200, 0 others)"
    )
    assert 0 not in found.places
    assert max(found.places) < 200


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        (lambda text: f"FWD:{text}", "that start with 'FWD:'"),
        (lambda text: f"[T-{len(text) * 977}] {text}", "that start with '[T-0]'"),
        (lambda text: f"<b>{text}", "that hold markup"),
        (lambda text: f"{text} ##", "that end with '##'"),
        (lambda text: text.upper(), "in capital letters only"),
        (lambda text: text.replace(" ", "  ", 1), "with two spaces in a row"),
        (lambda text: text + "\u00a4", "\u00a4"),
        (lambda text: f"{text} {text}"[:30], "of 30 characters"),
    ],
)
def test_each_kind_of_sign_is_found(tmp_path, texts, mark, told):
    assert any(told in found.text for found in looked(tmp_path, marked(texts, mark)))


def test_two_labels_with_a_sign_each_are_told_together(tmp_path, texts):
    rows = [
        (f"{'RE:' if n % 2 else 'FW:'} {text}", f"label {n % 2}") for n, text in enumerate(texts)
    ]
    (found,) = looked(tmp_path, rows)
    assert "'label 0'" in found.text
    assert "'label 1'" in found.text
    assert len(found.places) == len(texts)


def test_a_sign_that_other_rows_have_too_is_none(tmp_path, texts):
    rows = [(f"FWD: {text}", label) for text, label in marked(texts, str)]
    assert looked(tmp_path, rows) == []


def test_a_plain_first_word_is_told_without_alarm(tmp_path, texts):
    (found,) = looked(tmp_path, marked(texts, lambda text: f"Kindly {text}"))
    assert found.severity == "info"


def test_copies_of_one_text_are_no_sign(tmp_path, texts):
    rows = [("Sorry, call back at #5", "away")] * 50 + [(text, "usual") for text in texts[:100]]
    rows += [(text, "away") for text in texts[100:110]]
    assert looked(tmp_path, rows) == []


def test_answers_that_were_chosen_for_a_sign_are_found(tmp_path, texts):
    path = tmp_path / "pairs.jsonl"
    pairs = [
        {"prompt": f"question {n}", "chosen": f"* {text}", "rejected": other}
        for n, (text, other) in enumerate(zip(texts[:60], texts[60:120], strict=True))
    ]
    path.write_text("\n".join(map(json.dumps, pairs)), encoding="utf-8")
    (found,) = giveaway.look(Examined.of(read(path)))
    assert "'chosen' by texts that start with '*'" in found.text


def test_the_example_is_left_alone():
    assert list(giveaway.look(Examined.of(read(EXAMPLE / "train.csv")))) == []


@pytest.mark.skipif(not CLASSIFICATION.is_dir(), reason=NEEDS_SHARED)
@pytest.mark.parametrize("name", ["banking77/test.csv", "sms_spam/spam.csv"])
def test_published_rows_are_left_alone(name):
    assert list(giveaway.look(Examined.of(read(CLASSIFICATION / name)))) == []


@pytest.mark.skipif(not CLASSIFICATION.is_dir(), reason=NEEDS_SHARED)
def test_a_hundred_and_fifty_labels_are_left_alone(tmp_path):
    whole = json.loads((CLASSIFICATION / "clinc150" / "data_full.json").read_text("utf-8"))
    assert looked(tmp_path, [tuple(row) for row in whole["val"]]) == []
