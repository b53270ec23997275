# ruff: noqa: RUF001 -- letters that look like others are what this is about
"""Letters damaged by a wrong encoding: found, and repaired to what they were."""

from pathlib import Path

import pytest

from advisor.checks.texts import is_damaged, repaired
from advisor.data import read
from advisor.profile import profile

WHOLE = ("L’été à Nîmes – “oui”", "naïve café, crème brûlée", "Größe über Straße")
SOUND = (
    *WHOLE,
    "Åsa åkte båt till gråärtor och småägg",
    "PERÒ È COSÌ, LUNEDÌ",
    "SÃO PAULO",
    "Это по-русски, ещё и с «кавычками»",
    "你好，世界",
    "日本語のテキスト。",
    "£5 – that’s it…",
)


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "mac_roman", "cp437", "cp1250"])
def test_utf8_that_was_read_as_another_encoding_is_repaired(whole: str, encoding: str):
    try:
        damaged = whole.encode().decode(encoding)
    except UnicodeError:
        pytest.skip("not every byte is a letter there")
    assert is_damaged(damaged)
    assert repaired(damaged) == whole


@pytest.mark.parametrize("text", SOUND)
def test_sound_letters_of_any_language_are_left_alone(text: str):
    assert not is_damaged(text)
    assert repaired(text) == text


def test_letters_that_went_through_three_encodings_are_repaired():
    damaged = "â£".replace("â", "å") + "900 thatåÕs I‰Û÷m caf" + "Ì©"
    assert repaired(damaged) == "£900 that’s I‘m café"


def test_what_is_lost_stays_as_it_is_and_stays_a_finding():
    assert repaired("pay Ì_ later") == "pay Ì_ later"
    assert is_damaged("pay Ì_ later")
    assert is_damaged("a lost letter: \ufffd")


def test_the_finding_has_a_remedy(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("text,label\nitâ€™s,x\ncafé,x\nfine,y\nplain,y\n", "utf-8")
    (finding,) = (f for f in profile(read(path)).findings if f.code == "damaged_letters")
    assert (finding.rows, finding.mends) == (("t:2",), "damaged letters repaired")
