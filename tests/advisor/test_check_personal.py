"""Personal data: numbers whose check digits are right, addresses that somebody has, never whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.checks.personal import hints, masked
from advisor.data import read
from advisor.profile import profile

KNOWN = (
    ("write to ada.lovelace@gmail.com please", "mail"),
    ("my card is 4111 1111 1111 1111, expires soon", "card"),
    ("amex 378282246310005", "card"),
    ("pay to DE89 3704 0044 0532 0130 00 today", "iban"),
    ("GB82WEST12345698765432", "iban"),
    ("SSN 536-90-4399", "security"),
    ("from 81.2.69.142 at noon", "ip"),
    ("call +49 30 901820", "phone"),
    ("call 08712460324 now", "phone"),
    ("(415) 555-2671", "phone"),
)
NOTHING = (
    "write to user@example.com",
    "a card like 4111 1111 1111 1112",
    "DE88 3704 0044 0532 0130 00",
    "SSN 000-12-3456",
    "the server at 192.168.0.1, or 127.0.0.1",
    "version 999.2.3.4",
    "on 2024-01-02 at 10:11:12",
    "order 20240102101112 of 1,234,567 pieces",
    "3.14159265358979 is pi",
    "see page 12, or 100 200 300",
)


@pytest.mark.parametrize(("text", "kind"), KNOWN)
def test_what_looks_like_personal_data_is_named(text: str, kind: str):
    assert [found for found, _ in hints(text)] == [kind]


@pytest.mark.parametrize("text", NOTHING)
def test_numbers_with_wrong_check_digits_and_addresses_of_nobody_are_passed_over(text: str):
    assert list(hints(text)) == []


def test_kinds_are_counted_by_rows_and_no_value_is_shown_whole(tmp_path: Path):
    path = tmp_path / "t.csv"
    lines = [f'"{text}",{"xy"[n % 2]}' for n, (text, _) in enumerate(KNOWN)]
    path.write_text("text,label\n" + "\n".join(lines) + "\n", "utf-8")
    finding = next(f for f in profile(read(path)).findings if f.code == "personal_data")
    assert finding.count == len(KNOWN)
    assert "telephone numbers in 3 such as +4* ** ******" in finding.text
    assert "card numbers in 2 such as 41** **** **** ****" in finding.text
    assert not any(value in finding.text for text, _ in KNOWN for _, value in hints(text))


@given(st.text(max_size=60))
def test_any_text_can_be_looked_at_and_masked(text: str):
    for _, value in hints(text):
        assert len(masked(value)) == len(value)
    assert not any(sign.isalnum() for sign in masked(text)[2:])
