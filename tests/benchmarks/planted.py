"""Faults planted in real rows, and whether the data check finds them.

    python tests/benchmarks/planted.py             all plantings, on Banking77 and SMS spam
    python tests/benchmarks/planted.py prefix      those whose name holds a word

Each planting changes a copy of the rows and knows which it touched. The whole examination is made
on the copy, embeddings included; the table says how many planted rows were found under the expected
code, how many other rows were told under it, and which codes came up that clean rows do not have.
To add a planting, add a function to ``PLANTINGS``.
"""

import csv
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from advisor.data import read
from advisor.examination import Asked, Examination, examine

SHARED = Path(__file__).parents[3] / "shared" / "data" / "classification"
EXAMPLE = Path(__file__).parents[2] / "advisor" / "examples" / "banking77"
Rows = list[tuple[str, str]]


class Planted(NamedTuple):
    """Rows with a fault, and where it is."""

    train: Rows
    evaluation: Rows | None = None
    places: frozenset[int] | None = None
    """Of the rows in training that must be told; ``None``: the evaluation file as a whole."""
    groups: tuple[list[str], list[str]] | None = None
    """The conversation that each row of training and evaluation belongs to."""


class Planting(NamedTuple):
    """One fault."""

    name: str
    code: str
    """Of the finding that must tell it."""
    plant: Callable[["Clean", random.Random], Planted]


class Clean(NamedTuple):
    """Rows as published, repeats aside, and rows of another source."""

    train: Rows
    evaluation: Rows
    other: Rows


def prefix(clean: Clean, draw: random.Random) -> Planted:
    """96 % of the rows of one label, and 0.2 % of the others, begin with FWD:."""
    return _marked(clean, draw, lambda text: f"FWD: {text}")


def ticket(clean: Clean, draw: random.Random) -> Planted:
    """The same with a ticket number that is never the same."""
    return _marked(clean, draw, lambda text: f"[T-{draw.randrange(10**6)}] {text}")


def trailing(clean: Clean, draw: random.Random) -> Planted:
    """The same with a mark at the end."""
    return _marked(clean, draw, lambda text: f"{text} ;")


def lower(clean: Clean, draw: random.Random) -> Planted:
    """The same in small letters."""
    return _marked(clean, draw, str.lower)


def capitals(clean: Clean, draw: random.Random) -> Planted:
    """The same in capital letters."""
    return _marked(clean, draw, str.upper)


def _marked(clean: Clean, draw: random.Random, mark: Callable[[str], str]) -> Planted:
    labels = sorted({label for _, label in clean.train})
    chosen = labels[draw.randrange(len(labels))]
    shares = {label: 0.96 if label == chosen else 0.002 for label in labels}
    places = frozenset(
        place for place, (_, label) in enumerate(clean.train) if draw.random() < shares[label]
    )
    rows = [
        (mark(text) if place in places else text, label)
        for place, (text, label) in enumerate(clean.train)
    ]
    told = frozenset(place for place in places if rows[place][1] == chosen)
    return Planted(rows, None, told)


def flipped(clean: Clean, draw: random.Random) -> Planted:
    """3 % of the labels are turned into any other."""
    labels = sorted({label for _, label in clean.train})
    places = frozenset(draw.sample(range(len(clean.train)), round(0.03 * len(clean.train))))
    rows = [
        (text, draw.choice([other for other in labels if other != label]))
        if place in places
        else (text, label)
        for place, (text, label) in enumerate(clean.train)
    ]
    return Planted(rows, None, places)


def other_source(clean: Clean, draw: random.Random) -> Planted:
    """A third of the evaluation texts come from elsewhere."""
    texts = [text for text, _ in draw.sample(clean.other, len(clean.other))]
    rows = [
        (texts[place % len(texts)] if place % 3 == 0 else text, label)
        for place, (text, label) in enumerate(clean.evaluation)
    ]
    return Planted(clean.train, rows)


def missing_topics(clean: Clean, draw: random.Random) -> Planted:
    """Training lacks every text with one of the most frequent longer words."""
    counts = Counter(word for text, _ in clean.evaluation for word in {*text.casefold().split()})
    frequent = [word for word, _ in counts.most_common() if len(word) > 3]
    gone = draw.choice(frequent[:5])
    return Planted([row for row in clean.train if gone not in row[0].casefold()], clean.evaluation)


def longer(clean: Clean, draw: random.Random) -> Planted:
    """Every evaluation text is two."""
    texts = [text for text, _ in clean.evaluation]
    rows = [(f"{text} {draw.choice(texts)}", label) for text, label in clean.evaluation]
    return Planted(clean.train, rows)


def leaked(clean: Clean, draw: random.Random) -> Planted:
    """3 % more training rows: evaluation rows, letter for letter."""
    return _leaked(clean, draw, lambda text: text)


def nearly_leaked(clean: Clean, draw: random.Random) -> Planted:
    """The same with a word at the end, of texts long enough to be near."""
    return _leaked(clean, draw, lambda text: f"{text} pls", shortest=40)


def _leaked(
    clean: Clean, draw: random.Random, change: Callable[[str], str], shortest: int = 0
) -> Planted:
    long = [(text, label) for text, label in clean.evaluation if len(text) >= shortest]
    some = draw.sample(long, min(len(long), round(0.03 * len(clean.train))))
    rows = [*clean.train, *((change(text), label) for text, label in some)]
    return Planted(rows, clean.evaluation, frozenset(range(len(clean.train), len(rows))))


def same_conversation(clean: Clean, draw: random.Random) -> Planted:
    """Rows belong to conversations of five; 3 % of the training rows to one of the evaluation."""
    train = [f"t{place // 5}" for place in range(len(clean.train))]
    evaluation = [f"e{place // 5}" for place in range(len(clean.evaluation))]
    places = draw.sample(range(len(train)), round(0.03 * len(train)))
    for place in places:
        train[place] = draw.choice(evaluation)
    return Planted(clean.train, clean.evaluation, frozenset(places), (train, evaluation))


PLANTINGS = (
    Planting("leak: evaluation rows in training", "leak", leaked),
    Planting("leak: the same with a word more", "near_leak", nearly_leaked),
    Planting("leak: conversations on both sides", "group_leak", same_conversation),
    Planting("prefix FWD: on 96 % of a label", "giveaway", prefix),
    Planting("ticket number on 96 % of a label", "giveaway", ticket),
    Planting("mark at the end of 96 % of a label", "giveaway", trailing),
    Planting("small letters in 96 % of a label", "giveaway", lower),
    Planting("capital letters in 96 % of a label", "giveaway", capitals),
    Planting("3 % of the labels turned", "label_noise", flipped),
    Planting("a third of the evaluation from elsewhere", "shift", other_source),
    Planting("training lacks a frequent word", "shift", missing_topics),
    Planting("evaluation texts twice as long", "shift", longer),
)


def sources() -> dict[str, Clean]:
    """Real rows, by name; those that are not on this machine are left out."""
    example = _rows(EXAMPLE / "train.csv"), _rows(EXAMPLE / "test.csv")
    if not SHARED.is_dir():
        return {"example": Clean(*example, other=example[1])}
    sms = _rows(SHARED / "sms_spam" / "spam.csv")
    random.Random(0).shuffle(sms)
    whole = (_rows(SHARED / "banking77" / f"{part}.csv") for part in ("train", "test"))
    return {
        "Banking77, 10 a label": Clean(*example, other=sms),
        "Banking77, all": Clean(*whole, other=sms),
        "SMS spam": Clean(sms[:4000], sms[4000:], other=example[1]),
    }


def _rows(path: Path) -> Rows:
    found: dict[str, str] = {}
    for row in read(path).rows:
        found.setdefault(row.input, row.target)
    return list(found.items())


def _examined(folder: Path, planted: Planted) -> Examination:
    groups = planted.groups or (None, None)
    sides = (("train", planted.train, groups[0]), ("evaluation", planted.evaluation, groups[1]))
    tables = [
        read(_written(folder / f"{name}.csv", rows, group)) if rows else None
        for name, rows, group in sides
    ]
    assert tables[0]
    assert len(tables[0].rows) == len(planted.train)
    return examine(tables[0], tables[1], asked=Asked(embed=True))


def _written(path: Path, rows: Rows, groups: list[str] | None) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label", *(["conversation_id"] if groups else [])])
        for place, row in enumerate(rows):
            table.writerow([*row, *([groups[place]] if groups else [])])
    return path


def _told(planting: Planting, planted: Planted, found: Examination) -> tuple[str, str]:
    """How much of it was found, and how many other rows were told under the same code."""
    items = [item for item in found.found if item.code == planting.code]
    if planted.places is None:
        return ("yes" if items else "NO"), "-"
    told = {place for item in items for place in item.places}
    return f"{len(told & planted.places):,}", f"{len(told - planted.places):,}"


def main(words: Sequence[str]) -> None:
    """Plant, look, and print a row for each."""
    chosen = [item for item in PLANTINGS if all(word in item.name for word in words)]
    print(
        f"{'rows':22} {'planted':42} {'code':12} {'rows':>6} {'found':>6} {'others':>6}  new codes"
    )
    for name, clean in sources().items():
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            usual = _examined(Path(folder), Planted(clean.train, clean.evaluation))
            codes = {item.code for item in usual.found}
            seconds = time.perf_counter() - began
            counts = {item.code: len(item.places) or len(item.where) for item in usual.found}
            told = ", ".join(f"{code} {count:,}" for code, count in counts.items())
            print(f"{name:22} nothing ({seconds:.0f} s): {told}", flush=True)
            for planting in chosen:
                planted = planting.plant(clean, random.Random(0))
                found = _examined(Path(folder), planted)
                right, wrong = _told(planting, planted, found)
                rows = f"{len(planted.places):,}" if planted.places is not None else "-"
                new = {item.code for item in found.found} - codes - {planting.code}
                shown = f"{planting.code:12} {rows:>6} {right:>6} {wrong:>6}"
                print(f"{name:22} {planting.name:42} {shown}  {' '.join(sorted(new))}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
