"""The profile: numbers that can be recounted by hand, and findings that name their rows."""

from pathlib import Path

import pytest

from advisor.data import Table, read
from advisor.profile import DataProfile, Finding, profile
from rules.facts import Facts

EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"
SHARED = Path(__file__).parents[3] / "shared" / "data" / "classification"
NEEDS_SHARED = "the optional folder ../shared/data is not there"


def table(folder: Path, *rows: str, name: str = "tickets.csv") -> Table:
    path = folder / name
    path.write_text("\n".join(("text,label", *rows)), encoding="utf-8")
    return read(path)


def found(profiled: DataProfile, code: str) -> Finding:
    return next(finding for finding in profiled.findings if finding.code == code)


def codes(profiled: DataProfile) -> list[str]:
    return [finding.code for finding in profiled.findings]


def test_rows_labels_and_lengths_are_counted(tmp_path: Path):
    profiled = profile(
        table(tmp_path, "a b,x", "a b c,x", "abcdefgh,y", "hello you,y", "a b c d,y")
    )
    assert profiled.rows == 5
    assert list(profiled.labels.items()) == [("y", 3), ("x", 2)]
    assert profiled.rarest_label == "x"
    assert profiled.characters.model_dump() == {"p50": 7, "p95": 9, "max": 9}
    assert profiled.words.model_dump() == {"p50": 2, "p95": 4, "max": 4}
    assert profiled.findings == ()


def test_repeats_are_counted_letter_for_letter_and_beyond(tmp_path: Path):
    profiled = profile(table(tmp_path, "one,x", "one,x", "ONE  ,x", "two,x", "three,y", "four,y"))
    repeats = found(profiled, "repeats")
    assert (repeats.count, repeats.rows) == (2, ("tickets:3", "tickets:4"))
    assert repeats.text == (
        "rows that repeat another one: 1 letter for letter, "
        "1 but for case, spacing or letter variants"
    )
    assert (profiled.distinct_rows, profiled.distinct_labels) == (4, {"x": 2, "y": 2})


def test_a_text_with_two_labels_is_a_contradiction(tmp_path: Path):
    profiled = profile(table(tmp_path, "one,x", "One,y", "two,x", "three,y"))
    mixed = found(profiled, "contradictions")
    assert (mixed.severity, mixed.count, mixed.rows) == ("warning", 2, ("tickets:2", "tickets:3"))
    assert "repeats" not in codes(profiled)


def test_excluded_records_are_told_with_their_place(tmp_path: Path):
    profiled = profile(table(tmp_path, "one,x", ",x", "two,", "three,y", "four,x", "five,y"))
    excluded = found(profiled, "excluded")
    assert excluded.text.startswith("of 6 records in tickets.csv cannot be used: no text (1)")
    assert excluded.rows[0].endswith("tickets.csv:3")


def test_labels_that_differ_in_case_or_spacing_only_are_brought_together(tmp_path: Path):
    rows = (
        "one,Card lost",
        "two,Card lost",
        "three,card_lost",
        "four,CARD LOST",
        "five,y",
        "six,y",
    )
    spelling = found(profile(table(tmp_path, *rows)), "label_spelling")
    assert (spelling.count, spelling.rows) == (2, ("tickets:4", "tickets:5"))
    assert spelling.fix == "write all of them as 'Card lost'"


def test_a_label_like_an_empty_cell_is_doubted(tmp_path: Path):
    profiled = profile(table(tmp_path, "one,x", "two,x", "three,NaN", "four,NaN"))
    assert found(profiled, "label_null").rows == ("tickets:4", "tickets:5")


def test_one_label_only_blocks(tmp_path: Path):
    profiled = profile(table(tmp_path, "one,spam", "two,spam"))
    assert [finding.text for finding in profiled.blocking] == ["rows, and one label only: 'spam'"]


def test_a_label_with_one_text_warns_and_only_such_labels_block(tmp_path: Path):
    some = profile(table(tmp_path, "one,x", "two,x", "three,y", "four,z", "five,z"))
    assert found(some, "single_text").severity == "warning"
    assert found(some, "single_text").rows == ("tickets:4",)
    every = profile(table(tmp_path, "one,x", "two,y"))
    assert [finding.code for finding in every.blocking] == ["single_text"]


def test_with_an_evaluation_file_one_text_per_label_is_enough_to_go_on(tmp_path: Path):
    train = table(tmp_path, "one,x", "two,y")
    evaluation = table(tmp_path, "three,x", "four,y", name="test.csv")
    assert profile(train, evaluation).blocking == ()


def test_a_very_long_text_is_pointed_out(tmp_path: Path):
    profiled = profile(table(tmp_path, f"{'word ' * 5000},x", "two,x", "three,y", "four,y"))
    assert found(profiled, "long_text").rows == ("tickets:2",)


def test_damaged_letters_and_markup_are_pointed_out(tmp_path: Path):
    rows = ("itâ€™s,x", "café,x", "a &lt;b&gt;,y", "AT&T is <3,y")
    profiled = profile(table(tmp_path, *rows))
    assert found(profiled, "damaged_letters").rows == ("tickets:2",)
    assert found(profiled, "markup").rows == ("tickets:4",)


def test_training_and_evaluation_are_compared(tmp_path: Path):
    train = table(tmp_path, "one,x", "two,x", "three,y", "four,y", "five,only", "six,only")
    evaluation = table(tmp_path, "ONE,x", "seven,y", "eight,new", "nine,new", name="test.csv")
    profiled = profile(train, evaluation)
    assert found(profiled, "leak").rows == ("tickets:2",)
    unseen = found(profiled, "unseen_label")
    assert (unseen.severity, unseen.count) == ("warning", 2)
    assert "can only be wrong: training lacks 'new'" in unseen.text
    assert found(profiled, "unmeasured_label").severity == "info"
    assert profiled.facts()["n_examples"] == (5, "6 rows less 1 of the evaluation in tickets.csv")


def test_the_same_file_twice_blocks(tmp_path: Path):
    train = table(tmp_path, "one,x", "two,x", "three,y", "four,y")
    profiled = profile(train, train)
    assert [finding.code for finding in profiled.blocking] == ["leak"]
    assert profiled.blocking[0].fix == "give another file to measure on: --evaluation FILE"


def test_the_worst_findings_come_first(tmp_path: Path):
    profiled = profile(table(tmp_path, "<br>,spam", "two,spam", "two,spam"))
    severities = [finding.severity for finding in profiled.findings]
    assert severities == ["blocking", "warning", "info"]


def test_facts_have_names_that_rules_know_and_say_how_they_were_found():
    facts = profile(read(EXAMPLE / "train.csv"), read(EXAMPLE / "test.csv")).facts()
    known = Facts.model_validate({name: value for name, (value, _) in facts.items()})
    assert (known.task, known.goal, known.data_kind) == (
        "classification",
        "classification",
        "labelled",
    )
    assert (known.n_examples, known.labels, known.rarest_label) == (770, 77, 10)
    assert facts["n_examples"][1] == "770 rows in train.csv"
    assert facts["has_evaluation_set"] == (True, "1,540 rows in test.csv")


def test_an_evaluation_set_is_a_fact_only_when_enough_rows_can_be_split_off(tmp_path: Path):
    few = profile(table(tmp_path, "one,x", "two,x", "three,y", "four,y"))
    assert few.facts()["has_evaluation_set"] == (False, "4 rows are too few to split some off")
    many = profile(read(EXAMPLE / "train.csv"))
    assert many.facts()["has_evaluation_set"] == (True, "a fifth of 770 rows can be split off")


def test_of_the_example_that_ships_only_near_texts_are_reported():
    profiled = profile(read(EXAMPLE / "train.csv"), read(EXAMPLE / "test.csv"))
    assert [(finding.code, finding.count) for finding in profiled.findings] == [
        ("near_leak", 11),
        ("near_duplicates", 6),
    ]


@pytest.mark.skipif(not SHARED.exists(), reason=NEEDS_SHARED)
def test_the_known_faults_of_the_sms_collection_are_found():
    profiled = profile(read(SHARED / "sms_spam" / "spam.csv"))
    assert profiled.labels == {"ham": 4825, "spam": 747}
    assert "403 letter for letter" in found(profiled, "repeats").text
    assert profiled.distinct_rows == 5572 - found(profiled, "repeats").count == 5157
    assert found(profiled, "markup").count >= 304
    assert found(profiled, "damaged_letters").count > 300
    assert profiled.blocking == ()


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_profiled(tmp_path: Path):
    rows = (
        f"this is the text of row number {n} in a long file,label {n % 9000}"
        for n in range(100_000)
    )
    profiled = profile(
        table(tmp_path, *rows)
    )  # 1.2 s on two slow cores; quadratic would be minutes
    assert profiled.rows == 100_000
