"""What a user sees of ``profile --fix``: counts, a preview, and what is refused."""

import json
from pathlib import Path

import pytest

ROWS = (
    "no,text,label,note",
    "1,where is my card,lost,first",
    "2,where is my card,lost,a repeat",
    "3,itâ€™s late,late,damaged",
    "4,Tom &amp; I paid,paid,marked",
    "5,I paid twice,PAID,spelt",
    "6,they paid me,paid,plain",
    "7,,paid,no text",
    "8,it is late again,late,plain",
    "9,I lost it,lost,plain",
    "10,paid in full,paid,plain",
)


def write(folder: Path, *rows: str) -> Path:
    path = folder / "tickets.csv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def test_the_command_says_what_it_did(whichtune, tmp_path: Path):
    path, out = write(tmp_path, *ROWS), tmp_path / "clean.csv"
    code, shown, talk = whichtune("profile", path, "--no-embed", "--fix", out)
    assert code == 0
    assert "Mended: 10 records, 8 written, 2 left out, 3 changed" in shown
    assert f"Next: whichtune profile {out}" in talk.replace("\n", " ")
    code, shown, talk = whichtune("profile", out, "--no-embed")
    assert code == 0
    assert "What can be mended" not in talk


def test_the_command_previews_and_counts_for_scripts(whichtune, tmp_path: Path):
    path = write(tmp_path, *ROWS)
    code, shown, _ = whichtune("profile", path, "--no-embed", "--dry-run", "--json")
    assert code == 0
    told = json.loads(shown)["mended"]
    assert (told["file"], told["records"], told["written"]) == (None, 10, 8)
    assert told["by_finding"]["repeats"] == 1
    assert list(tmp_path.iterdir()) == [path]
    code, _, talk = whichtune("profile", path, "--only", "repeats")
    assert code == 2
    assert "add --fix OUT, or --dry-run" in talk


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tickets.csv", "this is the input, which is never touched"),
        ("there.csv", "this file exists already"),
        ("clean.xlsx", "no form to write: 'clean.xlsx'"),
        ("nowhere/clean.csv", "no such folder"),
        ("logged.csv", "the log of changes exists already"),
    ],
)
def test_nothing_is_ever_written_over(whichtune, tmp_path: Path, name: str, message: str):
    path = write(tmp_path, *ROWS)
    (tmp_path / "there.csv").write_text("mine", "utf-8")
    (tmp_path / "logged.csv.changes.jsonl").write_text("mine", "utf-8")
    before = sorted(tmp_path.rglob("*"))
    code, _, talk = whichtune("profile", path, "--fix", tmp_path / name)
    assert code == 2
    assert message in talk
    assert "fix: " in talk
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "there.csv").read_text("utf-8") == "mine"
