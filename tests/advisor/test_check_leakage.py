"""Leaks that were planted: exact, near and by group, into the evaluation and into the corpus."""

import json
from collections.abc import Sequence
from pathlib import Path

from advisor.checks import leakage, near_leaks
from advisor.data import Table, read
from advisor.examined import Examined
from advisor.profile import profile

OTHERS = (
    "My card was declined in a restaurant last night",
    "Where do I see the exchange rate of last week?",
    "Please close the account of my late grandmother",
    "The cash machine kept my card and gave no money",
)
LEAKED = "I topped up my account on Monday but the money has still not arrived"
NEAR = LEAKED.replace("Monday", "Friday")


def table(folder: Path, name: str, rows: Sequence[dict[str, str]]) -> Table:
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return read(path)


def labelled(*texts: str, **more: str) -> list[dict[str, str]]:
    return [{"text": text, "label": "ab"[n % 2], **more} for n, text in enumerate(texts)]


def look(train: Table, evaluation: Table | None = None, corpus: Table | None = None):
    examined = Examined.of(train, evaluation, corpus)
    found = [*leakage.look(examined), *near_leaks.look(examined)]
    return {item.code: item for item in found}


def test_an_exact_leak_is_mended_and_a_near_one_too_when_asked(tmp_path: Path):
    train = table(tmp_path, "train", labelled(*OTHERS, LEAKED, NEAR, NEAR.lower()))
    found = look(train, table(tmp_path, "test", labelled(LEAKED, "Something else altogether")))
    assert list(found) == ["leak", "near_leak"]
    assert list(found["leak"].places) == [4]
    near = found["near_leak"]
    assert list(near.places) == [5, 6]
    assert near.remedy is not None
    assert "1 rows there, 50.0% of them" in near.text
    assert "see train:6 and test:1" in near.fix


def test_a_near_leak_of_half_of_the_evaluation_blocks_and_a_smaller_one_warns(tmp_path: Path):
    train = table(tmp_path, "train", labelled(*OTHERS, NEAR))
    half = table(tmp_path, "half", labelled(LEAKED, "Something else altogether"))
    third = table(tmp_path, "third", labelled(LEAKED, "Something else", "And a third thing"))
    assert look(train, half)["near_leak"].severity == "blocking"
    assert look(train, third)["near_leak"].severity == "warning"


def test_where_nothing_leaks_nothing_is_told(tmp_path: Path):
    train = table(tmp_path, "train", labelled(*OTHERS))
    evaluation = table(tmp_path, "test", labelled(LEAKED, "Something else altogether"))
    assert look(train, evaluation, table(tmp_path, "shots", labelled("A shot", "Another"))) == {}
    assert look(train) == {}


def test_a_conversation_or_user_on_both_sides_is_told(tmp_path: Path):
    rows = labelled(*OTHERS[:2], conversation_id="c1") + labelled(*OTHERS[2:], conversation_id="c2")
    train = table(tmp_path, "train", rows)
    other = labelled(LEAKED, conversation_id="c2") + labelled("Something else", conversation_id="")
    found = look(train, table(tmp_path, "test", other))
    assert list(found) == ["group_leak"]
    leak = found["group_leak"]
    assert (leak.severity, list(leak.places)) == ("warning", [2, 3])
    assert "`conversation_id` is in test.jsonl too: 1 of 1 there" in leak.text

    users = table(tmp_path, "users", labelled(*OTHERS, user_id="u1"))
    held_out = table(tmp_path, "held", labelled(LEAKED, user_id="u1"))
    assert list(look(users, held_out)) == ["user_leak"]


def test_an_example_that_gives_the_answer_of_an_evaluation_row_blocks(tmp_path: Path):
    train = table(tmp_path, "train", labelled(*OTHERS))
    evaluation = table(tmp_path, "test", labelled(LEAKED, "The weather is far too hot for me here"))
    exact = look(train, evaluation, table(tmp_path, "shots", labelled(LEAKED, "A shot")))
    assert (exact["shown"].severity, list(exact["shown"].where)) == ("blocking", ["test:1"])
    near = look(train, evaluation, table(tmp_path, "shots", labelled(NEAR, "A shot")))
    assert (near["near_shown"].severity, list(near["near_shown"].where)) == ("blocking", ["test:1"])
    assert "take shots:1 and its like out of shots.jsonl" in near["near_shown"].fix


def test_a_question_inside_a_document_of_the_corpus_warns(tmp_path: Path):
    train = table(tmp_path, "train", labelled(*OTHERS))
    evaluation = table(tmp_path, "test", labelled(LEAKED, "My card was lost"))
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "faq.md").write_text(
        f"# Questions\n\nMy card was lost and found.\n\n> {LEAKED.upper()}!\n\nAsk us.\n", "utf-8"
    )
    (folder / "other.md").write_text("# Other\n\nNothing of the kind is said here.\n", "utf-8")
    found = look(train, evaluation, read(folder))
    assert list(found) == ["shown_inside"]
    inside = found["shown_inside"]
    assert (inside.severity, list(inside.where)) == ("warning", ["test:1"])


def test_without_an_evaluation_the_training_rows_are_held_against_the_corpus(tmp_path: Path):
    train = table(tmp_path, "train", labelled(*OTHERS, LEAKED))
    found = look(train, None, table(tmp_path, "shots", labelled(OTHERS[1], NEAR, "A shot")))
    assert list(found) == ["shown", "near_shown"]
    assert (found["shown"].severity, list(found["shown"].places)) == ("warning", [1])
    assert list(found["near_shown"].places) == [4]


def test_the_leaks_stand_in_the_profile(tmp_path: Path):
    train = table(tmp_path, "train", labelled(*OTHERS, LEAKED, NEAR))
    profiled = profile(train, table(tmp_path, "test", labelled(LEAKED, "a", "b", "c", "d")))
    codes = {finding.code: finding.rows for finding in profiled.findings}
    assert codes["leak"] == ("train:5",)
    assert codes["near_leak"] == ("train:6",)
