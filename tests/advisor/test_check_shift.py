"""Evaluation texts unlike those in training: planted shifts are found, published splits are not."""

import csv
import json
from pathlib import Path

import pytest

from advisor.check import Found
from advisor.checks import shift
from advisor.data import read
from advisor.examined import Examined

EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"
SHARED = Path(__file__).parents[3] / "shared" / "data"
NEEDS_SHARED = "the optional folder ../shared/data is not there"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [row.input for row in read(EXAMPLE / "test.csv").rows]


def looked(folder: Path, train: list[str], evaluation: list[str]) -> list[Found]:
    tables = [
        read(written(folder / f"{name}.csv", texts))
        for name, texts in (("train", train), ("evaluation", evaluation))
    ]
    return list(shift.look(Examined.of(tables[0], tables[1])))


def written(path: Path, texts: list[str]) -> Path:
    rows = [(text, f"label {n % 2}") for n, text in enumerate(texts)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def test_two_halves_of_one_source_are_alike(tmp_path, texts):
    assert looked(tmp_path, texts[::2], texts[1::2]) == []


def test_the_published_split_of_the_example_is_left_alone():
    tables = [read(EXAMPLE / f"{name}.csv") for name in ("train", "test")]
    assert list(shift.look(Examined.of(tables[0], tables[1]))) == []


def test_without_an_evaluation_file_there_is_nothing_to_compare(texts, tmp_path):
    assert list(shift.look(Examined.of(read(written(tmp_path / "train.csv", texts))))) == []


def test_texts_that_all_end_alike_are_told_with_what_gives_them_away(tmp_path, texts):
    found = looked(tmp_path, texts[::2], [f"{text} Cheers" for text in texts[1:601:2]])
    (shifted,) = found
    assert (shifted.code, shifted.severity, len(shifted.where)) == ("shift", "warning", 300)
    assert shifted.text.startswith("rows of evaluation.csv unlike those in training: a classifier")
    assert "'cheers' in 0% of training and 100% of these" in shifted.text


def test_texts_twice_as_long_are_told_with_their_length(tmp_path, texts):
    longer = [f"{a} {b}" for a, b in zip(texts[1:600:2], texts[601:1200:2], strict=True)]
    (shifted,) = looked(tmp_path, texts[::2], longer)
    assert "characters in the middle of training" in shifted.text


def test_small_letters_are_told_though_the_words_are_the_same(tmp_path, texts):
    assert looked(tmp_path, texts[::2], [text.lower() for text in texts[1:800:2]])


def test_rows_of_a_topic_that_training_lacks_are_told_and_no_others(tmp_path, texts):
    (shifted,) = looked(tmp_path, [t for t in texts[::2] if "card" not in t], texts[1::2])
    places = [int(name.partition(":")[2]) - 2 for name in shifted.where]
    told = [texts[1::2][place] for place in places]
    assert "beyond 99% of the training texts" in shifted.text
    assert sum("card" in text for text in told) > 0.9 * len(told)
    assert "'card' in 0% of training" in shifted.text


def test_repeats_within_training_do_not_look_like_a_shift(tmp_path, texts):
    assert looked(tmp_path, texts[::4] * 5, texts[2::4]) == []


def test_a_handful_of_rows_is_not_judged(tmp_path, texts):
    assert looked(tmp_path, texts, ["HELLO WORLD 1", "HELLO WORLD 2"]) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason=NEEDS_SHARED)
def test_a_published_split_of_many_labels_is_left_alone(tmp_path):
    path = SHARED / "classification" / "clinc150" / "data_full.json"
    whole = json.loads(path.read_text("utf-8"))
    train, test = ([text for text, _ in whole[part]] for part in ("train", "test"))
    assert looked(tmp_path, train[::5], test[::5]) == []
