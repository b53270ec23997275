"""Near-duplicates within the training rows: found, told with their labels, never mended."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from advisor.check import Found
from advisor.checks import near_duplicates
from advisor.data import read
from advisor.examined import Examined

SHARED = Path(__file__).parents[3] / "shared" / "data" / "classification"
FILL = [
    ("My card was declined in a restaurant last night", "declined"),
    ("Where do I see the exchange rate of last week?", "rates"),
]
TWIN = "I topped up my account on {} but the money has still not arrived"


def look(folder: Path, rows: Sequence[tuple[str, str]]) -> dict[str, Found]:
    path = folder / "tickets.jsonl"
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines), encoding="utf-8")
    return {found.code: found for found in near_duplicates.look(Examined.of(read(path)))}


def test_rows_that_nearly_repeat_another_one_are_told_but_for_the_first(tmp_path: Path):
    days = ("Monday", "Friday", "Sunday")
    found = look(tmp_path, [*FILL, *((TWIN.format(day), "top_up") for day in days)])
    assert list(found) == ["near_duplicates"]
    near = found["near_duplicates"]
    assert (near.severity, list(near.places), near.remedy) == ("info", [3, 4], None)
    assert "1 groups, the largest of 3 rows" in near.text


def test_exact_repeats_are_left_to_the_other_check(tmp_path: Path):
    assert look(tmp_path, [*FILL, (TWIN, "top_up"), (TWIN.upper(), "top_up")]) == {}


def test_equal_texts_but_for_punctuation_are_near(tmp_path: Path):
    found = look(tmp_path, [*FILL, (TWIN, "top_up"), (f"{TWIN}!!!", "top_up")])
    assert list(found["near_duplicates"].places) == [3]


def test_near_texts_with_different_labels_are_told_with_both(tmp_path: Path):
    rows = [(TWIN.format("Monday"), "top_up"), (TWIN.format("Friday"), "transfer")]
    mixed = look(tmp_path, [*FILL, *rows])["near_contradictions"]
    assert list(mixed.places) == [2, 3]
    assert "tickets:3 ('top_up') and tickets:4 ('transfer')" in mixed.fix


def test_nothing_is_told_where_nothing_is_near(tmp_path: Path):
    assert look(tmp_path, FILL) == {}


@pytest.mark.skipif(not SHARED.exists(), reason="the optional folder ../shared/data is not there")
def test_the_offers_that_the_sms_collection_repeats_with_other_numbers_are_found():
    examined = Examined.of(read(SHARED / "sms_spam" / "spam.csv"))
    (found,) = near_duplicates.look(examined)
    texts = [examined.train.table.rows[place].input for place in found.places]
    assert len(texts) > 150
    assert any("ur awarded" in text.casefold() or "prize" in text.casefold() for text in texts)
