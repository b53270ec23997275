"""How often documents change, by their dates: only where enough of them are dated."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from advisor.data import read
from advisor.freshness import dates, pace
from advisor.profile import profile

TODAY = date(2026, 6, 1)


def documents(gap: int, count: int = 20) -> list[str]:
    days = (TODAY - timedelta(days=gap * n) for n in range(count))
    return [f"Changed on {day.isoformat()}. First written on 2019-01-01." for day in days]


@pytest.mark.parametrize(
    ("gap", "name"), [(1, "daily"), (7, "weekly"), (30, "monthly"), (240, "static")]
)
def test_the_gap_between_recent_dates_is_the_pace(gap: int, name: str):
    found = pace(documents(gap), "notes", TODAY)
    assert found is not None
    assert found.name == name
    assert f"at most {gap} days apart" in found.how
    assert "in 20 of 20 documents in notes" in found.how


def test_dates_are_read_in_the_usual_written_forms():
    text = "2024-01-02, 3 March 2024, March 4th, 2024, 05.06.2024, 7. März 2023, Sept. 9, 2022"
    assert [day.isoformat() for day in dates(text)] == [
        "2024-01-02",
        "2024-03-03",
        "2024-03-04",
        "2024-06-05",
        "2023-03-07",
        "2022-09-09",
    ]


def test_what_is_no_date_or_could_be_two_is_passed_over():
    assert list(dates("31.02.2024, 03/04/2024, version 2024.1.2, may 2024, 20240101")) == []


def test_too_few_dated_documents_say_nothing():
    assert pace(documents(7, count=9), "notes", TODAY) is None
    undated = ["no date here"] * 21
    assert pace([*documents(7), *undated], "notes", TODAY) is None


def test_documents_that_are_all_old_say_nothing():
    assert pace(documents(7), "notes", date(2030, 1, 1)) is None


def test_plans_for_the_future_are_no_changes():
    planned = [f"{text} Next review: 2027-01-01." for text in documents(7)]
    assert pace(planned, "notes", TODAY) == pace(documents(7), "notes", TODAY)


def test_a_batch_of_one_week_is_not_called_daily():
    assert pace(documents(1, count=4) * 5, "notes", TODAY) is None


def test_a_folder_of_dated_documents_becomes_a_fact(tmp_path: Path):
    folder = tmp_path / "notes"
    folder.mkdir()
    for n in range(15):
        day = date.today() - timedelta(days=7 * n)
        text = f"# Note {n}\n\nUpdated on {day.isoformat()}: the price of item {n} has changed.\n"
        (folder / f"note{n}.md").write_text(text, "utf-8")
    known = profile(read(folder)).facts()
    assert known["freshness"][0] == "weekly"
    assert "15 of 15 documents in notes" in known["freshness"][1]


def test_rows_with_labels_have_no_freshness(tmp_path: Path):
    path = tmp_path / "t.csv"
    rows = [f"on {date.today() - timedelta(days=n)} it rained,{n % 2}" for n in range(30)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n", "utf-8")
    assert "freshness" not in profile(read(path)).facts()
