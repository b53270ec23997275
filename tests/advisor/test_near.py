"""Near texts: found as by comparing all with all, never where there are none."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import examples, near
from advisor.data import normalised, read

SHARED = Path(__file__).parents[3] / "shared" / "data" / "classification"
NEEDS_SHARED = "the optional folder ../shared/data is not there"
TEXT = "I topped up my account on Monday but the money has still not arrived in it, why is that?"


def letters(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", normalised(text)))


def sequences(text: str) -> set[str]:
    plain = letters(text)
    return {plain[n : n + 4] for n in range(len(plain) - 3)}


def similarity(one: str, other: str) -> float:
    first, second = sequences(one), sequences(other)
    return len(first & second) / len(first | second)


def by_brute_force(texts: Sequence[str]) -> set[tuple[int, int]]:
    """All pairs that are near, each text compared with each."""
    from scipy.sparse import csr_matrix

    names: dict[str, int] = {}
    found = [sorted(sequences(text)) for text in texts]
    columns = [names.setdefault(name, len(names)) for one in found for name in one]
    ends = np.cumsum([0, *map(len, found)])
    table = csr_matrix((np.ones(len(columns), np.int32), columns, ends))
    sizes = np.diff(ends)
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(texts), 500):
        shared = (table[start : start + 500] @ table.T).tocoo()
        rows, others = shared.row + start, shared.col
        near_enough = shared.data >= near.THRESHOLD * (sizes[rows] + sizes[others] - shared.data)
        kept = near_enough & (rows < others)
        pairs.update(zip(rows[kept].tolist(), others[kept].tolist(), strict=True))
    return pairs


def distinct(texts: Sequence[str]) -> list[str]:
    by_letters = {letters(text): text for text in texts if len(letters(text)) >= 23}
    return list(by_letters.values())


def check_against_brute_force(texts: list[str]) -> None:
    expected = by_brute_force(texts)
    assert len(expected) > 5
    groups = near.near_groups(texts)
    group_of = {place: number for number, group in enumerate(groups) for place in group}
    missed = [pair for pair in expected if group_of.get(pair[0], -1) != group_of.get(pair[1], -2)]
    assert len(missed) <= 0.02 * len(expected)
    # Every text of a group has a near one: nothing that is called near is not.
    assert set(group_of) <= {place for pair in expected for place in pair}


def test_nearly_all_near_texts_of_the_example_are_found_and_no_others():
    rows = [*read(examples.TRAIN).rows, *read(examples.EVALUATION).rows]
    check_against_brute_force(distinct([row.input for row in rows]))


@pytest.mark.skipif(not SHARED.exists(), reason=NEEDS_SHARED)
@pytest.mark.parametrize("file", ["banking77/train.csv", "sms_spam/spam.csv"])
def test_nearly_all_near_texts_of_real_files_are_found_and_no_others(file: str):
    check_against_brute_force(distinct([row.input for row in read(SHARED / file).rows[:4000]]))


@pytest.mark.parametrize(
    "other",
    [
        TEXT.upper(),
        TEXT.replace(",", " -- ").replace("?", "!!!"),
        TEXT.replace("Monday", "Friday"),
        TEXT.replace("my account", "an account"),
        f"Hi, {TEXT}",
    ],
)
def test_a_small_change_leaves_a_text_near(other: str):
    assert similarity(TEXT, other) >= near.THRESHOLD
    assert near.near_groups(["something else that is long enough", TEXT, other]) == [[1, 2]]


def test_texts_that_differ_in_a_number_are_near():
    texts = [f"Please send {n} euros from my savings to my current account" for n in (20, 4500)]
    assert near.near_groups(texts) == [[0, 1]]


def test_short_texts_are_never_near():
    assert near.near_groups(["yes please", "yes, please!", "card lost 1", "card lost 2", ""]) == []


def test_texts_on_one_subject_are_not_near():
    texts = ["How do I top up my card with a cheque?", "Can I get a new card sent to my home?"]
    assert near.near_groups(texts) == []


def test_languages_without_spaces_and_beyond_latin_are_compared():
    russian = "Я пополнил счёт в понедельник, но деньги так и не пришли"
    chinese = "我星期一给我的账户充值了但是到现在钱还没有到账请问这是为什么呢谢谢你们的帮助"
    hindi = "मैंने सोमवार को अपने खाते में पैसे डाले लेकिन वे अभी तक नहीं आए"
    texts = [text for one in (russian, chinese, hindi) for text in (one, f"{one} 5")]
    assert near.near_groups(texts) == [[0, 1], [2, 3], [4, 5]]


def test_the_places_given_are_the_places_told():
    prepared = near.sketch([(3, TEXT), (7, "short"), (12, f"{TEXT} Thanks")], 3)
    assert near.groups(prepared) == [[3, 12]]


def test_many_texts_of_one_form_are_one_group_whatever_their_number():
    texts = [f"this is the text of row number {n} in a long file" for n in range(20_000)]
    assert [len(group) for group in near.near_groups(texts)] == [20_000]


def test_long_texts_are_compared_by_their_beginning():
    source = random.Random(0)
    words = [f"word{n}" for n in range(5000)]
    long = " ".join(source.choices(words, k=20_000))
    assert near.near_groups([long, long + " and more of it", " ".join(words)]) == [[0, 1]]


def test_planted_texts_are_found_among_many():
    source = random.Random(0)
    base = [row.input for row in read(examples.EVALUATION).rows]
    words = [word for text in base for word in text.split()]
    texts = [" ".join(source.choices(words, k=15)) for _ in range(20_000)]
    pairs: list[tuple[int, int]] = []
    for place in range(0, 1000, 2):
        changed = texts[place].split()
        changed[source.randrange(15)] = source.choice(words)
        texts[place + 10_000] = " ".join(changed)
        if similarity(texts[place], texts[place + 10_000]) >= near.THRESHOLD:
            pairs.append((place, place + 10_000))
    groups = [tuple(group) for group in near.near_groups(texts)]
    assert len(pairs) > 300
    assert len(set(pairs) - set(groups)) <= 0.02 * len(pairs)


def test_texts_held_against_others_are_told_with_their_twin():
    other = ["a text about something that is quite different", TEXT.replace("Monday", "Sunday")]
    mine = [TEXT, "nothing like anything else that is in here", f"{TEXT} Thanks"]
    assert near.across(near.prepared(mine), near.prepared(other)) == {0: 1, 2: 1}
    assert near.across(near.prepared(mine), near.prepared([])) == {}
    assert near.across(near.prepared([]), near.prepared(mine)) == {}


ODD = st.text(st.characters(codec=None, categories=None), max_size=60) | st.sampled_from(
    [TEXT, f"{TEXT}\0", f"\0{TEXT}", TEXT + "\ud800", "\ud800" * 40, "😀" * 40, "!" * 90, "ß" * 30]
)


@given(texts=st.lists(ODD, max_size=12))
@settings(deadline=None, max_examples=60)
def test_any_text_can_be_compared_and_is_in_one_group_at_most(texts: list[str]):
    groups = near.near_groups(texts)
    places = [place for group in groups for place in group]
    assert len(places) == len(set(places))
    assert all(0 <= place < len(texts) for place in places)
    same = [place for place, text in enumerate(texts) if text == TEXT]
    assert not same or len(same) == 1 or any(set(same) <= set(group) for group in groups)
