"""Frozen rows: read as they were written, refused once they changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.errors import DataError
from runners import _data
from runners.base import Row


@given(st.lists(st.builds(Row, id=st.text(), input=st.text(), target=st.text()), max_size=8))
def test_rows_come_back_as_they_were_frozen(freeze, tmp_path_factory, rows):
    file = freeze(rows, tmp_path_factory.mktemp("data") / "rows.jsonl")
    assert _data.read_rows(file) == rows


def test_rows_that_were_changed_after_the_plan_are_refused(freeze, tmp_path):
    file = freeze([Row(id="1", target="a")], tmp_path / "rows.jsonl")
    file.path.write_text(file.path.read_text().replace('"a"', '"b"'))
    with pytest.raises(DataError, match="changed after the plan was made\n  fix: make a new plan"):
        _data.read_rows(file)


def test_rows_that_are_gone_are_refused(freeze, tmp_path):
    file = freeze([Row(id="1", target="a")], tmp_path / "rows.jsonl")
    file.path.unlink()
    with pytest.raises(DataError, match=r"rows\.jsonl: No such file"):
        _data.read_rows(file)


def test_a_line_that_is_no_row_is_named_by_its_number(freeze, tmp_path):
    file = freeze([Row(id="1"), Row(id="2")], tmp_path / "rows.jsonl")
    text = file.path.read_text().splitlines()[0] + '\n{"id": 2, "colour": "red"}\n'
    file.path.write_text(text)
    import hashlib

    changed = file.model_copy(update={"sha256": hashlib.sha256(text.encode()).hexdigest()})
    with pytest.raises(DataError, match=r"rows\.jsonl:2: not a row"):
        _data.read_rows(changed)


def test_labels_are_distinct_and_sorted():
    assert _data.labels_of([Row(id=str(n), target=t) for n, t in enumerate("bab")]) == ["a", "b"]


@pytest.mark.parametrize("count", [0, 3])
def test_fewer_than_two_labels_are_refused(count):
    with pytest.raises(DataError, match=r"one label only.*\n  fix: add rows with a second label"):
        _data.labels_of([Row(id=str(n), target="a") for n in range(count)])


def test_a_label_is_said_as_a_reader_would():
    assert _data.words("card_about-to_expire") == "card about to expire"
    assert _data.words("__") == "__"
