"""Tables of every format keep their values; columns that come late, and values of several types."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from advisor import data
from advisor.columns import Columns
from advisor.write_table import TableWriter
from advisor.writing import check, line
from rules.errors import UserError


def written(path: Path, *records: Mapping[str, object]) -> Path:
    check(path)
    writer = TableWriter(path, ("a",))
    for record in records:
        writer.add(record)
    writer.finish()
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    return path


def test_a_column_that_comes_late_is_a_column_of_all(tmp_path: Path):
    path = written(tmp_path / "t.csv", {"a": "1"}, {"a": "2", "b": "x"})
    assert path.read_text("utf-8") == "a,b\n1,\n2,x\n"


def test_numbers_lists_and_nothing_have_cells_of_their_own(tmp_path: Path):
    path = written(tmp_path / "t.tsv", {"a": 1, "b": None, "c": [1, "x"], "d": True, "e": 1.5})
    assert path.read_text("utf-8").splitlines()[1] == '1\t\t"[1, ""x""]"\ttrue\t1.5'


def test_parquet_keeps_the_types_that_a_column_has(tmp_path: Path):
    turns = [{"role": "user", "content": "hi"}]
    path = written(
        tmp_path / "t.parquet",
        {"a": 1, "b": 1, "c": "x", "d": turns, "e": None, "f": {}},
        {"a": 2, "b": 2.5, "c": 3, "d": [], "e": None, "f": {"x": 1}},
    )
    assert pq.read_table(path).to_pylist() == [
        {"a": 1, "b": 1.0, "c": "x", "d": turns, "e": None, "f": {"x": None}},
        {"a": 2, "b": 2.5, "c": "3", "d": [], "e": None, "f": {"x": 1}},
    ]


def test_parquet_of_nothing_but_empty_objects_is_text(tmp_path: Path):
    path = written(tmp_path / "t.parquet", {"a": {}}, {"a": {}})
    assert pq.read_table(path).to_pylist() == [{"a": "{}"}, {"a": "{}"}]


def test_half_a_surrogate_pair_and_odd_line_ends_stay_on_one_line():
    for text, kept in (("\ud800", "\ufffd"), ("a\x85b\u2028c", "a\x85b\u2028c"), ("ü", "ü")):
        written = line({"a": text}).decode()
        assert written.splitlines() == [written[:-1]]
        assert json.loads(written) == {"a": kept}


def test_a_lone_carriage_return_stays_in_its_cell(tmp_path: Path):
    path = written(tmp_path / "t.csv", {"a": "one\rtwo", "b": "x"}, {"a": "three", "b": "y"})
    table = data.read(path, Columns(input="a", target="b"))
    assert [row.input for row in table.rows] == ["one\rtwo", "three"]


def test_half_a_surrogate_pair_becomes_the_replacement_sign_in_a_cell(tmp_path: Path):
    path = written(tmp_path / "t.csv", {"a": "x\ud800"})
    assert path.read_text("utf-8") == "a\nx\ufffd\n"


def test_giving_up_leaves_no_trace(tmp_path: Path):
    writer = TableWriter(tmp_path / "t.csv", ("a",))
    writer.add({"a": "1"})
    writer.give_up()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_somebody_made_meanwhile_is_kept(tmp_path: Path):
    path = tmp_path / "t.csv"
    writer = TableWriter(path, ("a",))
    writer.add({"a": "1"})
    path.write_text("mine", "utf-8")
    with pytest.raises(UserError, match="this file exists already"):
        writer.finish()
    assert [found.read_text() for found in tmp_path.iterdir()] == ["mine"]
