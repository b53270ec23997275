"""Words of a list: markers that are counted and shown, and never mended."""

from pathlib import Path

import pytest

from advisor.checks import toxic
from advisor.data import read
from advisor.examined import Examined

pytest.importorskip("badwords")


def looked(folder: Path, *rows: str):
    path = folder / "t.csv"
    path.write_text("text,label\n" + "\n".join(rows) + "\n", "utf-8")
    examined = Examined.of(read(path))
    return [found.told(examined) for found in toxic.look(examined)]


def test_rows_with_such_words_are_counted_and_called_markers(tmp_path: Path):
    rows = ("you are a bastard,x", "have a nice day,y", "what a SHIT show,x", "Scunthorpe,y")
    (found,) = looked(tmp_path, *rows)
    assert (found.severity, found.rows, found.mends) == ("info", ("t:2", "t:4"), "")
    assert "not a judgement" in found.text


def test_polite_texts_have_none(tmp_path: Path):
    assert looked(tmp_path, "where is my card,x", "thank you,y") == []


def test_of_many_rows_some_are_drawn_and_that_is_said(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(toxic, "_READ", 10)
    rows = ("bastard,x", *(f"row number {n},y" for n in range(30)))
    (found,) = looked(tmp_path, *rows)
    assert "(of 10 rows drawn evenly from 31)" in found.text
