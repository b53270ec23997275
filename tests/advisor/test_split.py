"""The split: no text on both sides, no row lost, the same bytes everywhere."""

import json
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.data import Table, fingerprint, read
from advisor.split import Split, SplitRequest, freeze
from rules.errors import DataError
from runners.base import DataFile, Row

EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"

WORDS = [
    f"{first}{second}{third}"
    for first in "bdfgk"
    for second in ("ala", "ero", "ini", "obu")
    for third in ("ra", "mo", "ti", "su", "nel")
]

TEXTS = st.sampled_from([f"{word} {n}" for word in ("one", "One", "two", "TWO ") for n in range(9)])
ROWS = st.lists(st.tuples(TEXTS, st.sampled_from("abcd")), min_size=1, max_size=60)


def table(folder: Path, rows: list[tuple[str, str]], name: str = "train.jsonl") -> Table:
    path = folder / name
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_text("\n".join(lines), encoding="utf-8")
    return read(path)


def numbered(labels: str, rows: int, prefix: str = "text") -> list[tuple[str, str]]:
    return [(f"{prefix} {label} {n}", label) for n in range(rows) for label in labels]


def rows_of(file: DataFile) -> list[Row]:
    lines = file.path.read_bytes().splitlines()
    assert len(lines) == file.rows
    return [Row.model_validate_json(line) for line in lines]


def check_sides(split: Split, train: Table, evaluation: Table | None = None) -> None:
    """What holds of every split."""
    left, right = rows_of(split.train), rows_of(split.evaluation)
    texts = {fingerprint(row.input) for row in left}
    assert texts.isdisjoint(fingerprint(row.input) for row in right)
    out = [entry.id for entry in split.left_out]
    if evaluation:
        assert right == list(evaluation.rows)
        right = []
    ids = [row.id for row in left] + [row.id for row in right] + out
    assert sorted(ids) == sorted(row.id for row in train.rows)


def attempt(request: SplitRequest) -> Split | None:
    """The split, or None where the rows are refused as too few."""
    try:
        return freeze(request)
    except DataError as error:
        known = ("one label only", "no label has two", "is left to train on")
        if not any(reason in error.what for reason in known):
            raise
    return None


@given(rows=ROWS, seed=st.integers(0, 5), share=st.sampled_from([0.1, 0.2, 0.5, 0.9]))
@settings(deadline=None, max_examples=60)
def test_every_row_is_on_one_side_or_left_out_and_no_text_on_both(
    rows: list[tuple[str, str]], seed: int, share: float
):
    with tempfile.TemporaryDirectory() as folder:
        train = table(Path(folder), rows)
        request = SplitRequest(train=train, root=Path(folder), seed=seed, evaluation_share=share)
        texts: defaultdict[str, set[str]] = defaultdict(set)
        for text, label in rows:
            texts[fingerprint(text)].add(label)
        clean: defaultdict[str, int] = defaultdict(int)
        for labels in texts.values():
            if len(labels) == 1:
                clean[next(iter(labels))] += 1
        split = attempt(request)
        if split is None:
            return
        check_sides(split, train)
        for label in (label for label, count in clean.items() if count > 1):
            assert label in {row.target for row in rows_of(split.train)}
            assert label in {row.target for row in rows_of(split.evaluation)}


@given(rows=ROWS, held_out=ROWS, limit=st.none() | st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_a_published_split_is_respected(
    rows: list[tuple[str, str]], held_out: list[tuple[str, str]], limit: int | None
):
    with tempfile.TemporaryDirectory() as folder:
        train = table(Path(folder), rows)
        evaluation = table(Path(folder), held_out, "test.jsonl")
        request = SplitRequest(
            train=train, evaluation=evaluation, root=Path(folder), rows_per_label=limit
        )
        split = attempt(request)
        if split is None:
            return
        check_sides(split, train, evaluation)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path):
    train = table(tmp_path, numbered("ab", 30))
    first = freeze(SplitRequest(train=train, root=tmp_path / "one"))
    again = freeze(SplitRequest(train=train, root=tmp_path / "two"))
    other = freeze(SplitRequest(train=train, root=tmp_path / "one", seed=1))
    assert first.folder.name == again.folder.name != other.folder.name
    for name in ("train.jsonl", "evaluation.jsonl"):
        assert (first.folder / name).read_bytes() == (again.folder / name).read_bytes()


def test_the_split_of_the_example_is_the_same_on_every_machine(tmp_path: Path):
    split = freeze(SplitRequest(train=read(EXAMPLE / "train.csv"), root=tmp_path))
    assert split.folder == tmp_path / "data" / "4c19e0de39c2"
    assert "texts kept on one side with one that is nearly the same: 12" in split.notes
    assert (split.train.rows, split.evaluation.rows, len(split.labels)) == (613, 157, 77)


def test_each_label_gives_its_share(tmp_path: Path):
    train = table(tmp_path, [*numbered("a", 50), *numbered("b", 10), *numbered("c", 2)])
    split = freeze(SplitRequest(train=train, root=tmp_path))
    sides = [row.target for row in rows_of(split.evaluation)]
    assert {label: sides.count(label) for label in "abc"} == {"a": 10, "b": 2, "c": 1}


def test_a_text_keeps_its_side_when_rows_are_added(tmp_path: Path):
    few = freeze(SplitRequest(train=table(tmp_path, numbered("ab", 20)), root=tmp_path))
    rows = [*numbered("ab", 20), *numbered("c", 20)]
    more = freeze(SplitRequest(train=table(tmp_path, rows), root=tmp_path))
    kept = {row.input for row in rows_of(more.evaluation)}
    assert {row.input for row in rows_of(few.evaluation)} <= kept


def test_ten_rows_per_label_are_a_part_of_twenty_and_the_evaluation_stays(tmp_path: Path):
    train = table(tmp_path, numbered("ab", 40))
    ten, twenty = (
        freeze(SplitRequest(train=train, root=tmp_path, rows_per_label=rows)) for rows in (10, 20)
    )
    assert (ten.train.rows, twenty.train.rows) == (20, 40)
    assert {row.id for row in rows_of(ten.train)} < {row.id for row in rows_of(twenty.train)}
    assert ten.evaluation.sha256 == twenty.evaluation.sha256
    assert "trained on 20 of 64 rows: beyond 10 rows per label" in ten.notes
    assert {entry.reason for entry in ten.left_out} == {"beyond 10 rows per label"}


def test_of_repeats_one_is_kept_and_of_contradictions_all(tmp_path: Path):
    rows = [*numbered("ab", 10), ("TEXT a 0", "a"), ("text a 1", "b")]
    split = freeze(SplitRequest(train=table(tmp_path, rows), root=tmp_path))
    assert [(entry.id, entry.reason) for entry in split.left_out] == [
        ("train:21", "repeats train:1")
    ]
    assert "rows left out because they repeat another one: 1" in split.notes
    assert "texts with more than one label, all of whose rows are kept: 1" in split.notes


def test_a_label_with_one_text_is_trained_on(tmp_path: Path):
    train = table(tmp_path, [*numbered("ab", 10), ("alone", "c")])
    split = freeze(SplitRequest(train=train, root=tmp_path))
    assert "c" in split.labels
    assert "c" not in {row.target for row in rows_of(split.evaluation)}
    assert "labels with one text are trained on and not measured: 'c'" in split.notes


def test_a_leak_is_left_out_of_training_and_listed(tmp_path: Path):
    train = table(tmp_path, numbered("ab", 10))
    evaluation = table(tmp_path, [("Text A 3", "a"), *numbered("ab", 3, "other")], "test.jsonl")
    split = freeze(SplitRequest(train=train, evaluation=evaluation, root=tmp_path))
    assert [(entry.id, entry.reason) for entry in split.left_out] == [
        ("train:7", "stands in the evaluation as test:1")
    ]
    assert "training rows left out because they stand in the evaluation: 1" in split.notes


def sentences(count: int, seed: int = 0) -> list[str]:
    """Long texts that have little in common."""
    source = random.Random(seed)
    return [" ".join(source.choices(WORDS, k=14)) for _ in range(count)]


def changed(text: str) -> str:
    """The same but for one word at the end."""
    return text.rsplit(" ", 1)[0] + " altogether"


def with_twins(count: int, twins: int) -> list[tuple[str, str]]:
    texts = sentences(count)
    rows = [(text, "ab"[n % 2]) for n, text in enumerate(texts)]
    return rows + [(changed(text), "ab"[n % 2]) for n, text in enumerate(texts[:twins])]


def test_texts_that_are_nearly_the_same_are_on_one_side(tmp_path: Path):
    split = freeze(SplitRequest(train=table(tmp_path, with_twins(60, 30)), root=tmp_path))
    left = {row.input for row in rows_of(split.train)}
    right = {row.input for row in rows_of(split.evaluation)}
    pairs = [(text, changed(text)) for text in sentences(60)[:30]]
    assert all(({one, other} <= left) or ({one, other} <= right) for one, other in pairs)
    assert any(one in right for one, _ in pairs)
    assert "texts kept on one side with one that is nearly the same: 60" in split.notes


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path):
    rows = with_twins(60, 30)
    shuffled = random.Random(1).sample(rows, len(rows))
    sides: list[set[str]] = []
    for name, some in (("one", rows), ("two", shuffled)):
        train = table(tmp_path, some, f"{name}.jsonl")
        split = freeze(SplitRequest(train=train, root=tmp_path))
        sides.append({row.input for row in rows_of(split.evaluation)})
    assert sides[0] == sides[1]


def test_rows_made_from_one_template_can_still_be_split(tmp_path: Path):
    rows = [
        (f"please send me {n} new cards of kind {label} by post", label)
        for label in ("black", "white")
        for n in range(20)
    ]
    split = freeze(SplitRequest(train=table(tmp_path, rows), root=tmp_path))
    assert (split.train.rows, split.evaluation.rows) == (32, 8)
    assert any(
        note.startswith("texts nearly the same that may be on both sides: 40")
        for note in split.notes
    )


def test_near_texts_of_many_users_do_not_tie_all_rows_together(tmp_path: Path):
    request = "please cancel the subscription that I bought in "
    months = ("January", "February", "March", "April", "May", "June", "July", "August")
    rows = [(f"{request}{month}", user) for user, month in enumerate(months)]
    rows += [(text, n % 8) for n, text in enumerate(sentences(40))]
    lines = (
        json.dumps({"text": text, "label": "ab"[n % 2], "user_id": f"u{user}"})
        for n, (text, user) in enumerate(rows)
    )
    (tmp_path / "train.jsonl").write_text("\n".join(lines), encoding="utf-8")
    split = freeze(SplitRequest(train=read(tmp_path / "train.jsonl"), root=tmp_path))
    left, right = ({row.user for row in rows_of(side)} for side in (split.train, split.evaluation))
    assert left
    assert right
    assert left.isdisjoint(right)


def test_without_numpy_the_notes_say_that_nobody_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("advisor.split_items.find_spec", lambda _: None)
    split = freeze(SplitRequest(train=table(tmp_path, with_twins(60, 30)), root=tmp_path))
    said = "nobody looked for texts that are nearly the same: numpy is not installed"
    assert said in split.notes


def test_what_a_published_split_nearly_shares_stays_and_is_said(tmp_path: Path):
    texts = sentences(20)
    train = table(tmp_path, [(text, "ab"[n % 2]) for n, text in enumerate(texts)])
    held_out = [(changed(text), "a") for text in texts[:3]] + [(text, "b") for text in texts[3:5]]
    evaluation = table(tmp_path, held_out, "test.jsonl")
    split = freeze(SplitRequest(train=train, evaluation=evaluation, root=tmp_path))
    assert [row.input for row in rows_of(split.evaluation)] == [text for text, _ in held_out]
    assert [entry.id for entry in split.left_out] == ["train:4", "train:5"]
    said = "training rows kept although nearly the same text is in the evaluation: 3"
    assert said in split.notes


def test_groups_that_a_published_split_shares_are_said(tmp_path: Path):
    texts = sentences(20)
    for name, some in (("train", range(12)), ("test", range(12, 20))):
        lines = (
            json.dumps({"text": texts[n], "label": "ab"[n % 2], "conversation_id": f"c{n % 14}"})
            for n in some
        )
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    train, evaluation = read(tmp_path / "train.jsonl"), read(tmp_path / "test.jsonl")
    split = freeze(SplitRequest(train=train, evaluation=evaluation, root=tmp_path))
    said = "training rows kept although their group is in the evaluation too: 6"
    assert said in split.notes
    assert split.train.rows == 12


def test_few_evaluation_rows_say_how_little_they_tell(tmp_path: Path):
    split = freeze(SplitRequest(train=table(tmp_path, numbered("ab", 10)), root=tmp_path))
    assert split.notes == ("4 evaluation rows: an accuracy of 0.80 is known to within 0.39 only",)


def test_the_record_says_what_went_where_and_why(tmp_path: Path):
    rows = [*numbered("ab", 10), ("text a 0", "a")]
    train = table(tmp_path, rows)
    split = freeze(SplitRequest(train=train, root=tmp_path, seed=3))
    record = json.loads((split.folder / "split.json").read_text(encoding="utf-8"))
    assert record["sources"]["train"]["sha256"] == train.sha256
    assert record["sources"]["train"]["mapping"]["input"] == "text"
    assert (record["seed"], record["evaluation_share"]) == (3, 0.2)
    assert record["files"]["train.jsonl"] == {"sha256": split.train.sha256, "rows": 16}
    assert record["evaluation"] == [row.id for row in rows_of(split.evaluation)]
    assert record["left_out"] == [{"id": "train:21", "reason": "repeats train:1"}]
    assert record["notes"] == list(split.notes)


def test_a_frozen_split_is_reused(tmp_path: Path):
    request = SplitRequest(train=table(tmp_path, numbered("ab", 10)), root=tmp_path)
    before = (freeze(request).folder / "split.json").stat().st_mtime_ns
    assert (freeze(request).folder / "split.json").stat().st_mtime_ns == before
    assert [path.name for path in (tmp_path / "data").iterdir()] == [freeze(request).folder.name]


@pytest.mark.parametrize("name", ["train.jsonl", "evaluation.jsonl"])
def test_a_frozen_split_changed_by_hand_is_refused(tmp_path: Path, name: str):
    request = SplitRequest(train=table(tmp_path, numbered("ab", 10)), root=tmp_path)
    folder = freeze(request).folder
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write("\n")
    with pytest.raises(DataError, match="the frozen rows were changed by hand") as caught:
        freeze(request)
    assert caught.value.where == str(folder / name)
    assert caught.value.fix == f"delete the folder, it will be made again: rm -r '{folder}'"


def test_many_threads_may_freeze_the_same_rows_at_once(tmp_path: Path):
    request = SplitRequest(train=table(tmp_path, numbered("ab", 200)), root=tmp_path / "runs")
    with ThreadPoolExecutor(8) as pool:
        splits = list(pool.map(lambda _: freeze(request), range(16)))
    assert len(set(splits)) == 1
    assert len(list((tmp_path / "runs" / "data").iterdir())) == 1


def test_two_processes_may_freeze_the_same_rows_at_once(tmp_path: Path):
    train = table(tmp_path, numbered("ab", 200))
    code = (
        "from pathlib import Path; from advisor.data import read;"
        "from advisor.split import SplitRequest, freeze;"
        f"train = read(Path({str(train.path)!r}));"
        f"print(freeze(SplitRequest(train=train, root=Path({str(tmp_path)!r}))).folder)"
    )
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = [process.communicate()[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert folders[0] == folders[1] == str(freeze(SplitRequest(train=train, root=tmp_path)).folder)


def refusal(request: SplitRequest) -> str:
    with pytest.raises(DataError) as caught:
        freeze(request)
    return str(caught.value)


def test_one_label_only_is_refused(tmp_path: Path):
    said = refusal(SplitRequest(train=table(tmp_path, numbered("a", 10)), root=tmp_path))
    assert "one label only: 'a'" in said
    assert "fix: add rows with a second label" in said


def test_nothing_to_measure_on_is_refused(tmp_path: Path):
    said = refusal(SplitRequest(train=table(tmp_path, numbered("abc", 1)), root=tmp_path))
    assert "no label has two different texts" in said
    assert "--evaluation FILE" in said


def test_the_same_file_twice_is_refused(tmp_path: Path):
    train = table(tmp_path, numbered("ab", 5))
    said = refusal(SplitRequest(train=train, evaluation=train, root=tmp_path))
    assert "no row of train.jsonl is left to train on: all stand here too" in said


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path):
    train = table(tmp_path, numbered("ab", 5))
    (tmp_path / "runs").write_text("a file, not a folder", encoding="utf-8")
    said = refusal(SplitRequest(train=train, root=tmp_path / "runs"))
    assert "cannot be written: " in said
    assert "--runs FOLDER" in said


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    train = table(tmp_path, numbered("ab", 5))
    monkeypatch.setattr("os.fsync", full)
    said = refusal(SplitRequest(train=train, root=tmp_path / "runs"))
    assert "cannot be written: No space left on device" in said
    assert list((tmp_path / "runs" / "data").iterdir()) == []


def test_one_text_alone_cannot_be_parted_and_is_not_called_a_label(tmp_path: Path):
    (tmp_path / "book.txt").write_text("It was the best of times.\n\nIt was the worst.\n", "utf-8")
    book = read(tmp_path / "book.txt")
    with pytest.raises(DataError, match="one text only, so none can be set aside"):
        freeze(SplitRequest(train=book, root=tmp_path))
    (tmp_path / "end.txt").write_text("It is a far, far better thing that I do.\n", "utf-8")
    split = freeze(SplitRequest(train=book, evaluation=read(tmp_path / "end.txt"), root=tmp_path))
    assert not any("accuracy" in note for note in split.notes)
