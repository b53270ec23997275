"""Hints of personal data: e-mail addresses, telephone, card and account numbers, and the like.

Numbers with check digits are checked (``python-stdnum``: Luhn, IBAN, US social security numbers);
a telephone number has none, so that it is known by its form alone. A value is never shown whole.
"""

import re
from collections import Counter
from collections.abc import Iterator

from advisor.check import Found
from advisor.examined import LABELLED, Examined

SAYS = "e-mail addresses, telephone, card and account numbers, and other personal data"
LIBRARIES = ("stdnum",)
COST = 2.8

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})*\.[A-Za-z]{2,24}\b")
_OWN = re.compile(r"[@.]example\.(?:com|org|net)$|\.(?:example|invalid|test|localhost)$", re.I)
"""Addresses that nobody has (RFC 2606)."""
_DIGIT = re.compile("[0-9]")
_SEVEN = re.compile(r"[0-9](?:[ ().\-/]{0,2}[0-9]){6}")
"""Without seven digits in a row there is no number to look at."""
_NUMBER = re.compile(r"(?<![\w.,/\-])[+(]{0,2}\d(?:[ ().\-/]{0,2}\d){6,20}(?![\w/\-]|[.,]\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_FOUR = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
_DOTTED = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
_SECURITY = re.compile(r"\d{3}-\d{2}-\d{4}")
_CARD = re.compile(r"[2-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([ -]?)\d{6}\2\d{5}")
_PHONE = re.compile(
    r"(?:\+|00)[1-9](?:[ ().\-/]{0,2}\d){7,13}"  # with the code of the country
    r"|0\d{9,10}|0\d{2,4}[ \-/]\d{3,4}[ \-]?\d{3,4}|0\d(?:[ .]\d\d){4}"  # trunk prefix 0
    r"|(?:1[ .\-])?(?:\(\d{3}\) ?|\d{3}[ .\-])\d{3}[ .\-]\d{4}"  # North America
)
_NAMES = {
    "mail": "e-mail addresses",
    "phone": "telephone numbers",
    "card": "card numbers",
    "iban": "bank accounts",
    "security": "US social security numbers",
    "ip": "IP addresses",
}
Hint = tuple[str, str]
"""What it seems to be, and the value."""


def look(examined: Examined) -> Iterator[Found]:
    """In what rows ask and in what they teach; labels are names."""
    side = examined.train
    answers = side.targets() if side.kind in LABELLED else side.answers()
    places: list[int] = []
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for place, texts in enumerate(zip(side.questions(), answers, strict=True)):
        found = [hint for text in texts for hint in hints(text)]
        if found:
            places.append(place)
            counts.update({kind for kind, _ in found})
            for kind, value in found:
                first.setdefault(kind, value)
    if places:
        kinds = (
            f"{_NAMES[kind]} in {rows:,} such as {masked(first[kind])}"
            for kind, rows in counts.most_common()
        )
        text = f"rows that may hold personal data: {', '.join(kinds)}"
        fix = "take out or replace what you may not keep: models repeat what they were trained on"
        yield Found("personal_data", text, places, fix=fix)


def hints(text: str) -> Iterator[Hint]:
    """What looks like personal data; the cheap questions come first."""
    if "@" in text:
        yield from (("mail", mail) for mail in _MAIL.findall(text) if not _OWN.search(mail))
    if not _DIGIT.search(text):
        return
    if text.count(".") > 2 and _FOUR.search(text):
        yield from (("ip", ip) for ip in _DOTTED.findall(text) if _is_public(ip))
    if _SEVEN.search(text):
        accounts = [account for account in _IBAN.findall(text) if _is_account(account)]
        yield from (("iban", account) for account in accounts)
        for found in _NUMBER.finditer(text):
            kind = _kind(found.group())
            # The digits at the end of an account are no number of their own.
            if kind and not any(found.group() in account for account in accounts):
                yield kind, found.group()


def masked(value: str) -> str:
    """The value with all but its first two characters covered."""
    return value[:2] + "".join("*" if sign.isalnum() else sign for sign in value[2:])


def _kind(number: str) -> str | None:
    from stdnum import luhn
    from stdnum.us import ssn

    if _SECURITY.fullmatch(number):
        return "security" if ssn.is_valid(number) else None
    if _CARD.fullmatch(number):
        return "card" if luhn.is_valid(re.sub(r"\D", "", number)) else None
    return "phone" if _PHONE.fullmatch(number) else None


def _is_account(text: str) -> bool:
    from stdnum import iban

    return iban.is_valid(text)


def _is_public(text: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
