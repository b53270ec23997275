"""Languages: rows in another one than most, answers in another one than asked."""

import json
from pathlib import Path

import pytest

from advisor.check import checks
from advisor.data import Table, read
from advisor.examined import Examined
from advisor.profile import profile

pytest.importorskip("py3langid")
ENGLISH = "The parcel has not arrived yet, can you tell me where it is, please? Number {}."
GERMAN = "Das Paket ist noch nicht angekommen, können Sie mir bitte sagen, wo es ist? Nummer {}."
FRENCH = "Le colis n'est pas encore arrivé, pouvez-vous me dire où il se trouve ? Numéro {}."


def table(folder: Path, rows: list[tuple[str, str]]) -> Table:
    path = folder / "faq.jsonl"
    lines = (json.dumps({"prompt": asked, "completion": told}) for asked, told in rows)
    path.write_text("\n".join(lines), "utf-8")
    return read(path)


def findings(table: Table):
    examined = Examined.of(table)
    found = checks()["languages"].look(examined)
    return {item.code: item.told(examined) for item in found}


def test_rows_in_another_language_are_counted_and_short_ones_are_unsure(tmp_path: Path):
    rows = [(ENGLISH.format(n), f"It arrives on day {n}, I think") for n in range(8)]
    rows += [(GERMAN.format(1), "Morgen"), (FRENCH.format(2), "Demain"), ("ok", "fine")]
    found = findings(table(tmp_path, rows))["languages"]
    assert (found.severity, found.rows) == ("info", ("faq:9", "faq:10"))
    assert "which are en (8): de (1), fr (1); 1 too short or unclear to tell" in found.text


def test_an_answer_in_another_language_is_told(tmp_path: Path):
    rows = [(ENGLISH.format(n), ENGLISH.format(n + 50)) for n in range(8)]
    rows.append((ENGLISH.format(9), GERMAN.format(9)))
    found = findings(table(tmp_path, rows))["answer_language"]
    assert (found.severity, found.rows) == ("warning", ("faq:9",))
    assert "en answered in de (1)" in found.text


def test_a_translation_task_is_no_finding(tmp_path: Path):
    rows = [(ENGLISH.format(n), GERMAN.format(n)) for n in range(8)]
    assert findings(table(tmp_path, rows)) == {}


def test_of_many_rows_some_are_drawn_and_that_is_said(tmp_path: Path):
    path = tmp_path / "t.csv"
    lines = [f'"{ENGLISH.format(n)}",{n % 2}' for n in range(5000)]
    lines[:40] = [f'"{GERMAN.format(n)}",1' for n in range(40)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n", "utf-8")
    found = findings(read(path))["languages"]
    assert found.text.endswith("(of 4,000 rows drawn evenly from 5,000)")
    lines[:35] = lines[100:135]  # so few may be mistakes
    path.write_text("text,label\n" + "\n".join(lines) + "\n", "utf-8")
    assert findings(read(path)) == {}


def test_without_the_library_it_is_told_that_nobody_looked(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(checks()["languages"], "LIBRARIES", ("py3langid", "not_installed_here"))
    skipped = profile(table(tmp_path, [(ENGLISH.format(1), "Tomorrow at noon.")])).skipped
    assert any(item.check == "languages" and "not installed" in item.reason for item in skipped)
