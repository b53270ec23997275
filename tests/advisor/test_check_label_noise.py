"""Labels that neighbours contradict: turned labels are found, and where nobody looked is said."""

import csv
import random
from pathlib import Path

import pytest

from advisor.check import Found, NotLookedError
from advisor.checks import label_noise
from advisor.data import read
from advisor.examined import Examined
from advisor.profile import examine

pytest.importorskip("sentence_transformers")

EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"
LABELS = 30


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str]]:
    """Ten texts of each of thirty labels."""
    return [(row.input, row.target) for row in read(EXAMPLE / "train.csv").rows][: 10 * LABELS]


def examined(folder: Path, rows: list[tuple[str, str]], *, embed: bool = True) -> Examined:
    path = folder / "tickets.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return Examined.of(read(path), embed=embed)


def looked(folder: Path, rows: list[tuple[str, str]]) -> list[Found]:
    return list(label_noise.look(examined(folder, rows)))


def turned(rows: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], set[int]]:
    """3 % of the labels are any other."""
    draw = random.Random(0)
    labels = sorted({label for _, label in rows})
    places = set(draw.sample(range(len(rows)), round(0.03 * len(rows))))
    wrong = {place: draw.choice([x for x in labels if x != rows[place][1]]) for place in places}
    return [(text, wrong.get(n, label)) for n, (text, label) in enumerate(rows)], places


def test_most_turned_labels_are_found_and_few_others(tmp_path, rows):
    wrong, places = turned(rows)
    (found,) = looked(tmp_path, wrong)
    told = set(found.places)
    assert found.code == "label_noise"
    assert len(told & places) >= 0.7 * len(places)
    assert len(told - places) <= 0.03 * len(rows)


def test_the_label_that_neighbours_would_give_is_named(tmp_path, rows):
    place = 55
    text, label = rows[place]
    wrong = [*rows[:place], (text, rows[-1][1]), *rows[place + 1 :]]
    told = [found for found in looked(tmp_path, wrong) if place in found.places]
    assert told
    assert f"{rows[-1][1]!r} for {label!r}" in told[0].text


def test_a_copy_does_not_vouch_for_itself(tmp_path, rows):
    place = 55
    text, _ = rows[place]
    wrong = [*rows[:place], *[(text, rows[-1][1])] * 12, *rows[place + 1 :]]
    assert any(place in found.places for found in looked(tmp_path, wrong))


def test_labels_that_do_not_follow_meaning_are_said_to_be_unexamined(tmp_path, rows):
    shuffled = [label for _, label in rows]
    random.Random(0).shuffle(shuffled)
    mixed = [(text, label) for (text, _), label in zip(rows, shuffled, strict=True)]
    with pytest.raises(NotLookedError, match="share a label in"):
        looked(tmp_path, mixed)


def test_a_profile_without_embeddings_says_that_nobody_looked(tmp_path, rows):
    found, _ = examine(examined(tmp_path, rows, embed=False))
    (skipped,) = [item for item in found.skipped if item.check == "label_noise"]
    assert skipped.fix == "add --embed"
    assert "label_noise" not in [item.code for item in found.findings]


def test_rows_without_labels_are_not_its_business(tmp_path):
    path = tmp_path / "faq.jsonl"
    turns = '[{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]'
    path.write_text(f'{{"messages": {turns}}}\n' * 3, encoding="utf-8")
    assert list(label_noise.look(Examined.of(read(path), embed=False))) == []
